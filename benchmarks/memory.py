"""Peak memory of dubbing long 720p videos against a short one, made by looping the example clip, as a table and a plot.

    python benchmarks/memory.py [--minutes 1 10] [--device cpu] [--plot memory.png]

Each dub runs as a process of its own. Its own high-water mark is shown, without the encoder's process beside it, which
holds a fixed number of frames. Linux and macOS; the plot, of resident memory over each run, is Linux's alone.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from dubtool.media.ffmpeg import find_ffmpeg, run_ffmpeg
from dubtool.review.plots import color_of, png

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
SHORT_SECONDS = 10.0
PICTURE = "scale=-2:720,pad=1280:720:(ow-iw)/2:0:gray"
_WIDTH, _HEIGHT, _LEFT, _BELOW, _FONT = 1000, 360, 70, 30, cv2.FONT_HERSHEY_SIMPLEX
_INK, _RULE = (40, 40, 40), (220, 220, 220)
_STEP = 100


@dataclass
class Use:
    """Of one process, MB: its high-water mark, and what was resident every 0.2 seconds."""

    peak: float = 0.0
    resident: list[float] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description="Peak memory of dubbing long videos against a short one.")
    parser.add_argument("--minutes", type=float, nargs="+", default=[10.0])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--plot", type=Path, help="draw what is resident over each run")
    arguments = parser.parse_args()
    print("seconds   frames/s   peak MB")
    uses: dict[float, Use] = {}
    with tempfile.TemporaryDirectory() as folder:
        for seconds in (SHORT_SECONDS, *(minutes * 60 for minutes in arguments.minutes)):
            uses[seconds] = measure(Path(folder), seconds, arguments.device)
    short, long = uses[SHORT_SECONDS].peak, max(uses)
    print(f"the longest needs {(uses[long].peak / short - 1) * 100:+.1f} % against the short one")
    if arguments.plot is not None:
        arguments.plot.write_bytes(png(plot(uses)))


def measure(folder: Path, seconds: float, device: str) -> Use:
    """The memory of one dub."""
    video, speech = folder / f"{seconds:g}.mp4", folder / f"{seconds:g}.wav"
    loop(EXAMPLES / "portrait.mp4", video, seconds, "-vf", PICTURE, "-preset", "veryfast", "-an")
    loop(EXAMPLES / "speech.wav", speech, seconds)
    command = [sys.executable, "-m", "dubtool", "dub", str(video), str(speech), "--device", device]
    started = time.monotonic()
    process = subprocess.Popen([*command, "--no-cache", "--quiet"], stdout=subprocess.DEVNULL)
    watch = Watch(process.pid)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    use = watch.end()
    if process.returncode != 0:
        raise SystemExit(f"the dub of {video} failed with exit code {process.returncode}")
    # Where /proc does not tell, the largest of the whole family stands in for the process's own.
    use.peak = use.peak or usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)
    rate = seconds * 25 / (time.monotonic() - started)
    print(f"{seconds:7.0f} {rate:10.1f} {use.peak:9.0f}", flush=True)
    return use


class Watch:
    """Reads a process's own memory from /proc until it ends."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self._use = Use()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self) -> Use:
        """What it used; nothing where there is no /proc."""
        self._done.set()
        self._thread.join()
        return self._use

    def _run(self) -> None:
        while not self._done.wait(0.2):
            try:
                told = dict(line.split(":", 1) for line in self._status.read_text().splitlines())
                peak, resident = (int(told[name].split()[0]) / 1024 for name in ("VmHWM", "VmRSS"))
            except (OSError, KeyError):
                return
            self._use.peak = peak
            self._use.resident.append(resident)


def plot(uses: dict[float, Use]) -> np.ndarray:
    """What was resident over each run, all runs as wide as the picture: uint8 RGB."""
    panel = np.full((_HEIGHT, _WIDTH, 3), 255, np.uint8)
    top = max(use.peak for use in uses.values()) * 1.15
    floor = _HEIGHT - _BELOW
    for level in range(0, int(top), _STEP):
        y = round(floor - level / top * floor)
        cv2.line(panel, (_LEFT, y), (_WIDTH, y), _RULE, 1)
        cv2.putText(panel, f"{level} MB", (4, y + 5), _FONT, 0.42, _INK, 1, cv2.LINE_AA)
    for number, (seconds, use) in enumerate(uses.items()):
        if len(use.resident) < 2:
            continue
        across = _LEFT + np.linspace(0, _WIDTH - _LEFT - 1, len(use.resident))
        up = floor - np.array(use.resident) / top * floor
        cv2.polylines(panel, [np.rint(np.stack([across, up], 1)).astype(int)], False, color_of(number), 2, cv2.LINE_AA)
        name = f"{seconds:.0f} s, at most {use.peak:.0f} MB"
        cv2.putText(panel, name, (_LEFT + 10 + 230 * number, 18), _FONT, 0.45, color_of(number), 1, cv2.LINE_AA)
    cv2.putText(panel, "beginning of the job", (_LEFT, _HEIGHT - 8), _FONT, 0.42, _INK, 1, cv2.LINE_AA)
    cv2.putText(panel, "its end", (_WIDTH - 60, _HEIGHT - 8), _FONT, 0.42, _INK, 1, cv2.LINE_AA)
    return panel


def loop(source: Path, target: Path, seconds: float, *options: str) -> None:
    """`source` again and again for so many seconds."""
    command = [find_ffmpeg().path, "-v", "error", "-stream_loop", "-1", "-i", str(source), "-t", f"{seconds:g}"]
    run_ffmpeg([*command, *options, "-y", str(target)], timeout=3600)


if __name__ == "__main__":
    main()
