"""A place to dub in that notices what is lost or left over."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dubtool.cli import main
from dubtool.media.decode import VideoReader
from dubtool.media.ffmpeg import find_ffmpeg, run_ffmpeg
from dubtool.media.frame import Frame
from dubtool.media.probe import probe

# Fixtures that make files, or run a program.
Cut = Make = Callable[..., Path]
Run = Callable[..., None]
Capture = pytest.CaptureFixture[str]
Refused = Callable[..., str]
State = Callable[[Path], dict[str, str]]


def frames_of(video: Path) -> list[Frame]:
    """All of them."""
    return list(VideoReader(probe(video)))


def ffmpeg(*arguments: object) -> None:
    """Run ffmpeg with these arguments."""
    run_ffmpeg([find_ffmpeg().path, "-loglevel", "error", "-y", *(str(word) for word in arguments)], timeout=60)


def _state(folder: Path) -> dict[str, str]:
    """Every file below the folder with the hash of its content."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def refused(place: Path, capfd: Capture) -> Refused:
    """refused(code, *arguments): the command exits so, says one line, and changes no file. Gives the line."""

    def run(code: int, *arguments: object) -> str:
        before = _state(place)
        capfd.readouterr()
        assert main(["dub", *(str(word) for word in arguments), "--quiet"]) == code
        out, err = capfd.readouterr()
        assert out == ""
        assert err.startswith("dubtool: "), err
        assert err.count("\n") == 1, err
        assert _state(place) == before
        return err

    return run


@pytest.fixture
def video(place: Path, clip: Path) -> Path:
    return Path(shutil.copy(clip, place / "video.mp4"))


@pytest.fixture
def sound(place: Path, speech: Path) -> Path:
    return Path(shutil.copy(speech, place / "sound.wav"))


@pytest.fixture
def state() -> State:
    """Every file below a folder with the hash of its content."""
    return _state
