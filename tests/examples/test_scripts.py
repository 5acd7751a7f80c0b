"""The scripts that people copy, run by the plainest shell there is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

# Stands in for dubtool: fails on a speech that says so, swallows stdin, and shows what it was given.
_STUB = """#!/bin/sh
cat >/dev/null
printf '%s\\n' "$@" >>"$LOG"
read -r status <"$3"
[ "$status" = 0 ] || exit "$status"
cp "$2" "$5"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    stub = tmp_path / "the stub"
    stub.write_text(_STUB)
    stub.chmod(0o755)
    monkeypatch.setenv("DUBTOOL", str(stub))
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    place = tmp_path / '-it\'s "all" $HOME; *'
    place.mkdir()
    return place


def _run(script: str, *arguments: object, cwd: Path | None = None) -> tuple[int, str]:
    command = ["sh", str(EXAMPLES / script), *(str(word) for word in arguments)]
    ran = subprocess.run(command, cwd=cwd, input="x", capture_output=True, text=True, timeout=120, check=False)
    assert ran.stdout == ""
    return ran.returncode, ran.stderr


def _videos(folder: Path, **statuses: int) -> None:
    for name, status in statuses.items():
        (folder / f"{name}.mp4").write_text(name)
        (folder / f"{name}.wav").write_text(f"{status}\n")


def test_a_folder_is_dubbed_in_spite_of_names_and_errors(folder: Path) -> None:
    _videos(folder, **{"-a b": 0, "早 v1.2": 0, "bad 'one'": 4, "worse": 7})
    (folder / "no speech.mp4").touch()
    code, told = _run("dub_folder.sh", folder.name, "--crf", "20", cwd=folder.parent)
    assert (code, told) == (4, "2 dubbed, 0 there already, 2 failed\n")
    assert (folder / "-a b.dubbed.mp4").read_text() == "-a b"
    assert (folder / "早 v1.2.dubbed.mp4").exists()
    first = (folder.parent / "log").read_text().splitlines()[:8]
    at = f"./{folder.name}/-a b"
    assert first == ["dub", f"{at}.mp4", f"{at}.wav", "--output", f"{at}.dubbed.mp4", "--quiet", "--crf", "20"]
    _videos(folder, **{"bad 'one'": 0, "worse": 0})
    assert _run("dub_folder.sh", folder) == (0, "2 dubbed, 2 there already, 0 failed\n")
    assert _run("dub_folder.sh", folder) == (0, "0 dubbed, 4 there already, 0 failed\n")


def test_one_video_is_dubbed_into_many_languages(folder: Path) -> None:
    (folder / "my film.v2.mov").write_text("film")
    for name, status in {"français": 0, "deutsch (neu)": 0, "x": 3}.items():
        (folder / f"{name}.wav").write_text(f"{status}\n")
    arguments = (Path(folder.name) / "my film.v2.mov", folder.name)
    code, told = _run("dub_languages.sh", *arguments, cwd=folder.parent)
    assert (code, told) == (3, "2 dubbed, 0 there already, 1 failed\n")
    assert (folder / "my film.v2.français.mp4").read_text() == "film"
    assert (folder / "my film.v2.deutsch (neu).mp4").exists()


# The same where the first input says how it ends, and the output comes after a flag.
_PLAIN_STUB = """#!/bin/sh
cat >/dev/null
printf '%s\\n' "$@" >>"$LOG"
source=$2
read -r status <"$source"
while [ "$1" != --output ]; do shift; done
[ "$status" = 0 ] || exit "$status"
cp "$source" "$2"
"""


@pytest.fixture
def plain(folder: Path) -> Path:
    (folder.parent / "the stub").write_text(_PLAIN_STUB)
    return folder


def test_a_folder_is_restored_in_spite_of_names_and_errors(plain: Path) -> None:
    for name, status in {"-a b.mp4": 0, "早 v1.2.mov": 0, "bad 'one'.mkv": 4}.items():
        (plain / name).write_text(f"{status}\n")
    code, told = _run("restore_folder.sh", plain.name, "--crf", "20", cwd=plain.parent)
    assert (code, told) == (4, "2 restored, 0 there already, 1 failed\n")
    assert (plain / "早 v1.2.restored.mp4").exists()
    first = (plain.parent / "log").read_text().splitlines()[:7]
    at = f"./{plain.name}/-a b"
    assert first == ["restore-teeth", f"{at}.mp4", "--output", f"{at}.restored.mp4", "--quiet", "--crf", "20"]
    (plain / "bad 'one'.mkv").write_text("0\n")
    assert _run("restore_folder.sh", plain) == (0, "1 restored, 2 there already, 0 failed\n")


