"""The plan of a dub: who, when and which frames, before anything is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from dubtool.errors import NoFaceError
from dubtool.face.shape import ShapeModel
from dubtool.jobs.shared.frame_plan import Slot, count, reasons, refuse_nothing, to_slots
from dubtool.jobs.shared.frame_timeline import Take, ease, plan_take
from dubtool.jobs.shared.options import DubOptions
from dubtool.jobs.shared.report import Report
from dubtool.media.audio import Speech
from dubtool.media.probe import MediaInfo
from dubtool.tracking.motion import FaceMotion
from dubtool.tracking.person import Chosen, chosen_person
from dubtool.tracking.track_video import Followed


@dataclass(frozen=True)
class DubPlan:
    """What is to be dubbed.

    person: whose mouth. take: which source frame stands when. slots: what happens to each output frame. allowed: rows
    of the motion that pictures may be taken from, bool [N]; None: all. taught: rows of the references that an adapted
    generator was taught with, one each; None: they are chosen.
    """

    info: MediaInfo
    options: DubOptions
    model: ShapeModel
    sound: Speech
    person: Chosen
    take: Take
    slots: list[Slot]
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

    def placed(self, slots: Sequence[Slot]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Number, row of the motion, weight and seconds of each slot."""
        numbers = np.array([slot.number for slot in slots], int)
        rows = np.array([slot.row for slot in slots], int)
        weight = np.array([slot.weight for slot in slots])
        return numbers, rows, weight, np.array([float(self.take.times[number]) for number in numbers])


def plan_dub(
    info: MediaInfo, options: DubOptions, model: ShapeModel, sound: Speech, followed: Followed, report: Report
) -> DubPlan:
    """Plan a dub; the report is told what will happen to how many frames.

    Raises:
        UsageError, NoFaceError: the person is not there, or no frame can be dubbed. WeightsError: see `chosen_person`.
    """
    person = chosen_person(info, followed, options.face, model)
    length = Fraction(sound.samples, 16000)
    take = plan_take(followed.times, followed.durations, length, length=options.length, loop=options.loop)
    of_frames = person.motion.rows(followed.tracks.frame_count)
    rows = of_frames[take.source]
    why = reasons(person, rows, take, options)
    slots = to_slots(rows, why, ease(why == "", take.times))
    report.frames, report.duration = len(take.times), float(take.duration)
    count(slots, report)
    refuse_nothing(report, info.path, "dubbed")
    if followed.decode_failures:
        report.warn(f"{info.path}: {followed.decode_failures} damaged packets were passed over")
    allowed = _allowed(info, options, person.motion, followed)
    return DubPlan(info, options, model, sound, person, take, slots, allowed, _taught(options, of_frames))


def _taught(options: DubOptions, of_frames: np.ndarray) -> list[np.ndarray] | None:
    adapted = options.adapted
    if adapted is None or not adapted.painter.used or options.reference_stretch is not None:
        return None
    rows = of_frames[list(adapted.painter.references)]
    return [rows[[place]] for place in range(len(rows))]


def _allowed(info: MediaInfo, options: DubOptions, motion: FaceMotion, followed: Followed) -> np.ndarray | None:
    if options.reference_stretch is None:
        return None
    first, last = options.reference_stretch
    inside = np.array([first <= time < last for time in followed.times])[motion.frames]
    if not inside.any():
        where = f"between {float(first):g} and {float(last):g} s"
        raise NoFaceError(f"{info.path}: no face is seen {where}, where references are to come from")
    return inside
