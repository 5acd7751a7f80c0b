"""Reading files whose headers were changed at random: each is read, or refused in one line; nothing else may happen.

python benchmarks/fuzz.py [--runs 1000] [--seed 0] [--container mp4 mov mkv avi ts] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import traceback
from itertools import islice
from pathlib import Path

from dubtool.errors import DubtoolError, OutputError
from dubtool.media.audio import load_speech
from dubtool.media.decode import VideoReader
from dubtool.media.ffmpeg import find_ffmpeg, run_ffmpeg
from dubtool.media.probe import probe

# How each container is made, and how much of its start counts as header, in bytes.
CONTAINERS = {
    "mp4": (["-c:v", "libx264", "-c:a", "aac", "-movflags", "+faststart"], 3000),
    "mov": (["-c:v", "prores_ks", "-c:a", "pcm_s16le", "-movflags", "+faststart"], 2500),
    "mkv": (["-c:v", "ffv1", "-c:a", "flac"], 1500),
    "avi": (["-c:v", "mpeg4", "-c:a", "mp3"], 1200),
    "ts": (["-c:v", "mpeg2video", "-c:a", "mp2"], 2000),
}
_FRAMES = 12
_SECONDS = 20.0  # that one file may take


def main() -> int:
    parser = argparse.ArgumentParser(description="Reading files with changed headers.")
    parser.add_argument("--runs", type=int, default=1000, help="changed files of each container")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--container", nargs="+", choices=CONTAINERS, default=list(CONTAINERS))
    parser.add_argument("--keep", type=Path, help="a folder for the files that did not go well")
    parser.add_argument("--read", type=Path, nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.read:
        for path in arguments.read:
            print(read(path), flush=True)
        return 0
    failed = 0
    for container in arguments.container:
        with tempfile.TemporaryDirectory() as folder:
            failed += fuzz(Path(folder), container, arguments.runs, arguments.seed, arguments.keep)
    return min(failed, 1)


def fuzz(folder: Path, container: str, runs: int, seed: int, keep: Path | None = None) -> int:
    """How many of `runs` changed files did not go well; each one is told on stdout, and kept on request."""
    original = made(folder, container)
    header = CONTAINERS[container][1]
    counts = {"read": 0, "refused": 0}
    failed = 0
    for start in range(0, runs, 50):
        paths = []
        for number in range(start, min(start + 50, runs)):
            paths.append(folder / f"{number}.{container}")
            paths[-1].write_bytes(changed(original, header, random.Random(f"{container} {seed} {number}")))
        left = list(paths)
        while left:
            # A child, so that what ends a process is seen, too.
            words, status = _child(left)
            for word in words:
                counts[word] = counts.get(word, 0) + 1
            ill = [path for path, word in zip(left, words, strict=False) if word not in ("read", "refused")]
            if len(words) < len(left):
                ill.append(left[len(words)])
                print(f"{left[len(words)].name}: ended with {status}")
            for path in ill:
                failed += 1
                if keep is not None:
                    keep.mkdir(parents=True, exist_ok=True)
                    (keep / path.name).write_bytes(path.read_bytes())
            left = left[len(words) + 1 :]
        for path in paths:
            path.unlink()
    print(container, ", ".join(f"{word}: {count}" for word, count in counts.items()), f"failed: {failed}")
    return failed


def _child(paths: list[Path]) -> tuple[list[str], str]:
    """What became of the first files, and how the child ended."""
    command = [sys.executable, "-X", "faulthandler", __file__, "--read", *map(str, paths)]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=_SECONDS * len(paths), check=False)
    except subprocess.TimeoutExpired as error:
        told = error.stdout or b""
        return (told.decode() if isinstance(told, bytes) else told).splitlines(), "no answer"
    return done.stdout.splitlines(), f"status {done.returncode}"


def made(folder: Path, container: str) -> bytes:
    """A small file of this container with video and sound."""
    path = folder / f"original.{container}"
    pictures = ["-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=0.48", "-f", "lavfi", "-i", "sine=r=22050:d=0.48"]
    run_ffmpeg(
        [find_ffmpeg().path, "-v", "error", "-y", *pictures, *CONTAINERS[container][0], f"file:{path}"], timeout=60
    )
    return path.read_bytes()


def changed(original: bytes, header: int, rng: random.Random) -> bytes:
    """The file with one to eight places of its header changed, now and then cut off."""
    data = bytearray(original)
    for _ in range(rng.randint(1, 8)):
        place = rng.randrange(min(header, len(data)))
        kind = rng.randrange(4)
        if kind == 0:
            data[place] = rng.randrange(256)
        elif kind == 1:
            data[place] ^= 1 << rng.randrange(8)
        elif kind == 2:
            data[place : place + 4] = rng.choice([b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff"])
        else:
            other = rng.randrange(min(header, len(data)))
            data[place : place + 4] = data[other : other + 4]
    return bytes(data[: rng.randrange(len(data))] if rng.random() < 0.1 else data)


def read(path: Path) -> str:
    """Everything a job would read of a file: "read", "refused" in one line, or what went wrong."""
    outcome = "read"
    for look in (_video, _sound):
        try:
            look(path)
        except OutputError:
            traceback.print_exc()
            return "unexpected OutputError"
        except DubtoolError as error:
            outcome = "refused"
            if "\n" in str(error):
                return f"{type(error).__name__} of several lines"
        except Exception as error:
            traceback.print_exc()
            return f"unexpected {type(error).__name__}"
    return outcome


def _video(path: Path) -> None:
    reader = VideoReader(probe(path))
    frames = list(islice(reader, _FRAMES))
    if frames:
        frames[0].rgb()
        list(reader.frames([len(frames) - 1, 0]))


def _sound(path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        load_speech(path, Path(folder))


if __name__ == "__main__":
    sys.exit(main())
