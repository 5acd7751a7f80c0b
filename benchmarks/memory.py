"""Peak memory of dubbing a long 720p video against a short one, made by looping the example clip, as a table.

    python benchmarks/memory.py [--minutes 10] [--device cpu]

Each dub runs as a process of its own. Its own high-water mark is shown, without the encoder's process beside it, which
holds a fixed number of frames. Linux and macOS.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from dubtool.media.ffmpeg import find_ffmpeg, run_ffmpeg

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
SHORT_SECONDS = 10.0
PICTURE = "scale=-2:720,pad=1280:720:(ow-iw)/2:0:gray"


def main() -> None:
    parser = argparse.ArgumentParser(description="Peak memory of dubbing a long video against a short one.")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    print("seconds   frames/s   peak MB")
    peaks = []
    with tempfile.TemporaryDirectory() as folder:
        for seconds in (SHORT_SECONDS, arguments.minutes * 60):
            peaks.append(measure(Path(folder), seconds, arguments.device))
    print(f"the long one needs {(peaks[1] / peaks[0] - 1) * 100:+.1f} % against the short one")


def measure(folder: Path, seconds: float, device: str) -> float:
    """Peak resident memory in MB of one dub."""
    video, speech = folder / f"{seconds:g}.mp4", folder / f"{seconds:g}.wav"
    loop(EXAMPLES / "portrait.mp4", video, seconds, "-vf", PICTURE, "-preset", "veryfast", "-an")
    loop(EXAMPLES / "speech.wav", speech, seconds)
    command = [sys.executable, "-m", "dubtool", "dub", str(video), str(speech), "--device", device]
    started = time.monotonic()
    process = subprocess.Popen([*command, "--no-cache", "--quiet"], stdout=subprocess.DEVNULL)
    analyse = Watch(process.pid)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    own = analyse.end()
    if process.returncode != 0:
        raise SystemExit(f"the dub of {video} failed with exit code {process.returncode}")
    # Where /proc does not tell, the largest of the whole family stands in for the process's own.
    peak = own or usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)
    rate = seconds * 25 / (time.monotonic() - started)
    print(f"{seconds:7.0f} {rate:10.1f} {peak:9.0f}", flush=True)
    return peak


class Watch:
    """Reads a process's own high-water mark from /proc until it ends."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self._peak = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self) -> float:
        """MB, or 0 where there is no /proc."""
        self._done.set()
        self._thread.join()
        return self._peak

    def _run(self) -> None:
        while not self._done.wait(0.2):
            try:
                lines = self._status.read_text().splitlines()
            except OSError:
                return
            self._peak = next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), self._peak)


def loop(source: Path, target: Path, seconds: float, *options: str) -> None:
    """`source` again and again for so many seconds."""
    command = [find_ffmpeg().path, "-v", "error", "-stream_loop", "-1", "-i", str(source), "-t", f"{seconds:g}"]
    run_ffmpeg([*command, *options, "-y", str(target)], timeout=3600)


if __name__ == "__main__":
    main()
