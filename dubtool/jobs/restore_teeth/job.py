"""`restore-teeth`: redraw the mouth of a person sharply, in a video that any tool has made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from dubtool.face.shape import ShapeModel
from dubtool.folders import temporary_folder
from dubtool.jobs.restore_teeth.methods import CLOSED, Borrowing, BorrowingHere, Redrawing, Restoring, Source
from dubtool.jobs.restore_teeth.untouched import measured_detail, untouched_rows
from dubtool.jobs.shared.calls import (
    IN_MEMORY,
    Cancel,
    Progress,
    Video,
    files_among,
    heeding,
    named,
    options_of,
    place_of,
    video_file,
)
from dubtool.jobs.shared.frame_output import FrameOutput
from dubtool.jobs.shared.frame_plan import FramePlan, count, make_plans, require_changed_frames, showing, skip_reasons
from dubtool.jobs.shared.frame_sink import FrameSink
from dubtool.jobs.shared.frame_stream import Batch, stream
from dubtool.jobs.shared.frame_timeline import ease, plan_timeline
from dubtool.jobs.shared.interlacing import with_fields, without_fields
from dubtool.jobs.shared.kept import KeptNetworks
from dubtool.jobs.shared.load import load_restorer
from dubtool.jobs.shared.options import DEFAULT_RESTORER, RETRIEVAL, RestoreOptions
from dubtool.jobs.shared.outputs import check_writing, checked_output, open_outputs
from dubtool.jobs.shared.report import Report
from dubtool.jobs.shared.teeth import Teeth
from dubtool.media.decode import VideoReader
from dubtool.media.probe import MediaInfo, probe
from dubtool.media.spool import Spooled, spooling
from dubtool.models.restorer import Restorer
from dubtool.tracking.person import Chosen, chosen_person
from dubtool.tracking.track_video import TrackedVideo, track_video
from dubtool.weights.locate import digests, find

SUFFIX = ".restored.mp4"


class TeethRestorer:
    """Restores with a network that is loaded once, here. One video at a time.

    model, device, precision: as in `RestoreOptions`; they are the restorer's own.

    Raises:
        UsageError, WeightsError, DeviceError: the model or the device cannot be used.
    """

    def __init__(self, model: str = DEFAULT_RESTORER, device: str = "auto", *, precision: str = "auto") -> None:
        self._own = {"model": model, "device": device, "precision": precision}
        self._kept = KeptNetworks()
        _network(options_of(RestoreOptions, None, self._own), self._kept)

    def restore(
        self,
        video: Video,
        output: Path | str | None = None,
        options: RestoreOptions | None = None,
        *,
        frame_rate: Fraction | float | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
        **changes: Any,
    ) -> Report:
        """Write a copy of `video` in which a person's open mouth is drawn anew; see `restore_teeth`."""
        return restore_teeth(
            video,
            output,
            options,
            frame_rate=frame_rate,
            progress=progress,
            cancel=cancel,
            networks=self._kept,
            **changes | self._own,
        )

    def frames(
        self,
        video: Video,
        options: RestoreOptions | None = None,
        *,
        frame_rate: Fraction | float | None = None,
        progress: Progress | None = None,
        **changes: Any,
    ) -> Iterator[np.ndarray]:
        """The result's frames one after the other, uint8 RGB [H, W, 3], drawn as they are asked for.

        Closing the iterator stops the work. Errors are raised when the first frame is asked for.
        """
        chosen = options_of(RestoreOptions, options, changes | self._own)
        with temporary_folder() as folder, spooling() as spooled:
            given, chosen = _spooled(video_file(video, frame_rate, folder), chosen, spooled)
            report, sink = _report(video, IN_MEMORY, chosen), FrameSink()
            tell = heeding(progress, None)

            def draw() -> None:
                info = without_fields(probe(given), chosen.deinterlace, report)
                job = _planned(info, chosen, report, tell, self._kept)
                job.run(lambda: sink, lambda done, total: tell("restore", done, total))

            yield from sink.pictures(draw)


