"""Odd surroundings: no home, no room for temporary files, names that are not UTF-8 or as long as can be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from dubbing_place import Refused

import dubtool
from dubtool import folders
from dubtool.cli import main
from dubtool.errors import OutputError
from dubtool.folders import cache_folder, expanded, temporary_folder
from dubtool.jobs.shared.outputs import EXTRAS, beside


@pytest.fixture
def homeless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without HOME and without an entry among the users; the folder of temporary files."""
    pwd = pytest.importorskip("pwd")

    def unknown(*_: object) -> None:
        raise KeyError("uid not found")

    temporary = tmp_path / "tmp"
    temporary.mkdir()
    for name in ("HOME", "XDG_CACHE_HOME", "USERPROFILE", "DUBTOOL_WEIGHTS"):
        monkeypatch.delenv(name, raising=False)
    for name in ("getpwuid", "getpwnam"):
        monkeypatch.setattr(pwd, name, unknown)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    folders.homeless_folder.cache_clear()
    return temporary


def test_without_a_home_the_cache_is_among_the_temporary_files(homeless: Path) -> None:
    folder = cache_folder()
    assert folder.parent == homeless and folder.stat().st_mode & 0o777 == 0o700
    assert cache_folder() == folder
    assert expanded(Path("~/clip.mp4")) == Path("~/clip.mp4")


def test_a_home_that_may_not_be_entered_is_none(homeless: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setenv("HOME", "/root")
    assert cache_folder() == Path("/root/.cache/dubtool")
    monkeypatch.setattr(Path, "exists", refuse)
    assert cache_folder().parent == homeless


def test_a_folder_of_another_user_is_not_taken_for_the_cache(homeless: Path) -> None:
    planted = homeless / f"dubtool-cache-{os.getuid()}"
    planted.mkdir()
    planted.chmod(0o777)
    assert cache_folder() != planted and not cache_folder().exists()


def test_without_any_place_nothing_is_kept(homeless: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(homeless / "none"))
    assert not (cache_folder() / "weights" / "x.onnx").is_file()
    with pytest.raises(OSError):
        cache_folder().mkdir(parents=True)
    with pytest.raises(OutputError, match="set TMPDIR"), temporary_folder():
        pass


def test_a_dub_without_a_home(homeless: Path, tmp_path: Path, clip: Path, speech: Path) -> None:
    assert dubtool.dub(clip, speech, tmp_path / "out.mp4").dubbed == 10
    assert [path.name for path in homeless.iterdir()] == [cache_folder().name]


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are text there")
def test_names_that_are_not_utf8(place: Path, clip: Path, speech: Path) -> None:
    folder = place / os.fsdecode(b"d\xe9")
    folder.mkdir()
    video, sound = folder / os.fsdecode(b"caf\xe9.mp4"), folder / os.fsdecode(b"\xff.wav")
    shutil.copy(clip, video)
    shutil.copy(speech, sound)
    words = [sys.executable, "-m", "dubtool", "dub", video, sound, "--preview", "--debug", "--sidecar", "-q"]
    done = subprocess.run([os.fspath(word) for word in words], capture_output=True, check=False)
    made = os.fsencode(folder) + b"/caf\xe9.dubbed.mp4"
    assert (done.returncode, done.stdout) == (0, made + b"\n"), done.stderr
    asked = [suffix for option, suffix in EXTRAS.items() if option != "speaking"]
    assert all(beside(Path(os.fsdecode(made)), suffix).exists() for suffix in asked)
    again = subprocess.run([os.fspath(word) for word in words], capture_output=True, check=False)
    assert again.returncode == 2 and again.stderr.count(b"\n") == 1


def test_names_as_long_as_can_be(place: Path, clip: Path, speech: Path, refused: Refused) -> None:
    video, sound = place / ("v" * 251 + ".mp4"), place / ("s" * 251 + ".wav")
    shutil.copy(clip, video)
    shutil.copy(speech, sound)
    assert "too long a name" in refused(2, video, sound)
    target = place / ("o" * 251 + ".mp4")
    assert "too long a name" in refused(2, video, sound, "-o", target, "--sidecar", "--debug")
    assert main(["dub", str(video), str(sound), "-o", str(target), "-q"]) == 0
    assert sorted(place.iterdir()) == sorted([video, sound, target])


def test_every_precision_that_help_offers_works_or_says_why_not(place: Path, clip: Path, speech: Path) -> None:
    command = [sys.executable, "-m", "dubtool", "dub"]
    offered = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True).stdout
    assert "bf16" not in offered and "fp16" in offered
    done = subprocess.run(
        [*command, clip, speech, "-o", place / "o.mp4", "--precision", "bf16"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2 and "'auto', 'fp32', 'fp16'" in done.stderr
