"""Where a dub is to be looked at: closures that were missed, and shots in which it is not to be relied on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dubtool.jobs.shared.course import Course, PersonCourse
from dubtool.metrics.closures import CLOSED, TOLERANCE
from dubtool.metrics.runs import runs

# Fewer frames of a shot tell nothing.
_FEWEST = 5
# Beyond these a shot is to be looked at. Mean difference of the opening asked and rendered, eye corners 1 apart: 0.010
# to 0.016 in three shots in which nothing is wrong.
APART = 0.04
# Degrees of yaw: where mouths are left alone it is 50.
TURNED = 30.0
# Side of the mouth's box, px: what smaller ones show is the painter's, and hardly seen.
SMALL = 48.0
# Share that none of the person's own frames would do, and their number: of a second of film.
PAINTED, FEW = 0.5, 25
# Sharpness over the source's.
SOFT, CRISP = 0.75, 1.35


@dataclass(frozen=True)
class Doubt:
    """A shot of one person that is to be looked at. first, stop: its frames. why: in words, with numbers."""

    first: int
    stop: int
    why: str


def missed_closures(asked: np.ndarray, rendered: np.ndarray) -> list[tuple[int, int]]:
    """Stretches (first frame, frame after the last) in which the mouth is asked to close and never does, `TOLERANCE`
    frames before and after included. asked, rendered: openings [N], NaN where there are none."""
    missed = []
    for closing in runs(asked < CLOSED):
        near = rendered[max(closing.start - TOLERANCE, 0) : closing.stop + TOLERANCE]
        near = near[np.isfinite(near)]
        if len(near) and near.min() >= CLOSED:
            missed.append((closing.start, closing.stop))
    return missed


def doubtful_shots(
    course: Course, person: PersonCourse, asked: np.ndarray, rendered: np.ndarray | None, sharpness: np.ndarray | None
) -> list[Doubt]:
    """The shots in which a person's mouth is not to be relied on, and why.

    asked: opening [N], NaN where there is none. rendered: the same of the dub. sharpness: over the source's [N]; None
    where they are not known.
    """
    found = []
    for first, stop in zip(course.shots, course.shot_ends(), strict=True):
        numbers = np.array([number for number in range(first, stop) if number in person.mouths], int)
        if len(numbers) >= _FEWEST:
            why = list(_reasons(person, numbers, asked, rendered, sharpness))
            if why:
                found.append(Doubt(first, stop, ", ".join(why)))
    return found


def _reasons(
    person: PersonCourse,
    numbers: np.ndarray,
    asked: np.ndarray,
    rendered: np.ndarray | None,
    sharpness: np.ndarray | None,
) -> Iterator[str]:
    mouths = [person.mouths[number] for number in numbers.tolist()]
    if rendered is not None:
        apart = _mean(np.abs(rendered[numbers] - asked[numbers]))
        if apart is not None and apart > APART:
            yield f"opening {apart:.2f} off what is asked"
        elif np.isfinite(asked[numbers]).any() and not np.isfinite(rendered[numbers]).any():
            yield "no mouth seen in the dub"
    turned = float(np.median([abs(mouth.yaw) for mouth in mouths]))
    if turned > TURNED:
        yield f"head turned by {turned:.0f} degrees"
    side = float(np.median([mouth.side for mouth in mouths]))
    if side < SMALL:
        yield f"small mouth, {side:.0f} px"
    painted = [mouth.painted for mouth in mouths if mouth.painted is not None]
    if painted and float(np.mean(painted)) > PAINTED:
        yield f"{np.mean(painted):.0%} is painted: no own frame would do"
    if person.references is not None and person.references < FEW:
        yield f"only {person.references} own frames to choose from"
    sharp = None if sharpness is None else _median(sharpness[numbers])
    if sharp is not None and not SOFT <= sharp <= CRISP:
        yield f"{'softer' if sharp < 1 else 'crisper'} than the source, {sharp:.2f} of its sharpness"


def _mean(values: np.ndarray) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


def _median(values: Sequence[float] | np.ndarray) -> float | None:
    known = np.asarray(values)[np.isfinite(values)]
    return float(np.median(known)) if len(known) else None