def restore_teeth(
    video: Video,
    output: Path | str | None = None,
    options: RestoreOptions | None = None,
    *,
    frame_rate: Fraction | float | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    networks: KeptNetworks | None = None,
    **changes: Any,
) -> Report:
    """Write a copy of `video` in which a person's open mouth is drawn anew; all else stays, sound and streams too.

    Args:
        video: any video file that ffmpeg reads, or pictures uint8 RGB [H, W, 3] with their `frame_rate`.
        output: where the result goes; by default "<video stem>.restored.mp4" beside the video.
        options, changes: the fields of `RestoreOptions`, as an object, by name, or both.
        progress: called with (stage, done, total or None) as work goes on. cancel: asked now and then whether to stop.
        networks: kept from one job to the next.

    Returns:
        the report; the file appears whole, or not at all.

    Raises:
        UsageError, InputError, NoFaceError, WeightsError, DeviceError, OutputError: one line each says what.
        CancelledError: `cancel` said so.
    """
    chosen = options_of(RestoreOptions, options, changes)
    tell = heeding(progress, cancel)
    files = files_among(video, chosen.source)
    target = checked_output(place_of(video, output), output, vars(chosen), files, SUFFIX)
    report = _report(video, str(target), chosen)
    with temporary_folder() as folder, spooling() as spooled:
        report.told = spooled.told
        given, chosen = _spooled(video_file(video, frame_rate, folder), chosen, spooled)
        info = probe(given)
        info.require_video()
        codec = check_writing(target, vars(chosen), info)
        info = with_fields(info, codec, chosen.deinterlace, report)
        job = _planned(info, chosen, report, tell, networks or KeptNetworks())
        job.run(lambda: job.outputs(target), lambda done, total: tell("restore", done, total))
    return report


def _report(video: Video, output: str, chosen: RestoreOptions) -> Report:
    report = Report("restore-teeth", output, {"video": named(video)}, model=chosen.model)
    if chosen.source is not None:
        report.inputs["source"], report.model = str(chosen.source), RETRIEVAL
    return report


def _spooled(video: Path, chosen: RestoreOptions, spooled: Spooled) -> tuple[Path, RestoreOptions]:
    if chosen.source is not None:
        chosen = replace(chosen, source=spooled.path(chosen.source))
    return spooled.path(video), chosen


def _network(chosen: RestoreOptions, kept: KeptNetworks) -> tuple[Restorer, tuple[str, ...]]:
    asked = (chosen.model, chosen.device, chosen.precision)
    return kept.get("restore-teeth", asked, lambda: load_restorer(*asked))


def _planned(info: MediaInfo, chosen: RestoreOptions, report: Report, tell: Progress, kept: KeptNetworks) -> _Job:
    footage = None if chosen.source is None else probe(chosen.source)
    if footage is not None:
        footage.require_video()

    def track(done: float, total: float | None) -> None:
        tell("track", done, total)

    with report.timed("load"):
        model = ShapeModel.load(find("face_shape"))
        drawer = _network(chosen, kept) if footage is None else None
    report.device = "cpu" if drawer is None else drawer[0].device
    report.weights = {} if drawer is None else digests(drawer[1])
    with report.timed("track"):
        source = None if footage is None else Source(footage, chosen, track)
        tracked_video = track_video(info, use_cache=chosen.cache, progress=track)
    person = chosen_person(info, tracked_video, chosen.face, model, use_cache=chosen.cache)
    restoring: Restoring
    if source is not None:
        other = source.person(info, person, model)
        restoring = Borrowing(person, source.info, other, source.usable(other), model)
    else:
        assert drawer is not None
        restoring = Redrawing(Teeth(drawer[0], person, chosen.reference))
        if chosen.reference == "frame" and chosen.model == DEFAULT_RESTORER:
            with report.timed("look"):
                untouched = _untouched(info, person, tracked_video, chosen)
            if untouched.any():
                report.details["source"] = "the clip itself"
                borrowing = Borrowing(person, info, person, untouched & (showing(person) == ""), model)
                restoring = BorrowingHere(borrowing, restoring, untouched)
    return _Job(info, chosen, person, restoring, tracked_video, report)


