from __future__ import annotations

import hashlib
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dubtool.media.ffmpeg import find_ffmpeg, run_ffmpeg

if TYPE_CHECKING:
    from dubbing_place import Cut

pytest_plugins = ["dubbing_place", "tracked_example", "two_people"]

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


# A suite started in the background, or by nohup, ignores these, and so would every process it starts.
for _number, _handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _handler)


@pytest.fixture
def user_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty weights folder of the user; nothing of the real one is seen."""
    folder = tmp_path / "user weights"
    folder.mkdir()
    monkeypatch.setenv("DUBTOOL_WEIGHTS", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


@pytest.fixture(scope="session")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Cut:
    """cut(name, *ffmpeg arguments, source=...): a piece of the example clip, made once in the session."""
    folder = tmp_path_factory.mktemp("clips")

    def make(name: str, *arguments: object, source: str = "portrait.mp4") -> Path:
        words = [source, *(str(word) for word in arguments)]
        path = folder / hashlib.sha256("\0".join(words).encode()).hexdigest()[:12] / name
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            command = [find_ffmpeg().path, "-loglevel", "error", "-y", "-i", str(EXAMPLES / source)]
            run_ffmpeg([*command, *(str(word) for word in arguments), f"file:{path}"], timeout=60)
        return path

    return make


@pytest.fixture(scope="session")
def clip(cut: Cut) -> Path:
    """Ten frames of the example clip, 0.4 s, without sound."""
    return cut("clip.mp4", "-frames:v", 10, "-an", "-preset", "ultrafast", "-crf", 14)


@pytest.fixture(scope="session")
def speech(cut: Cut) -> Path:
    """0.4 s of the example speech."""
    return cut("speech.wav", "-ss", 0.3, "-t", 0.4, source="speech.wav")


@pytest.fixture(scope="session")
def tracks_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder that all dubs of the session share, so that a clip is tracked once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def place(tmp_path: Path, tracks_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder to dub in; the test fails if a dub leaves anything in the folder of temporary files."""
    folder, temporary = tmp_path / "place", tmp_path / "temporary"
    folder.mkdir()
    temporary.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tracks_cache))
    monkeypatch.setenv("DUBTOOL_WEIGHTS", str(tmp_path / "user weights"))
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    yield folder
    assert list(temporary.iterdir()) == []
