"""The plan of a dub: who, when and which frames, before anything is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from dubtool.engine.side_by_side import SideBySide
from dubtool.errors import NoFaceError
from dubtool.face.shape import ShapeModel
from dubtool.jobs.dub.expression import Expression
from dubtool.jobs.shared.course import Course, PersonCourse, shot_starts, stretches
from dubtool.jobs.shared.covers import Covers, is_doubtful
from dubtool.jobs.shared.frame_plan import (
    SILENT,
    SKIPPED,
    FramePlan,
    count,
    make_plans,
    require_changed_frames,
    skip_reasons,
    why_passed,
)
from dubtool.jobs.shared.frame_timeline import FrameTimeline, ease
from dubtool.jobs.shared.known_covers import behind_covers
from dubtool.jobs.shared.options import DubOptions
from dubtool.jobs.shared.overrides import Override, overrides_of
from dubtool.jobs.shared.report import Report
from dubtool.media.audio import Speech
from dubtool.media.probe import MediaInfo
from dubtool.tracking.motion import FaceMotion
from dubtool.tracking.person import Chosen, VideoPeople
from dubtool.tracking.track_video import TrackedVideo


@dataclass(frozen=True)
class DubTask:
    """What all plans of one dub are made from: a film, the faces in it, and what is asked for. report: of the whole.

    threads: for what can be done side by side.
    """

    info: MediaInfo
    tracked_video: TrackedVideo
    options: DubOptions
    model: ShapeModel
    report: Report
    threads: SideBySide = field(default_factory=lambda: SideBySide(1))

    @cached_property
    def people(self) -> VideoPeople:
        """Who is in the film. Raises as `VideoPeople` does."""
        return VideoPeople(self.info, self.tracked_video, self.model, use_cache=self.options.cache)

    @property
    def pictures(self) -> int:
        """How many pictures are made of each frame."""
        return self.info.require_video().pictures_a_frame


@dataclass(frozen=True)
class DubPlan:
    """What is to be dubbed of one person.

    person: whose mouth. timeline: which source frame stands when; of interlaced video all frames here are fields.
    frame_plans: what happens to each output frame. allowed: rows of the motion that pictures may be taken from, bool
    [N]; None: all. seconds: of the film, of the motion's rows float64 [N]. taught: rows of the references that an
    adapted generator was taught with, one each; None: they are chosen. speaking: when the person is to speak, bool
    [output frames]; None: always. covers: what is in front of the mouth.
    """

    info: MediaInfo
    options: DubOptions
    model: ShapeModel
    sound: Speech
    person: Chosen
    timeline: FrameTimeline
    frame_plans: list[FramePlan]
    allowed: np.ndarray | None
    seconds: np.ndarray
    taught: list[np.ndarray] | None
    speaking: np.ndarray | None = None
    covers: Covers = field(default_factory=Covers)
    overrides: Sequence[Override] = ()

    @property
    def motion(self) -> FaceMotion:
        return self.person.motion

    @property
    def expression(self) -> Expression:
        """How far the mouth moves."""
        adapted = self.options.adapted
        return Expression(self.options.expression, self.overrides, adapted.voice.scale if adapted else 1.0)

    @property
    def times(self) -> np.ndarray:
        """Seconds of the output frames in which the person is to speak."""
        times = self.timeline.seconds
        return times if self.speaking is None else times[self.speaking]

    def placed(self, frame_plans: Sequence[FramePlan]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Number, row of the motion, weight and seconds of each frame."""
        numbers = np.array([one.number for one in frame_plans], int)
        rows = np.array([one.row for one in frame_plans], int)
        weight = np.array([one.weight for one in frame_plans])
        return numbers, rows, weight, np.array([float(self.timeline.times[number]) for number in numbers])


