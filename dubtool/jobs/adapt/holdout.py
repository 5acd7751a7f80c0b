"""Which frames of a video are learned from, and which are kept apart to measure what was learned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# A film is looked at in a few places only, so that an hour of it takes no longer than two minutes.
_MOST, _EVERY_SECONDS, _LONGEST_SECONDS = 5, 20.0, 24.0
_LEARNED_SHARE = 0.8
# Frames close in time look alike: between what is learned and what is measured so much is left out.
_GAP_SECONDS, _GAP_SHARE = 1.0, 0.1


@dataclass(frozen=True)
class Stretch:
    """Rows of a motion that lie together in time: int64 arrays, in rising order."""

    learned: np.ndarray
    held_out: np.ndarray


def stretches(times: np.ndarray, usable: np.ndarray) -> list[Stretch]:
    """Cut a person's rows into stretches, each with its later part held out.

    times: float64 [N], seconds of the rows, rising. usable: bool [N].
    """
    rows = np.flatnonzero(usable)
    if len(rows) == 0:
        return []
    start, seconds = times[rows[0]], times[rows[-1]] - times[rows[0]]
    count = int(np.clip(seconds // _EVERY_SECONDS, 1, _MOST))
    length = min(seconds / count, _LONGEST_SECONDS)
    gap = min(_GAP_SECONDS, _GAP_SHARE * length)
    found = []
    for first in start + np.arange(count) * seconds / count:
        into = times[rows] - first
        # Held-out rows of the stretch before may end where this one begins.
        learned = (into >= (gap if first > start else 0.0)) & (into < _LEARNED_SHARE * length - gap)
        held_out = (into >= _LEARNED_SHARE * length) & (into <= length)
        found.append(Stretch(rows[learned], rows[held_out]))
    return found


def thinned(rows: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the rows, evenly spread."""
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).round().astype(int)]
