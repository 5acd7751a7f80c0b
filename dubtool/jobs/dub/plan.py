"""The plan of a dub: who, when and which frames, before anything is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from dubtool.errors import NoFaceError
from dubtool.face.shape import ShapeModel
from dubtool.jobs.shared.course import Course, shot_starts, stretches
from dubtool.jobs.shared.frame_plan import (
    FramePlan,
    count,
    make_plans,
    require_changed_frames,
    skip_reasons,
    why_passed,
)
from dubtool.jobs.shared.frame_timeline import FrameTimeline, ease, plan_timeline
from dubtool.jobs.shared.options import DubOptions
from dubtool.jobs.shared.report import Report
from dubtool.media.audio import Speech
from dubtool.media.probe import MediaInfo
from dubtool.tracking.motion import FaceMotion
from dubtool.tracking.person import Chosen, chosen_person
from dubtool.tracking.track_video import TrackedVideo


@dataclass(frozen=True)
class DubPlan:
    """What is to be dubbed.

    person: whose mouth. timeline: which source frame stands when. frame_plans: what happens to each output frame.
    allowed: rows of the motion that pictures may be taken from, bool [N]; None: all. taught: rows of the references
    that an adapted generator was taught with, one each; None: they are chosen.
    """

    info: MediaInfo
    options: DubOptions
    model: ShapeModel
    sound: Speech
    person: Chosen
    timeline: FrameTimeline
    frame_plans: list[FramePlan]
    allowed: np.ndarray | None
    taught: list[np.ndarray] | None

    @property
    def motion(self) -> FaceMotion:
        return self.person.motion

    @property
    def expression(self) -> float:
        """How far the mouth moves, 1 as predicted."""
        adapted = self.options.adapted
        return self.options.expression * (adapted.voice.scale if adapted else 1.0)

    def placed(self, frame_plans: Sequence[FramePlan]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Number, row of the motion, weight and seconds of each frame."""
        numbers = np.array([one.number for one in frame_plans], int)
        rows = np.array([one.row for one in frame_plans], int)
        weight = np.array([one.weight for one in frame_plans])
        return numbers, rows, weight, np.array([float(self.timeline.times[number]) for number in numbers])


def plan_dub(
    info: MediaInfo, options: DubOptions, model: ShapeModel, sound: Speech, tracked_video: TrackedVideo, report: Report
) -> DubPlan:
    """Plan a dub; the report is told what will happen to how many frames.

    Raises:
        UsageError, NoFaceError: the person is not there, or no frame can be dubbed. WeightsError: see `chosen_person`.
    """
    person = chosen_person(info, tracked_video, options.face, model)
    length = Fraction(sound.samples, 16000)
    timeline = plan_timeline(
        tracked_video.times, tracked_video.durations, length, length=options.length, loop=options.loop
    )
    of_frames = person.motion.rows(tracked_video.tracks.frame_count)
    rows = of_frames[timeline.source]
    skip_reason = skip_reasons(person, rows, timeline, options)
    frame_plans = make_plans(rows, skip_reason, ease(skip_reason == "", timeline.times))
    report.frames, report.duration = len(timeline.times), float(timeline.duration)
    count(frame_plans, report)
    report.course = _course(timeline, frame_plans, tracked_video, options)
    require_changed_frames(report, info.path, "dubbed")
    if tracked_video.decode_failures:
        report.warn(f"{info.path}: {tracked_video.decode_failures} damaged packets were passed over")
    allowed = _allowed(info, options, person.motion, tracked_video)
    return DubPlan(info, options, model, sound, person, timeline, frame_plans, allowed, _taught(options, of_frames))


def _course(
    timeline: FrameTimeline, frame_plans: Sequence[FramePlan], tracked_video: TrackedVideo, options: DubOptions
) -> Course:
    source = [int(frame) for frame in timeline.source]
    return Course(
        [round(float(time), 6) for time in timeline.times],
        source,
        stretches([why_passed(frame_plan) for frame_plan in frame_plans]),
        shot_starts(source, tracked_video.tracks.cuts),
        settings={"face": options.face, "expression": options.expression},
    )


def _taught(options: DubOptions, of_frames: np.ndarray) -> list[np.ndarray] | None:
    adapted = options.adapted
    if adapted is None or not adapted.painter.used or options.reference_segment is not None:
        return None
    rows = of_frames[list(adapted.painter.references)]
    return [rows[[place]] for place in range(len(rows))]


def _allowed(
    info: MediaInfo, options: DubOptions, motion: FaceMotion, tracked_video: TrackedVideo
) -> np.ndarray | None:
    if options.reference_segment is None:
        return None
    first, last = options.reference_segment
    inside = np.array([first <= time < last for time in tracked_video.times])[motion.frames]
    if not inside.any():
        where = f"between {float(first):g} and {float(last):g} s"
        raise NoFaceError(f"{info.path}: no face is seen {where}, where references are to come from")
    return inside
