"""End-to-end speed of dubbing the example clip at 480p, 720p and 1080p, as a table.

python benchmarks/speed.py [--device cpu] [--heights 480 720 1080] [--seconds 7]
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from pathlib import Path

import dubtool
from dubtool.media.ffmpeg import find_ffmpeg, run_ffmpeg

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def main() -> None:
    parser = argparse.ArgumentParser(description="End-to-end speed of dubbing.")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--heights", type=int, nargs="+", default=[480, 720, 1080])
    parser.add_argument("--seconds", type=float, default=7.0, help="how much of the example clip")
    arguments = parser.parse_args()
    print(f"dubtool {dubtool.__version__}, {platform.processor() or platform.machine()}, {platform.platform()}")
    print("size        frames  track s  dub s  all s  frames/s  again frames/s")
    with tempfile.TemporaryDirectory() as folder:
        for height in arguments.heights:
            measure(Path(folder), height, arguments.seconds, arguments.device)


def measure(folder: Path, height: int, seconds: float, device: str) -> None:
    """One row: the whole job without any cache, and its rate once faces are known (pass 1 skipped)."""
    video = widened(folder / f"{height}.mp4", height, seconds)
    start = time.perf_counter()
    report = dubtool.dub(
        video,
        EXAMPLES / "speech.wav",
        folder / "out.mp4",
        device=device,
        length="shortest",
        overwrite=True,
        cache=False,
    )
    total = time.perf_counter() - start
    took = report.seconds
    again = report.frames / (total - took["track"])
    print(
        f"{height * 16 // 9 // 2 * 2}x{height}".ljust(10),
        f"{report.frames:7d} {took['track']:8.1f} {took['dub']:6.1f} {total:6.1f}",
        f"{report.frames / total:9.1f} {again:15.1f}",
    )


def widened(target: Path, height: int, seconds: float) -> Path:
    """The square example clip as a 16:9 picture of that height, the face as large as in an interview."""
    width = height * 16 // 9 // 2 * 2
    picture = f"scale=-2:{height}:flags=bicubic,pad={width}:{height}:(ow-iw)/2:0:gray"
    command = [find_ffmpeg().path, "-v", "error", "-i", str(EXAMPLES / "portrait.mp4"), "-t", str(seconds)]
    run_ffmpeg([*command, "-vf", picture, "-crf", "16", "-preset", "veryfast", "-y", str(target)], timeout=600)
    return target


if __name__ == "__main__":
    main()