def plan_person(
    task: DubTask,
    sound: Speech,
    timeline: FrameTimeline,
    person: Chosen,
    speaking: np.ndarray | None = None,
    overrides: Sequence[Override] = (),
) -> DubPlan:
    """The plan of one person on a timeline; none of the frames may be dubbed. The report gets the time that looking
    behind covers takes. speaking, overrides: see `DubPlan`.

    Raises:
        NoFaceError: the person is not seen where references are to come from.
    """
    info, options, model = task.info, task.options, task.model
    of_frames = person.motion.rows(task.tracked_video.tracks.frame_count)
    rows = of_frames[timeline.source]
    used = rows[rows >= 0] if speaking is None else rows[(rows >= 0) & speaking]
    covers = Covers()
    if is_doubtful(person, np.unique(used)):
        with task.report.timed("covers"):
            person, covers = behind_covers(info, person, model, np.unique(used), task.threads, use_cache=options.cache)
    skip_reason = skip_reasons(person, rows, timeline, options, speaking)
    at = timeline.seconds
    for override in overrides:
        if override.skip:
            skip_reason[override.holds(at) & (skip_reason != SILENT)] = SKIPPED
    frame_plans = make_plans(rows, skip_reason, ease(skip_reason == "", timeline.times))
    allowed, taught = _allowed(task, person.motion), _taught(task, person.motion)
    seconds = task.tracked_video.seconds[person.motion.frames]
    own = allowed, seconds, taught, speaking, covers, overrides
    return DubPlan(info, options, model, sound, person, timeline, frame_plans, *own)


def tell_plans(task: DubTask, timeline: FrameTimeline, frame_plans: Sequence[FramePlan]) -> None:
    """Tell the report what will happen to the frames of the whole dub.

    Raises:
        UsageError, NoFaceError: none can be dubbed.
    """
    report = task.report
    report.duration = float(timeline.duration)
    count(frame_plans, report, task.pictures)
    report.course = _course(task, timeline, frame_plans)
    require_changed_frames(report, task.info.path, "dubbed")


def _course(task: DubTask, timeline: FrameTimeline, frame_plans: Sequence[FramePlan]) -> Course:
    """What happens to each frame of the result, by frames where the plans are of fields."""
    pictures, options = task.pictures, task.options
    frames = timeline.by_frames(pictures)
    source = [int(frame) for frame in frames.source]
    return Course(
        [round(float(time), 6) for time in frames.times],
        source,
        stretches([why_passed(frame_plan) for frame_plan in frame_plans[::pictures]]),
        shot_starts(source, [cut // pictures for cut in task.tracked_video.tracks.cuts]),
        settings={
            "face": options.face,
            "expression": options.expression,
            "overrides": [row.told() for row in overrides_of(options.overrides).rows],
        },
    )


def person_course(plan: DubPlan, face: str) -> PersonCourse:
    """What happens to one person's mouth, before anything is made. face: what they are called."""
    pictures = plan.info.require_video().pictures_a_frame
    return PersonCourse(face, stretches([why_passed(frame_plan) for frame_plan in plan.frame_plans[::pictures]]))


def _taught(task: DubTask, motion: FaceMotion) -> list[np.ndarray] | None:
    adapted = task.options.adapted
    if adapted is None or not adapted.painter.used or task.options.reference_segment is not None:
        return None
    # It was taught with frames, of which these may be fields: the face is seen in the same ones, or nearly.
    frames = np.array(adapted.painter.references) * task.pictures
    rows = [int(np.abs(motion.frames - frame).argmin()) for frame in frames]
    return [np.array([row]) for row in rows]


def _allowed(task: DubTask, motion: FaceMotion) -> np.ndarray | None:
    if task.options.reference_segment is None:
        return None
    first, last = task.options.reference_segment
    inside = np.array([first <= time < last for time in task.tracked_video.times])[motion.frames]
    if not inside.any():
        where = f"between {float(first):g} and {float(last):g} s"
        raise NoFaceError(f"{task.info.path}: no face is seen {where}, where references are to come from")
    return inside
