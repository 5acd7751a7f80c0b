"""One picture of a video as a small JPEG."""

from __future__ import annotations

import tempfile
from pathlib import Path

from dubtool.media.ffmpeg import file_url, find_ffmpeg, run_ffmpeg

_SECONDS = 60.0


def still(video: Path, time: float, width: int) -> bytes:
    """JPEG of the frame at `time` seconds (the first one after the keyframe before it), `width` px wide, upright.

    Raises:
        OutputError: the video has no such frame, or cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="dubtool-") as folder:
        target = Path(folder) / "still.jpg"
        command = [find_ffmpeg().path, "-loglevel", "error", "-ss", f"{max(time, 0.0):.3f}", "-i", file_url(video)]
        picture = ["-frames:v", "1", "-vf", f"scale={width}:-2", "-q:v", "5", "-update", "1", "-y", file_url(target)]
        run_ffmpeg([*command, "-an", *picture], timeout=_SECONDS)
        return target.read_bytes() if target.exists() else b""
