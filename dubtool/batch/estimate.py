"""How long jobs will take and how much disk they will need: from earlier jobs, or from a short dub."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dubtool.batch.kinds import Kind
from dubtool.batch.state import Entry
from dubtool.batch.table import Job
from dubtool.errors import DubtoolError
from dubtool.folders import temporary_folder
from dubtool.jobs.shared.cores import pinned
from dubtool.media.ffmpeg import file_url, find_ffmpeg, run_ffmpeg

_SAMPLE_SECONDS = 2
_TIMEOUT = 120.0
# Dubbed frames are encoded anew at a good quality; a thrifty source is smaller than that.
_BITS_A_PIXEL = 0.12


@dataclass(frozen=True)
class Pace:
    """Seconds a frame: `looking` for faces, once a video, and all the `rest`, once a job. `source` says how known."""

    looking: float
    rest: float
    source: str


def pace_of(entries: Iterable[Entry]) -> Pace | None:
    """What earlier jobs took; None if there are none that tell."""
    frames, looked, looking, rest = 0, 0, 0.0, 0.0
    for entry in entries:
        told = entry.report
        if entry.state != "done" or not told.get("frames"):
            continue
        taken = dict(told["seconds"])
        track = taken.pop("track", 0.0)
        frames += told["frames"]
        rest += sum(taken.values())
        # Where it took next to nothing the tracks were known.
        if track > 0.001 * told["frames"]:
            looked += told["frames"]
            looking += track
    return Pace(looking / looked if looked else rest / frames, rest / frames, "earlier jobs") if frames else None


def measure(job: Job, kind: Kind, device: str, cores: frozenset[int]) -> Pace | None:
    """The pace of the first seconds of a job, on one worker's share of the machine; None if they cannot be dubbed."""
    with temporary_folder() as folder:
        inputs = {}
        with contextlib.suppress(DubtoolError), pinned(cores):
            for name, path in job.inputs.items():
                still = name in kind.stills
                inputs[name] = path if still else _start_of(path, folder, name == kind.video)
            report = kind.run(**inputs, output=folder / "out.mp4", device=device, cache=False)
            taken = dict(report.seconds)
            # Loading does not grow with the video.
            taken.pop("load", None)
            looking = taken.pop("track", 0.0)
            return Pace(looking / report.frames, sum(taken.values()) / report.frames, "a dub of two seconds")
    return None


def _start_of(path: Path, folder: Path, picture: bool) -> Path:
    target = folder / (f"{path.stem[:40]}.mkv" if picture else "sound.wav")
    form = ["-an", "-c:v", "libx264", "-preset", "ultrafast", "-crf", "18"] if picture else ["-vn"]
    command = [find_ffmpeg().path, "-loglevel", "error", "-i", file_url(path), "-t", str(_SAMPLE_SECONDS)]
    run_ffmpeg([*command, *form, "-y", file_url(target)], timeout=_TIMEOUT)
    return target


def bytes_of(width: int, height: int, rate: float, seconds: float, source_rate: float) -> int:
    """About how large an output becomes; source_rate: bytes a second of the source."""
    return round(seconds * max(source_rate * 1.5, width * height * rate * _BITS_A_PIXEL / 8))
