"""End-to-end speed of dubbing the example clip at 480p, 720p and 1080p, as a table.

python benchmarks/speed.py [--device cpu] [--heights 480 720 1080] [--seconds 7] [--model NAME ...] [--against CHECKOUT]

Several models, and another checkout of dubtool with its own default, are measured in turn on the same clips: only what
is measured in one run on one machine can be compared.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import dubtool
from dubtool.jobs.shared.options import DEFAULT_MODEL
from dubtool.media.ffmpeg import find_ffmpeg, run_ffmpeg

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
_COMMAND = ("dub", "{video}", str(EXAMPLES / "speech.wav"), "-o", "{out}", "--length", "shortest", "--overwrite")


def main() -> None:
    parser = argparse.ArgumentParser(description="End-to-end speed of dubbing.")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--heights", type=int, nargs="+", default=[480, 720, 1080])
    parser.add_argument("--seconds", type=float, default=7.0, help="how much of the example clip")
    parser.add_argument("--model", nargs="+", default=[DEFAULT_MODEL])
    parser.add_argument("--against", type=Path, help="another checkout, whose default is measured beside")
    arguments = parser.parse_args()
    print(f"dubtool {dubtool.__version__}, {platform.processor() or platform.machine()}, {platform.platform()}")
    print("what                  size        frames  track s  dub s  all s  frames/s  again s  again frames/s")
    for checkout in filter(None, (ROOT, arguments.against)):
        # What is installed is compiled.
        subprocess.run([sys.executable, "-m", "compileall", "-q", str(checkout / "dubtool")], check=False)
    with tempfile.TemporaryDirectory() as folder:
        for height in arguments.heights:
            video = widened(Path(folder) / f"{height}.mp4", height, arguments.seconds)
            for model in arguments.model:
                measure(ROOT, video, height, model, ["--model", model, "--device", arguments.device])
            if arguments.against is not None:
                measure(
                    arguments.against.resolve(), video, height, "the other checkout", ["--device", arguments.device]
                )


def measure(checkout: Path, video: Path, height: int, name: str, options: list[str]) -> None:
    """One row: the whole command without any cache, and once more with what the first kept of the film."""
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"PYTHONPATH": str(checkout), "XDG_CACHE_HOME": cache}
        report, first = timed(checkout, video, options, environment)
        _, again = timed(checkout, video, options, environment)
    took, frames = report["seconds"], report["frames"]
    print(
        name.ljust(21),
        f"{height * 16 // 9 // 2 * 2}x{height}".ljust(10),
        f"{frames:7d} {took['track']:8.1f} {took['dub']:6.1f} {first:6.1f}",
        f"{frames / first:9.1f} {again:8.1f} {frames / again:15.1f}",
        flush=True,
    )


def timed(checkout: Path, video: Path, options: list[str], environment: dict[str, str]) -> tuple[dict[str, Any], float]:
    """The report of one command, and the seconds it took from its start to its end."""
    command = [part.format(video=video, out=video.with_name("out.mp4")) for part in _COMMAND]
    start = time.perf_counter()
    told = subprocess.run(
        [sys.executable, "-m", "dubtool", *command, "--json", "--quiet", *options],
        cwd=checkout,
        env=environment,
        check=True,
        capture_output=True,
    )
    return json.loads(told.stdout), time.perf_counter() - start


def widened(target: Path, height: int, seconds: float) -> Path:
    """The square example clip as a 16:9 picture of that height, the face as large as in an interview."""
    width = height * 16 // 9 // 2 * 2
    picture = f"scale=-2:{height}:flags=bicubic,pad={width}:{height}:(ow-iw)/2:0:gray"
    command = [find_ffmpeg().path, "-v", "error", "-i", str(EXAMPLES / "portrait.mp4"), "-t", str(seconds)]
    run_ffmpeg([*command, "-vf", picture, "-crf", "16", "-preset", "veryfast", "-y", str(target)], timeout=600)
    return target


if __name__ == "__main__":
    main()
