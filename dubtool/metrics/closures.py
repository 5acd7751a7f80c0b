"""Whether lips close when they should: closures of a dub beside those of the mouth that really spoke.

The lips meet for p, b and m, and viewers notice more when they do not than anything else; a correlation hardly does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dubtool.metrics.runs import runs

# The inner lips are nearer than this, in distances of the outer eye corners.
CLOSED = 0.035
# A closure may come so many frames early or late.
TOLERANCE = 2


@dataclass(frozen=True)
class Closures:
    """Counts. real, dub: closures of each. met: the real ones for which the dub closes. justified: the dub's for which
    the real mouth closes."""

    real: int = 0
    dub: int = 0
    met: int = 0
    justified: int = 0

    def __add__(self, other: Closures) -> Closures:
        return Closures(
            self.real + other.real, self.dub + other.dub, self.met + other.met, self.justified + other.justified
        )

    @property
    def recall(self) -> float:
        """0..1; not a number where the real mouth never closes."""
        return self.met / self.real if self.real else float("nan")

    @property
    def precision(self) -> float:
        """0..1; not a number where the dub never closes."""
        return self.justified / self.dub if self.dub else float("nan")

    @property
    def f1(self) -> float:
        """Harmonic mean of both: 2 hits over all closures; not a number where the real mouth never closes."""
        if not self.real:
            return float("nan")
        if not self.dub or not self.met or not self.justified:
            return 0.0
        return 2 / (1 / self.precision + 1 / self.recall)


def closures(dub: np.ndarray, real: np.ndarray, *, tolerance: int = TOLERANCE) -> Closures:
    """Compare closures: stretches of frames in which the inner lips are nearer than `CLOSED`.

    dub, real: openings [N] at the same moments, in distances of the outer eye corners; moments at which one of them is
    unknown (NaN) do not count. tolerance: frames by which a closure reaches beyond its ends.
    """
    known = np.isfinite(dub) & np.isfinite(real)
    shut = [known & (np.where(known, opening, 1.0) < CLOSED) for opening in (dub, real)]
    dub_stretches, real_stretches = (runs(each) for each in shut)
    return Closures(
        len(real_stretches),
        len(dub_stretches),
        _hits(real_stretches, shut[0], tolerance),
        _hits(dub_stretches, shut[1], tolerance),
    )


def hits_at(opening: np.ndarray, times: np.ndarray, moments: Sequence[tuple[float, float]]) -> tuple[int, int]:
    """For how many moments at which lips must meet they do, within two frames; and how many can be told.

    opening: [N] at `times` (seconds, rising). moments: first and last second of each, as of phones.
    """
    known = np.isfinite(opening)
    shut = np.where(known, opening, 1.0) < CLOSED
    reach = TOLERANCE * float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    met = told = 0
    for first, last in moments:
        near = (times >= first - reach - 1e-6) & (times <= last + reach + 1e-6)
        if known[near].any():
            told += 1
            met += bool(shut[near].any())
    return met, told


def _hits(of: list[slice], shut: np.ndarray, tolerance: int) -> int:
    return sum(bool(shut[max(0, each.start - tolerance) : each.stop + tolerance].any()) for each in of)
