"""Media for the tests, made on the spot with ffmpeg's generators."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from dubbing_place import ffmpeg

Make = Callable[..., Path]


@pytest.fixture
def ffmpeg_run() -> Callable[..., None]:
    """Run the found ffmpeg with these arguments."""
    return ffmpeg


@pytest.fixture
def make_video(tmp_path: Path, ffmpeg_run: Callable[..., None]) -> Make:
    """make_video(name, *encoder arguments, size=, rate=, frames=, sound=, filters=): a moving test picture."""

    def make(
        name: str,
        *arguments: object,
        size: str = "96x64",
        rate: str = "25",
        frames: int = 20,
        sound: bool = False,
        filters: str = "null",
    ) -> Path:
        path = tmp_path / name
        seconds = 60
        inputs: list[object] = ["-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds},{filters}"]
        if sound:
            inputs += ["-f", "lavfi", "-i", "sine=f=440:r=44100:d=1"]
        codec = [] if "-c:v" in arguments else ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2"]
        ffmpeg_run(*inputs, "-frames:v", frames, "-fps_mode", "passthrough", *codec, *arguments, f"file:{path}")
        return path

    return make
