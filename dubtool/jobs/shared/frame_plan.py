"""What happens to each frame of the output: changed, or passed through and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dubtool.errors import NoFaceError, UsageError
from dubtool.jobs.shared.frame_timeline import FrameTimeline
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
# Of one person, and of all.
SILENT, NOBODY_SPEAKS = "does not speak", "nobody speaks"
_TURNED_OVER = "upside down"
# As a person who looked at it said.
SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class FramePlan:
    """One output frame: its place, the motion's row (-1: none), its weight and, when 0, why."""

    number: int
    row: int
    weight: float
    skip_reason: str


def skip_reasons(
    chosen: Chosen,
    rows: np.ndarray,
    timeline: FrameTimeline,
    options: JobOptions,
    speaking: np.ndarray | None = None,
) -> np.ndarray:
    """Why each output frame is to be left alone, "" where it is not: object [N]. rows: of the motion, -1 for none.
    speaking: when the person is to speak, bool [N]; None: always."""
    skip_reason = np.where(rows < 0, "no face", showing(chosen)[rows]).astype(object)
    skip_reason[(rows < 0) & chosen.strangers[timeline.source]] = "another person"
    if speaking is not None:
        skip_reason[~speaking] = SILENT
    start, stop = options.start, options.stop
    outside = [(start is not None and time < start) or (stop is not None and time >= stop) for time in timeline.times]
    skip_reason[np.array(outside)] = _OUTSIDE
    return skip_reason


def showing(chosen: Chosen) -> np.ndarray:
    """Why the mouth is not to be seen well in each row of the motion, "" where it is: object [N]."""
    motion = chosen.motion
    skip_reason = np.full(len(motion.frames), "", object)
    covered = motion.covered if chosen.partly is None else motion.covered & ~chosen.partly
    skip_reason[covered] = "mouth covered"
    # Nothing can be told of a mouth in the dark; that it is hidden is the judge's way of saying so.
    skip_reason[covered & chosen.dark] = "too dark"
    skip_reason[np.abs(motion.angles[:, 1]) > _MAX_YAW] = "turned away"
    skip_reason[np.abs(motion.angles[:, 2]) > _UPSIDE_DOWN] = _TURNED_OVER
    skip_reason[chosen.outside > _BEYOND] = "outside the frame"
    return skip_reason


def make_plans(rows: np.ndarray, skip_reason: np.ndarray, weight: np.ndarray) -> list[FramePlan]:
    """The plans of output frames: row, reason and weight of each."""
    return [
        FramePlan(number, int(row), float(share), str(reason))
        for number, (row, share, reason) in enumerate(zip(rows, weight, skip_reason, strict=True))
    ]


def joined(plans: Sequence[Sequence[FramePlan]]) -> list[FramePlan]:
    """What happens to each frame where it happens to several people, one list of plans each: changed where any of them
    is. The reason is that of whoever was to speak."""
    found = []
    for number, each in enumerate(zip(*plans, strict=True)):
        weight = max(plan.weight for plan in each)
        reasons = [plan.skip_reason for plan in each if plan.skip_reason != SILENT]
        row = each[0].row if len(each) == 1 else -1
        found.append(FramePlan(number, row, weight, "" if weight > 0 else reasons[0] if reasons else NOBODY_SPEAKS))
    return found


def why_passed(plan: FramePlan) -> str:
    """Why a frame is left as it is, "" where it is not."""
    return "" if plan.weight > 0 else plan.skip_reason or "too short a stretch"


def count(plans: Sequence[FramePlan], report: Report, pictures: int = 1) -> None:
    """Tell the report how many frames are changed, and why the others are not. pictures: how many plans a frame has."""
    frames = [plans[n : n + pictures] for n in range(0, len(plans), pictures)]
    untouched = [frame[0] for frame in frames if all(plan.weight == 0 for plan in frame)]
    report.frames, report.dubbed = len(frames), len(frames) - len(untouched)
    report.passed.update(why_passed(plan) for plan in untouched)


def require_changed_frames(report: Report, path: Path, changed: str) -> None:
    """Raise NoFaceError or UsageError where no frame can be `changed` ("dubbed")."""
    if report.dubbed:
        return
    if set(report.passed) <= {_OUTSIDE}:
        raise UsageError(f"no frame lies within the stretch to be {changed}; check --from and --to")
    told = ", ".join(f"{reason}: {number}" for reason, number in report.passed.items())
    advice = "; turn the video first" if report.passed[_TURNED_OVER] else ""
    raise NoFaceError(f"{path}: no frame can be {changed} ({told}){advice}")
