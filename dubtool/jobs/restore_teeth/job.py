"""`restore-teeth`: redraw the mouth of a person sharply, in a video that any tool has made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from dubtool.face.shape import ShapeModel
from dubtool.jobs.restore_teeth.methods import Borrowing, Redrawing, Restoring, Source
from dubtool.jobs.shared.frame_plan import Slot, count, reasons, refuse_nothing, to_slots
from dubtool.jobs.shared.frame_stream import Batch, stream
from dubtool.jobs.shared.frame_timeline import ease, plan_take
from dubtool.jobs.shared.interlacing import with_fields
from dubtool.jobs.shared.load import load_restorer
from dubtool.jobs.shared.options import RETRIEVAL, RestoreOptions
from dubtool.jobs.shared.outputs import Outputs, check_writing, checked_output
from dubtool.jobs.shared.report import Report
from dubtool.jobs.shared.teeth import Teeth
from dubtool.media.decode import VideoReader
from dubtool.media.probe import MediaInfo, probe
from dubtool.media.spool import spooling
from dubtool.tracking.person import Chosen, chosen_person
from dubtool.tracking.track_video import Followed, follow
from dubtool.weights.locate import digests, find

SUFFIX = ".restored.mp4"
_CLOSED = "mouth closed"

Progress = Callable[[str, float, float | None], None]


def restore_teeth(
    video: Path | str, output: Path | str | None = None, *, progress: Progress | None = None, **options: Any
) -> Report:
    """Write a copy of `video` in which a person's open mouth is drawn anew; all else stays, sound and streams too.

    Args:
        video: any video file that ffmpeg reads.
        output: where the result goes; by default "<video stem>.restored.mp4" beside the video.
        progress: called with (stage, done, total or None) as work goes on.
        options: the fields of `RestoreOptions`.

    Returns:
        the report; the file appears whole, or not at all.

    Raises:
        UsageError, InputError, NoFaceError, WeightsError, DeviceError, OutputError: one line each says what.
    """
    chosen = RestoreOptions(**options)
    tell = progress or (lambda stage, done, total: None)
    video = Path(video)
    target = checked_output(video, output, vars(chosen), (video, chosen.source), SUFFIX)
    report = Report("restore-teeth", str(target), {"video": str(video)}, model=chosen.model)
    if chosen.source is not None:
        report.inputs["source"], report.model = str(chosen.source), RETRIEVAL
    with spooling() as spooled:
        report.told = spooled.told
        if chosen.source is not None:
            chosen = replace(chosen, source=spooled.path(chosen.source))
        _restore(spooled.path(video), target, chosen, report, tell)
    return report


def _restore(video: Path, target: Path, chosen: RestoreOptions, report: Report, tell: Progress) -> None:
    info = probe(video)
    info.require_video()
    footage = None if chosen.source is None else probe(chosen.source)
    if footage is not None:
        footage.require_video()
    codec = check_writing(target, vars(chosen), info)
    info = with_fields(info, codec, chosen.deinterlace, report)

    def track(done: float, total: float | None) -> None:
        tell("track", done, total)

    with report.timed("load"):
        model = ShapeModel.load(find("face_shape"))
        drawer = load_restorer(chosen.model, chosen.device, chosen.precision) if footage is None else None
    report.device = "cpu" if drawer is None else drawer[0].device
    report.weights = {} if drawer is None else digests(drawer[1])
    with report.timed("track"):
        source = None if footage is None else Source(footage, chosen, track)
        followed = follow(info, use_cache=chosen.cache, progress=track)
    person = chosen_person(info, followed, chosen.face, model)
    restoring: Restoring
    if source is not None:
        restoring = Borrowing(person, source, source.person(person, model), model)
    else:
        assert drawer is not None
        restoring = Redrawing(Teeth(drawer[0], person, chosen.reference))
    job = _Job(info, chosen, person, restoring, followed, report)
    job.run(target, lambda done, total: tell("restore", done, total))


class _Job:
    """One restoration, once everything is loaded."""

    def __init__(
        self,
        info: MediaInfo,
        options: RestoreOptions,
        chosen: Chosen,
        restoring: Restoring,
        followed: Followed,
        report: Report,
    ) -> None:
        self.info, self.options, self.report, self.followed = info, options, report, followed
        self.motion, self.restoring = chosen.motion, restoring
        self.take = plan_take(followed.times, followed.durations, Fraction(0), length="video", loop="hold")
        self.slots = self._slots(chosen)
        report.frames, report.duration = len(self.take.times), float(self.take.duration)
        if followed.decode_failures:
            report.warn(f"{info.path}: {followed.decode_failures} damaged packets were passed over")

    def run(self, target: Path, progress: Callable[[float, float | None], None]) -> None:
        reader = VideoReader(self.info)
        with self.report.timed("references"):
            self.report.details |= self.restoring.prepare(reader, self.slots)
        with (
            self.report.timed("restore"),
            Outputs(target, self.info, self.options, self.take, self.report) as outputs,
        ):
            stream(
                self.slots,
                reader.frames(self.take.source.tolist()),
                lambda batch: self._restore_batch(batch, outputs),
                outputs,
                batch_size=self.options.batch_size,
                progress=progress,
            )

    def _restore_batch(self, batch: Batch, outputs: Outputs) -> None:
        untouched = {slot.number: frame.copy() for slot, frame in batch if outputs.wants(slot.number)}
        done = self.restoring.restore(batch)
        for slot, frame in batch:
            if slot.number in untouched and slot.number in done:
                outputs.show(slot.number, untouched[slot.number], frame, done[slot.number])

    def _slots(self, chosen: Chosen) -> list[Slot]:
        """What happens to each frame, and the report's counts of it."""
        rows = self.motion.rows(self.followed.tracks.frame_count)[self.take.source]
        why = reasons(chosen, rows, self.take, self.options)
        # Mouths open and close all the time, and the teeth come and go with them: that needs no easing.
        weight = ease(why == "", self.take.times)
        closed = (why == "") & self.restoring.closed[rows]
        why[closed], weight[closed] = _CLOSED, 0.0
        slots = to_slots(rows, why, weight)
        count(slots, self.report)
        if self.report.passed[_CLOSED]:
            if self.report.dubbed == 0:
                self.report.warn(f"{self.info.path}: no teeth are to be seen, so nothing was changed")
        else:
            refuse_nothing(self.report, self.info.path, "restored")
        return slots