def _untouched(info: MediaInfo, person: Chosen, tracked_video: TrackedVideo, chosen: RestoreOptions) -> np.ndarray:
    """Rows of the person's motion that no tool has touched, bool [N]."""
    inside = None
    if chosen.start is not None or chosen.stop is not None:
        start, stop = chosen.start or 0, chosen.stop
        within = [time >= start and (stop is None or time < stop) for time in tracked_video.times]
        inside = np.array(within)[person.motion.frames]
    return untouched_rows(measured_detail(VideoReader(info), person), person.shots, inside)


class _Job:
    """One restoration, once everything is loaded."""

    def __init__(
        self,
        info: MediaInfo,
        options: RestoreOptions,
        chosen: Chosen,
        restoring: Restoring,
        tracked_video: TrackedVideo,
        report: Report,
    ) -> None:
        self.info, self.options, self.report, self.tracked_video = info, options, report, tracked_video
        self.motion, self.restoring = chosen.motion, restoring
        self.timeline = plan_timeline(
            tracked_video.times,
            tracked_video.durations,
            Fraction(0),
            length="video",
            loop="hold",
            pictures=info.require_video().pictures_a_frame,
        )
        self.plans = self._planned(chosen)
        report.duration = float(self.timeline.duration)
        if tracked_video.decode_failures:
            report.warn(f"{info.path}: {tracked_video.decode_failures} damaged packets were passed over")

    def outputs(self, target: Path) -> FrameOutput:
        """The files of the result."""
        return open_outputs(target, self.info, self.options, self.timeline, self.report)

    def run(self, outputs_of: Callable[[], FrameOutput], progress: Callable[[float, float | None], None]) -> None:
        """Draw everything into what `outputs_of` gives."""
        reader = VideoReader(self.info)
        with self.report.timed("references"):
            self.report.details |= self.restoring.prepare(reader, self.plans)
        with (
            self.report.timed("restore"),
            outputs_of() as outputs,
        ):
            stream(
                self.plans,
                reader.frames(self.timeline.source.tolist()),
                lambda batch: self._restore_batch(batch, outputs),
                outputs,
                batch_size=self.options.batch_size,
                progress=progress,
                pictures=self.info.require_video().pictures_a_frame,
            )

    def _restore_batch(self, batch: Batch, outputs: FrameOutput) -> None:
        untouched = {plan.number: frame.copy() for plan, frame in batch if outputs.wants(plan.number)}
        done = self.restoring.restore(batch)
        for plan, frame in batch:
            if plan.number in untouched and plan.number in done:
                outputs.show(plan.number, untouched[plan.number], frame, done[plan.number])

    def _planned(self, chosen: Chosen) -> list[FramePlan]:
        """What happens to each frame, and the report's counts of it."""
        rows = self.motion.rows(self.tracked_video.tracks.frame_count)[self.timeline.source]
        skip_reason = skip_reasons(chosen, rows, self.timeline, self.options)
        # Mouths open and close all the time, and the teeth come and go with them: that needs no easing.
        weight = ease(skip_reason == "", self.timeline.times)
        idle = (skip_reason == "") & (self.restoring.idle[rows] != "")
        skip_reason[idle], weight[idle] = self.restoring.idle[rows[idle]], 0.0
        plans = make_plans(rows, skip_reason, weight)
        count(plans, self.report, self.info.require_video().pictures_a_frame)
        if self.report.passed[CLOSED]:
            if self.report.dubbed == 0:
                self.report.warn(f"{self.info.path}: no teeth are to be seen, so nothing was changed")
        else:
            require_changed_frames(self.report, self.info.path, "restored")
        return plans