def test_many_portraits_follow_one_driver(plain: Path) -> None:
    (plain / "a talk.v2.mp4").write_text("driver")
    for name, status in {"-anna.png": 0, "bernd b.jpg": 0, "早.webp": 0, "nobody.jpeg": 4}.items():
        (plain / name).write_text(f"{status}\n")
    arguments = (Path(plain.name) / "a talk.v2.mp4", plain.name, "--motion", "absolute")
    code, told = _run("reenact_portraits.sh", *arguments, cwd=plain.parent)
    assert (code, told) == (4, "3 reenacted, 0 there already, 1 failed\n")
    assert all((plain / f"{name}.a talk.v2.mp4").exists() for name in ("-anna", "bernd b", "早"))
    first = (plain.parent / "log").read_text().splitlines()[:8]
    at = f"./{plain.name}"
    assert first[:3] == ["reenact", f"{at}/-anna.png", f"{at}/a talk.v2.mp4"]
    assert first[3:] == ["--output", f"{at}/-anna.a talk.v2.mp4", "--quiet", "--motion", "absolute"]


def test_every_film_with_a_cast_is_dubbed(plain: Path) -> None:
    for name, status in {"-a b.mp4": 0, "早 v1.mov": 0, "bad.mkv": 4, "alone.mp4": 0}.items():
        (plain / name).write_text(f"{status}\n")
    for name in ("-a b", "早 v1", "bad", "lost"):
        (plain / f"{name}.cast.csv").write_text("face,speech\n")
    code, told = _run("dub_casts.sh", plain.name, "--crf", "20", cwd=plain.parent)
    lines = told.splitlines()
    assert (code, lines[-1]) == (4, "2 dubbed, 0 there already, 2 failed")
    assert lines[0].endswith("lost.cast.csv: there is no video of this name beside it")
    assert (plain / "早 v1.dubbed.mp4").exists() and not (plain / "alone.dubbed.mp4").exists()
    at = f"./{plain.name}/-a b"
    first = (plain.parent / "log").read_text().splitlines()[:9]
    assert first[:6] == ["dub", f"{at}.mp4", "--cast", f"{at}.cast.csv", "--output", f"{at}.dubbed.mp4"]
    assert first[6:] == ["--quiet", "--crf", "20"]


def test_one_film_is_dubbed_by_the_subtitles_of_many_languages(plain: Path) -> None:
    (plain / "my film.v2.mov").write_text("0\n")
    for name in ("français", "-deutsch (neu)"):
        (plain / f"{name}.srt").touch()
    arguments = (Path(plain.name) / "my film.v2.mov", plain.name)
    assert _run("dub_cues.sh", *arguments, cwd=plain.parent) == (0, "2 dubbed, 0 there already, 0 failed\n")
    at = f"./{plain.name}"
    log = (plain.parent / "log").read_text().splitlines()
    assert log[11:13] == ["dub", f"{at}/my film.v2.mov"]
    assert log[13:17] == ["--cues", f"{at}/français.srt", "--voices", f"{at}/français"]
    assert log[17:] == ["--output", f"{at}/my film.v2.français.mp4", "--fit", "stretch", "--quiet"]
    assert (plain / "my film.v2.-deutsch (neu).mp4").exists()


@pytest.mark.parametrize(
    "script",
    ["dub_casts.sh", "dub_cues.sh", "dub_folder.sh", "dub_languages.sh", "restore_folder.sh", "reenact_portraits.sh"],
)
def test_a_script_without_its_arguments_says_how(script: str, tmp_path: Path) -> None:
    code, told = _run(script, tmp_path / "none")
    assert code == 2
    assert told.startswith("usage: ")


def test_ctrl_c_ends_the_script(folder: Path) -> None:
    _videos(folder, a=130, b=0)
    assert _run("dub_folder.sh", folder) == (130, "")
    assert not (folder / "b.dubbed.mp4").exists()


def test_an_empty_folder_is_no_error(folder: Path) -> None:
    assert _run("dub_folder.sh", folder) == (0, "0 dubbed, 0 there already, 0 failed\n")


def test_the_script_with_the_real_tool(place: Path, clip: Path, speech: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = place.parent / "dubtool"
    tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m dubtool "$@"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("DUBTOOL", str(tool))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(EXAMPLES.parent), os.environ.get("PYTHONPATH", "")]))
    shutil.copy(clip, place / "早 film.mp4")
    shutil.copy(speech, place / "早 film.wav")
    ran = subprocess.run(["sh", EXAMPLES / "dub_folder.sh", place], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "1 dubbed, 0 there already, 0 failed\n")
    assert ran.stdout == f"{place}/早 film.dubbed.mp4\n"
    assert Path(ran.stdout.strip()).stat().st_size > 1000
