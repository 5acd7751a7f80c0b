"""`restore-teeth`: redraw the mouth of a person sharply, in a video that any tool has made."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dubtool.face.shape import ShapeModel
from dubtool.jobs.restore_teeth.methods import CLOSED, Borrowing, BorrowingHere, Redrawing, Restoring, Source
from dubtool.jobs.restore_teeth.untouched import measured_detail, untouched_rows
from dubtool.jobs.shared.calls import (
    IN_MEMORY,
    Cancel,
    Progress,
    Video,
    files_among,
    named,
    options_of,
    place_of,
    video_file,
)
from dubtool.jobs.shared.frame_output import FrameOutput
from dubtool.jobs.shared.frame_plan import FramePlan, count, make_plans, require_changed_frames, showing, skip_reasons
from dubtool.jobs.shared.frame_stream import Batch, changing, stream
from dubtool.jobs.shared.frame_timeline import FrameTimeline, ease, plan_timeline
from dubtool.jobs.shared.kept import KeptNetworks
from dubtool.jobs.shared.load import load_restorer
from dubtool.jobs.shared.options import DEFAULT_RESTORER, RETRIEVAL, RestoreOptions
from dubtool.jobs.shared.outputs import checked_output
from dubtool.jobs.shared.report import Report
from dubtool.jobs.shared.run import Opened, OpenOutput, Run, running
from dubtool.jobs.shared.teeth import Teeth
from dubtool.media.decode import VideoReader
from dubtool.media.probe import MediaInfo
from dubtool.models.restorer import Restorer
from dubtool.tracking.person import Chosen, chosen_person
from dubtool.tracking.track_video import TrackedVideo
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
        with running(chosen, _report(video, IN_MEMORY, chosen), progress, networks=self._kept) as run:
            yield from run.pictures(_opened(run, video_file(video, frame_rate, run.folder)))


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
    files = files_among(video, chosen.source)
    target = checked_output(place_of(video, output), output, vars(chosen), files, SUFFIX)
    with running(chosen, _report(video, str(target), chosen), progress, cancel, networks) as run:
        return run.write(_opened(run, video_file(video, frame_rate, run.folder)), target)


def _report(video: Video, output: str, chosen: RestoreOptions) -> Report:
    report = Report("restore-teeth", output, {"video": named(video)}, model=chosen.model)
    if chosen.source is not None:
        report.inputs["source"], report.model = str(chosen.source), RETRIEVAL
    return report


def _network(chosen: RestoreOptions, kept: KeptNetworks) -> tuple[Restorer, tuple[str, ...]]:
    key = (chosen.model, chosen.device, chosen.precision)
    return kept.get("restore-teeth", key, lambda: load_restorer(*key))


def _opened(run: Run[RestoreOptions], video: Path) -> Opened:
    info = run.probe(video)
    return Opened(info, partial(_draw, run), info)


def _draw(run: Run[RestoreOptions], info: MediaInfo, open_output: OpenOutput) -> None:
    """The whole job, once it may be written."""
    report, pictures = run.report, info.require_video().pictures_a_frame
    person, restoring, tracked_video = _planned(run, info)
    timeline = plan_timeline(
        tracked_video.times,
        tracked_video.durations,
        Fraction(0),
        length="video",
        loop="hold",
        pictures=pictures,
    )
    rows = person.motion.rows(tracked_video.tracks.frame_count)[timeline.source]
    plans = _plans(run.options, person, restoring.idle, rows, timeline)
    report.duration = float(timeline.duration)
    count(plans, report, pictures)
    if not report.passed[CLOSED]:
        require_changed_frames(report, info.path, "restored")
    elif report.dubbed == 0:
        report.warn(f"{info.path}: no teeth are to be seen, so nothing was changed")
    reader = VideoReader(info)
    with report.timed("references"):
        report.details |= restoring.prepare(reader, plans)
    with report.timed("restore"), open_output(info, timeline) as outputs:
        stream(
            zip(plans, reader.frames(timeline.source.tolist()), strict=True),
            changing(lambda batch: _restore(restoring, batch, outputs)),
            outputs,
            len(plans),
            batch_size=run.options.batch_size,
            progress=run.stage("restore"),
            pictures=pictures,
        )


def _planned(run: Run[RestoreOptions], info: MediaInfo) -> tuple[Chosen, Restoring, TrackedVideo]:
    """Whose mouth, and what restores it."""
    chosen, report = run.options, run.report
    footage = None if chosen.source is None else run.probe(chosen.source)
    with report.timed("load"):
        model = ShapeModel.load(find("face_shape"))
        drawer = _network(chosen, run.networks) if footage is None else None
    report.device = "cpu" if drawer is None else drawer[0].device
    report.weights = {} if drawer is None else digests(drawer[1])
    with report.timed("track"):
        source = None if footage is None else Source(footage, chosen, run.stage("track"))
    tracked_video = run.track(info)
    person = chosen_person(info, tracked_video, chosen.face, model, use_cache=chosen.cache)
    if source is not None:
        other = source.person(info, person, model)
        usable = source.usable(other)
        with report.timed("moments"):
            moments = source.moments(other, person, info, tracked_video)
        return person, Borrowing(person, source.info, other, usable, model, moments), tracked_video
    assert drawer is not None
    seen = showing(person) == ""
    redrawing = Redrawing(Teeth(drawer[0], person, chosen.reference), seen)
    if chosen.reference == "frame" and chosen.model == DEFAULT_RESTORER:
        with report.timed("look"):
            untouched = _untouched(info, person, tracked_video, chosen)
        if untouched.any():
            report.details["source"] = "the clip itself"
            borrowing = Borrowing(person, info, person, untouched & seen, model)
            return person, BorrowingHere(borrowing, redrawing, untouched), tracked_video
    return person, redrawing, tracked_video


def _untouched(info: MediaInfo, person: Chosen, tracked_video: TrackedVideo, chosen: RestoreOptions) -> np.ndarray:
    """Rows of the person's motion that no tool has touched, bool [N]."""
    inside = None
    if chosen.start is not None or chosen.stop is not None:
        start, stop = chosen.start or 0, chosen.stop
        within = [time >= start and (stop is None or time < stop) for time in tracked_video.times]
        inside = np.array(within)[person.motion.frames]
    detail = measured_detail(VideoReader(info), person)
    return untouched_rows(detail, person.shots, person.motion.coefficients, inside)


def _plans(
    options: RestoreOptions, person: Chosen, idle: np.ndarray, rows: np.ndarray, timeline: FrameTimeline
) -> list[FramePlan]:
    """What happens to each frame. idle: why there is nothing to do, by rows of the motion; rows: of each frame."""
    skip_reason = skip_reasons(person, rows, timeline, options)
    # Mouths open and close all the time, and the teeth come and go with them: that needs no easing.
    weight = ease(skip_reason == "", timeline.times)
    nothing = (skip_reason == "") & (idle[rows] != "")
    skip_reason[nothing], weight[nothing] = idle[rows[nothing]], 0.0
    return make_plans(rows, skip_reason, weight)


def _restore(restoring: Restoring, batch: Batch, outputs: FrameOutput) -> None:
    untouched = {plan.number: frame.copy() for plan, frame in batch if outputs.wants(plan.number)}
    done = restoring.restore(batch)
    for plan, frame in batch:
        if plan.number in untouched and plan.number in done:
            outputs.show(plan.number, untouched[plan.number], frame, done[plan.number])
