"""What happens to each frame of the output: changed, or passed through and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dubtool.errors import NoFaceError, UsageError
from dubtool.face.motion import FaceMotion
from dubtool.jobs.options import JobOptions
from dubtool.jobs.report import Report
from dubtool.jobs.take import Take

# Beyond this a face shows one half only, and a network trained on frontal ones breaks it.
_MAX_YAW = 50.0
_OUTSIDE = "outside the stretch"


@dataclass(frozen=True)
class Slot:
    """One output frame: its place, the motion's row (-1: none), its weight and, when 0, why."""

    number: int
    row: int
    weight: float
    why: str


def reasons(motion: FaceMotion, rows: np.ndarray, take: Take, options: JobOptions) -> np.ndarray:
    """Why each output frame is to be left alone, "" where it is not: object [N]. rows: of the motion, -1 for none."""
    why = np.where(rows < 0, "no face", "").astype(object)
    seen = rows >= 0
    why[seen & (np.abs(motion.angles[rows, 1]) > _MAX_YAW)] = "turned away"
    why[seen & motion.covered[rows]] = "mouth covered"
    start, stop = options.start, options.stop
    outside = [(start is not None and time < start) or (stop is not None and time >= stop) for time in take.times]
    why[np.array(outside)] = _OUTSIDE
    return why


def to_slots(rows: np.ndarray, why: np.ndarray, weight: np.ndarray) -> list[Slot]:
    """The slots of output frames: row, reason and weight of each."""
    return [
        Slot(number, int(row), float(share), str(reason))
        for number, (row, share, reason) in enumerate(zip(rows, weight, why, strict=True))
    ]


def count(slots: Sequence[Slot], report: Report) -> None:
    """Tell the report how many frames are changed, and why the others are not."""
    report.dubbed = sum(slot.weight > 0 for slot in slots)
    report.passed.update(slot.why or "too short a stretch" for slot in slots if slot.weight == 0)


def refuse_nothing(report: Report, path: Path, changed: str) -> None:
    """Raise NoFaceError or UsageError where no frame can be `changed` ("dubbed")."""
    if report.dubbed:
        return
    if set(report.passed) <= {_OUTSIDE}:
        raise UsageError(f"no frame lies within the stretch to be {changed}; check --from and --to")
    told = ", ".join(f"{reason}: {number}" for reason, number in report.passed.items())
    raise NoFaceError(f"{path}: no frame can be {changed} ({told})")
