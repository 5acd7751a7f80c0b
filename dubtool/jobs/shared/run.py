"""One run of a job: inputs opened, what cannot be written refused, frames drawn into files or for a reader."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Generic, Protocol

import numpy as np

from dubtool.folders import temporary_folder
from dubtool.jobs.shared.calls import Cancel, O, Progress, heeding
from dubtool.jobs.shared.cast import Cast
from dubtool.jobs.shared.frame_output import FrameOutput
from dubtool.jobs.shared.frame_sink import FrameSink
from dubtool.jobs.shared.frame_timeline import FrameTimeline
from dubtool.jobs.shared.interlacing import with_fields, without_fields
from dubtool.jobs.shared.kept import KeptNetworks
from dubtool.jobs.shared.outputs import check_writing, open_outputs
from dubtool.jobs.shared.report import Report
from dubtool.jobs.shared.trace_file import traced
from dubtool.media.probe import MediaInfo, probe
from dubtool.media.spool import Spooled, spooling
from dubtool.tracking.track_video import TrackedVideo, track_video


class OpenOutput(Protocol):
    """Opens what the frames of a job go to; arguments as for `Outputs`."""

    def __call__(
        self,
        info: MediaInfo,
        timeline: FrameTimeline,
        soundtrack: Path | None = None,
        sound_start: Fraction = Fraction(0),
        cast: Cast | None = None,
    ) -> FrameOutput: ...


@dataclass(frozen=True)
class Opened:
    """A job whose inputs are open.

    info: of the video whose frames are read. draw: plans the job and draws all its frames, of `info` as they are to be
    read. written: what the result keeps of a video. sound: heard in the result; None: the sounds of `written`. fields:
    whether the result shows those of interlaced video.
    """

    info: MediaInfo
    draw: Callable[[MediaInfo, OpenOutput], None]
    written: MediaInfo
    sound: Path | None = None
    fields: bool = True


@dataclass(frozen=True)
class Run(Generic[O]):
    """What one run of a job has at hand.

    tell: its progress; raises CancelledError. networks: kept from the jobs before. folder: for files of its own.
    spooled: its inputs, those that are pipes read into files.
    """

    options: O
    report: Report
    tell: Progress
    networks: KeptNetworks
    folder: Path
    spooled: Spooled

    def stage(self, name: str) -> Callable[[float, float | None], None]:
        """The progress of one stage."""
        return lambda done, total: self.tell(name, done, total)

    def probe(self, video: Path) -> MediaInfo:
        """What a video holds. Raises InputError, OutputError: see `probe` and `Spooled`."""
        info = probe(self.spooled.path(video))
        info.require_video()
        return info

    def track(self, info: MediaInfo) -> TrackedVideo:
        """The faces of a video. Raises as `track_video` does."""
        with self.report.timed("track"):
            tracked_video = track_video(info, use_cache=self.options.cache, progress=self.stage("track"))
        if tracked_video.decode_failures:
            self.report.warn(f"{info.path}: {tracked_video.decode_failures} damaged packets were passed over")
        return tracked_video

    def write(self, job: Opened, target: Path) -> Report:
        """Draw into files, of which the result is `target`.

        Raises:
            UsageError, InputError, OutputError: they cannot be written, which is told before any work; and what the
            job raises.
        """
        options, report = self.options, self.report
        codec = check_writing(target, vars(options), job.written, job.sound)
        info = with_fields(job.info, codec, options.deinterlace, report) if job.fields else self._progressive(job)
        if options.trace is not None:
            report.extra["trace"] = str(options.trace)
        with traced(options.trace, overwrite=options.overwrite):
            job.draw(info, partial(open_outputs, target=target, options=options, report=report))
        return report

    def pictures(self, job: Opened) -> Iterator[np.ndarray]:
        """The frames one after the other, uint8 RGB [H, W, 3], drawn as they are asked for."""
        sink = FrameSink()
        return sink.pictures(lambda: job.draw(self._progressive(job), lambda *_, **__: sink))

    def _progressive(self, job: Opened) -> MediaInfo:
        return without_fields(job.info, self.options.deinterlace, self.report)


@contextlib.contextmanager
def running(
    options: O,
    report: Report,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    networks: KeptNetworks | None = None,
) -> Iterator[Run[O]]:
    """Within the block a job may run; its files vanish with it. Errors name inputs as they were given."""
    with temporary_folder() as folder, spooling() as spooled:
        report.told = spooled.told
        yield Run(options, report, heeding(progress, cancel), networks or KeptNetworks(), folder, spooled)
