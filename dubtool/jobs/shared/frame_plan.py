"""What happens to each frame of the output: changed, or passed through and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dubtool.errors import NoFaceError, UsageError
from dubtool.jobs.shared.frame_timeline import Take
from dubtool.jobs.shared.options import JobOptions
from dubtool.jobs.shared.report import Report
from dubtool.tracking.person import Chosen

# Beyond this a face shows one half only, and a network trained on frontal ones breaks it.
_MAX_YAW = 50.0
# Degrees of roll from which a head stands rather on its top than on its chin.
_UPSIDE_DOWN = 135.0
# Of the mouth: less than this beyond the border hides no lip.
_BEYOND = 0.1
_OUTSIDE = "outside the stretch"
_TURNED_OVER = "upside down"


@dataclass(frozen=True)
class Slot:
    """One output frame: its place, the motion's row (-1: none), its weight and, when 0, why."""

    number: int
    row: int
    weight: float
    why: str


def reasons(chosen: Chosen, rows: np.ndarray, take: Take, options: JobOptions) -> np.ndarray:
    """Why each output frame is to be left alone, "" where it is not: object [N]. rows: of the motion, -1 for none."""
    why = np.where(rows < 0, "no face", showing(chosen)[rows]).astype(object)
    why[(rows < 0) & chosen.strangers[take.source]] = "another person"
    start, stop = options.start, options.stop
    outside = [(start is not None and time < start) or (stop is not None and time >= stop) for time in take.times]
    why[np.array(outside)] = _OUTSIDE
    return why


def showing(chosen: Chosen) -> np.ndarray:
    """Why the mouth is not to be seen well in each row of the motion, "" where it is: object [N]."""
    motion = chosen.motion
    why = np.full(len(motion.frames), "", object)
    why[motion.covered] = "mouth covered"
    why[np.abs(motion.angles[:, 1]) > _MAX_YAW] = "turned away"
    why[np.abs(motion.angles[:, 2]) > _UPSIDE_DOWN] = _TURNED_OVER
    why[chosen.outside > _BEYOND] = "outside the frame"
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
    advice = "; turn the video first" if report.passed[_TURNED_OVER] else ""
    raise NoFaceError(f"{path}: no frame can be {changed} ({told}){advice}")
