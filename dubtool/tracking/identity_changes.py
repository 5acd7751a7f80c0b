"""Asking again whose face it is: a track that goes over from one person to another is cut there.

A dissolve, a wipe or a fade hands the landmarks of one face on to the next without a gap; so does a face that takes the
place of a lost one. Heads' forms (`head_form`) before and after tell, in any light.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dubtool.tracking.head_form import HeadForm, likeness
from dubtool.tracking.occlusion import covered_rows
from dubtool.tracking.track import FaceTrack

# Two stretches of one face are less alike than this, and farther apart, in one of 100 (then their likeness as a whole
# tells); of two people's all but 2 % are.
_ANOTHER, _APART = 0.6, 9.0
# Most changes that `_ANOTHER` finds in films of one person are laughs and grimaces; whole stretches are more alike
# than this: of 2,205 such films 3 in 100 were taken apart, now 1 in 500. So are 5 % of two people's stretches, who hand
# over to each other without a cut more rarely than people laugh.
_STRANGERS = 0.35
# Rows that are compared, on each side, and left out between them: half of the longest dissolve that is common (0.8 s).
_LONGEST, _LEAST, _GAP = 20, 6, 10
_STEP = 2
# A face seen from the side hides half of its form.
_FRONTAL_DEGREES = 35.0
# Of the way from one face to the other: what lies between belongs to nobody, and some rows beside it.
_BEGUN, _DONE = 0.35, 0.65
_MARGIN = 2


def persons_apart(track: FaceTrack, form: HeadForm) -> list[FaceTrack]:
    """The stretches of a track that are one person's each, in order of time; rows of both at once are left out."""
    rows = np.arange(0, len(track.frames), _STEP)
    forms, yaw = form.vectors(track.points(rows))
    clear = (np.abs(yaw) < _FRONTAL_DEGREES) & ~covered_rows(track)[rows]
    rows, forms = rows[clear], forms[clear]
    stretches, start = [], 0
    for first, last in _between_strangers(forms, changes(forms)):
        stop, begin = int(rows[first]) - _MARGIN + 1, int(rows[last]) + _MARGIN
        if stop > start:
            stretches.append(slice(start, stop))
        start = begin
    stretches.append(slice(start, len(track.frames)))
    if len(stretches) == 1 and start == 0:
        return [track]
    return [_part(track, stretch) for stretch in stretches if stretch.start < stretch.stop]


def span(track: FaceTrack, first: FaceTrack, last: FaceTrack) -> FaceTrack:
    """The rows of a track from its stretch `first` to its stretch `last`, with all between them."""
    start, end = np.searchsorted(track.frames, (first.frames[0], last.frames[-1]))
    return _part(track, slice(int(start), int(end) + 1))


def changes(forms: np.ndarray) -> list[tuple[int, int]]:
    """Where forms [N, K] of neighbouring rows become another's: the last row before and the first row after each."""
    found, start = [], 0
    while (at := _next_change(forms, start)) is not None:
        first, last = _transition(forms, start, at)
        found.append((first, last))
        start = last
    return found


def _between_strangers(forms: np.ndarray, found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those changes whose whole stretches, up to the next ones, show two persons.

    A laugh or a turned head changes a form for some moments, and the rows of such a change are the person's own.
    """
    kept: list[tuple[int, int]] = []
    for number, (first, last) in enumerate(found):
        end = found[number + 1][0] if number + 1 < len(found) else len(forms) - 1
        begin = kept[-1][1] if kept else 0
        before, after = forms[begin : first + 1].mean(axis=0), forms[last : end + 1].mean(axis=0)
        if likeness(before, after) < _STRANGERS:
            kept.append((first, last))
    return kept


_SIDE, _FEW, _BETWEEN = _LONGEST // _STEP, _LEAST // _STEP, _GAP // _STEP


def _next_change(forms: np.ndarray, start: int) -> int | None:
    """A row near which a new face comes, the first after `start`; None where none does."""
    at = np.arange(start + _FEW, len(forms) - _FEW + 1)
    if len(at) == 0:
        return None
    total = np.concatenate([np.zeros((1, forms.shape[1])), np.cumsum(forms, axis=0, dtype=np.float64)])
    # Near an end the gap is given up before the rows that are compared.
    stop, begin = np.maximum(at - _BETWEEN, start + _FEW), np.minimum(at + _BETWEEN, len(forms) - _FEW)
    low, high = np.maximum(stop - _SIDE, start), np.minimum(begin + _SIDE, len(forms))
    before = (total[stop] - total[low]) / (stop - low)[:, None]
    after = (total[high] - total[begin]) / (high - begin)[:, None]
    apart = np.linalg.norm(before - after, axis=1)
    other = (likeness(before, after) < _ANOTHER) & (apart > _APART)
    if not other.any():
        return None
    first = int(np.argmax(other))
    # Another face may follow soon: the first one's peak is looked for no farther than windows reach.
    near = slice(first, first + _SIDE + _BETWEEN + 1)
    return int(at[first + np.argmax(np.where(other[near], apart[near], 0.0))])


def _transition(forms: np.ndarray, start: int, at: int) -> tuple[int, int]:
    """The last row of one face and the first of the next, of a change near `at`."""
    low, high = max(start, at - 2 * _SIDE), min(len(forms), at + 2 * _SIDE)
    middle = at
    for _ in range(2):
        before = forms[max(start, middle - _SIDE) : max(middle - 1, start + 1)].mean(axis=0)
        after = forms[min(middle + 1, high - 1) : min(middle + _SIDE, high)].mean(axis=0)
        way = after - before
        share = (forms[low:high] - before) @ way / max(float(way @ way), 1e-9)
        # The step that explains the shares best.
        wrong = np.cumsum(np.square(share)) + np.cumsum(np.square(1 - share)[::-1])[::-1] - np.square(1 - share)
        middle = low + 1 + int(np.argmin(wrong[: high - low - 1]))
    begun, done = np.flatnonzero(share[: middle - low] < _BEGUN), np.flatnonzero(share[middle - low :] > _DONE)
    first = low + int(begun[-1]) if len(begun) else max(middle - 1, start)
    last = middle + int(done[0]) if len(done) else middle
    return first, max(last, first + 1)


def _part(track: FaceTrack, rows: slice) -> FaceTrack:
    return replace(
        track,
        frames=track.frames[rows],
        quantised=track.quantised[rows],
        anchors=track.anchors[rows],
        covered=track.covered[rows],
    )
