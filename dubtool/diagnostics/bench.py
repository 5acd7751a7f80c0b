"""How fast this machine dubs: decoder and encoder alone, then a whole job, whose stages overlap."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from pathlib import Path

from dubtool.errors import InputError
from dubtool.folders import temporary_folder
from dubtool.jobs.dub.job import dub
from dubtool.jobs.shared.calls import Progress
from dubtool.jobs.shared.options import DEFAULT_MODEL
from dubtool.media.decode import VideoReader
from dubtool.media.encode import VideoWriter
from dubtool.media.frame import Frame
from dubtool.media.probe import MediaInfo, probe

# Decoded frames are held in memory while decoder and encoder are measured.
_MEMORY = 400 * 2**20


@dataclass
class Bench:
    """What was measured.

    stages: milliseconds a frame: decoder and encoder alone, on `frames` frames; then the job's own stages, of which the
    last, "dub", decodes, makes and encodes at once. total: milliseconds a frame of the whole job; rate: its frames a
    second; job_frames: how many it had.
    """

    width: int
    height: int
    device: str = ""
    model: str = ""
    frames: int = 0
    stages: dict[str, float] = field(default_factory=dict)
    job_frames: int = 0
    total: float = 0.0
    rate: float = 0.0


def bench(
    video: Path | str,
    speech: Path | str,
    *,
    frames: int = 100,
    model: str = DEFAULT_MODEL,
    device: str = "auto",
    precision: str = "auto",
    batch_size: int = 4,
    progress: Progress | None = None,
) -> Bench:
    """Measure decoder and encoder on the first `frames` frames of `video` (fewer of large ones), then one whole dub of
    it with faces looked for anew. progress: of that dub.

    Raises:
        what `dubtool.dub` raises.
    """
    video = Path(video)
    info = probe(video)
    known = info.require_video()
    result = Bench(known.upright_width, known.upright_height, model=model)
    with temporary_folder() as folder:
        held = _decode(info, frames, result)
        _encode(held, info, folder / "stage.mp4", result)
        del held
        start = time.perf_counter()
        report = dub(
            video,
            speech,
            folder / "job.mp4",
            model=model,
            device=device,
            precision=precision,
            batch_size=batch_size,
            cache=False,
            progress=progress,
        )
        seconds = time.perf_counter() - start
    result.device = report.device
    result.job_frames = report.frames
    result.stages |= {stage: round(each * 1000 / report.frames, 3) for stage, each in report.seconds.items()}
    result.total = round(seconds * 1000 / report.frames, 3)
    result.rate = round(report.frames / seconds, 2)
    return result


def _decode(info: MediaInfo, count: int, result: Bench) -> list[Frame]:
    video = info.require_video()
    count = max(1, min(count, _MEMORY // (3 * video.width * video.height)))
    start = time.perf_counter()
    held = list(itertools.islice(VideoReader(info), count))
    if not held:
        raise InputError(f"{info.path}: not one frame of its video can be decoded")
    result.frames = len(held)
    result.stages["decode"] = round((time.perf_counter() - start) * 1000 / len(held), 3)
    return held


def _encode(held: list[Frame], info: MediaInfo, target: Path, result: Bench) -> None:
    start = time.perf_counter()
    with VideoWriter(target, info) as writer:
        for frame in held:
            writer.write(frame, frame.time, frame.duration)
    result.stages["encode"] = round((time.perf_counter() - start) * 1000 / len(held), 3)
