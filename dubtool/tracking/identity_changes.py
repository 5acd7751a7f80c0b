"""Checking again whose face it is: a track that goes over from one person to another is cut there.

A dissolve, a wipe or a fade hands the landmarks of one face on to the next without a gap; so does a face that takes the
place of a lost one, or a cut that the pictures hide. Heads' forms (`head_form`) before and after tell, in any light;
what the heads and all around them look like (`head_look`) tells laughs and grimaces from hand-overs.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dubtool.tracking.head_form import HeadForm, likeness
from dubtool.tracking.head_look import look_likeness, mean_look, moved_likeness
from dubtool.tracking.occlusion import covered_rows
from dubtool.tracking.track import FaceTrack

# Two stretches of one face are less alike than this, and farther apart, at times (then their likeness as a whole tells,
# and their looks); of two people's all but 1 % are.
_ANOTHER, _APART = 0.7, 9.0
# Most such changes in films of one person are laughs and grimaces; whole stretches are more alike than this, where
# nothing is known of their looks.
_STRANGERS = 0.35
# Looks that are more alike are one person's. The less alike they are, the more alike may be the forms of two, up to
# `_MOST`, and less where the head turned meanwhile, which changes both: `benchmarks/hand_overs.py` measures this.
_SAME_LOOK, _ALIKE, _SLOPE, _MOST = 0.97, 0.50, 3.0, 0.8
_STRAIGHT_DEGREES, _BY_TURNING = 3.0, 0.04
# Between these turns looks are moved over each other more and more.
_TURNED_DEGREES = (8.0, 16.0)
# Rows that are compared, on each side, and left out between them: half of the longest dissolve that is common (0.8 s).
_LONGEST, _LEAST, _GAP = 20, 6, 10
_STEP = 2
# A face seen from the side hides half of its form.
_FRONTAL_DEGREES = 35.0
# Of the way from one face to the other: what lies between belongs to nobody; without looks, some rows beside it, too.
_BEGUN, _DONE = 0.35, 0.65
_MARGIN = 2
# Looks waver less than forms, and show sooner that another face shines through: up to so many rows beyond what forms
# tell, half of a dissolve.
_LOOK_BEGUN, _LOOK_REACH = 0.12, 12


def persons_apart(track: FaceTrack, form: HeadForm) -> list[FaceTrack]:
    """The stretches of a track that are one person's each, in order of time; rows of both at once are left out."""
    rows = np.arange(0, len(track.frames), _STEP)
    forms, yaw = form.vectors(track.points(rows))
    clear = (np.abs(yaw) < _FRONTAL_DEGREES) & ~covered_rows(track)[rows]
    rows, forms, yaw = rows[clear], forms[clear], yaw[clear]
    stretches, start = [], 0
    for first, last in _between_strangers(forms, yaw, changes(forms), track.looks, rows):
        sure, again = _unmixed(track.looks, int(rows[first]), int(rows[last]))
        if sure >= start:
            stretches.append(slice(start, sure + 1))
        start = again
    stretches.append(slice(start, len(track.frames)))
    if len(stretches) == 1 and start == 0:
        return [track]
    return [part_of(track, stretch) for stretch in stretches if stretch.start < stretch.stop]


def span(track: FaceTrack, first: FaceTrack, last: FaceTrack) -> FaceTrack:
    """The rows of a track from its stretch `first` to its stretch `last`, with all between them."""
    start, end = np.searchsorted(track.frames, (first.frames[0], last.frames[-1]))
    return part_of(track, slice(int(start), int(end) + 1))


def changes(forms: np.ndarray) -> list[tuple[int, int]]:
    """Where forms [N, K] of neighbouring rows become another's: the last row before and the first row after each."""
    found, start = [], 0
    while (at := _next_change(forms, start)) is not None:
        first, last = _transition(forms, start, at)
        found.append((first, last))
        start = last
    return found


def _between_strangers(
    forms: np.ndarray, yaw: np.ndarray, found: list[tuple[int, int]], looks: np.ndarray, rows: np.ndarray
) -> list[tuple[int, int]]:
    """Those changes whose whole stretches, up to the next ones, show two persons.

    A laugh or a turned head changes a form for some moments, and the rows of such a change are the person's own.
    rows: of the forms, within `looks` [N, CELLS, CELLS, 3].
    """
    kept: list[tuple[int, int]] = []
    for number, (first, last) in enumerate(found):
        end = found[number + 1][0] if number + 1 < len(found) else len(forms) - 1
        begin = kept[-1][1] if kept else 0
        before, after = forms[begin : first + 1].mean(axis=0), forms[last : end + 1].mean(axis=0)
        # Looks change in minutes, too, and heads turn: only what is near the change is compared.
        low, high = max(begin, first - _SIDE), min(end, last + _SIDE)
        turn = abs(float(yaw[low : first + 1].mean() - yaw[last : high + 1].mean()))
        look = _look(looks[rows[low] : rows[first] + 1], looks[rows[last] : rows[high] + 1], turn)
        if likeness(before, after) < _limit(look, turn):
            kept.append((first, last))
    return kept


def _look(before: np.ndarray, after: np.ndarray, turn: float) -> float | None:
    """How alike looks are between which the head turned by so many degrees."""
    means = mean_look(before), mean_look(after)
    still, moved = look_likeness(*means), moved_likeness(*means)
    if still is None or moved is None:
        return still
    return still + float(np.interp(turn, _TURNED_DEGREES, (0.0, 1.0))) * (moved - still)


def _limit(look: float | None, turn: float) -> float:
    """The likeness of forms below which two stretches are two persons'.

    look: likeness of their looks, if known. turn: of the head, degrees.
    """
    if look is None:
        return _STRANGERS
    if look > _SAME_LOOK:
        return -1.0
    turned = _BY_TURNING * max(turn - _STRAIGHT_DEGREES, 0.0)
    return min(_ALIKE + _SLOPE * (_SAME_LOOK - look) - turned, _MOST)


def _unmixed(looks: np.ndarray, first: int, last: int) -> tuple[int, int]:
    """The last row up to `first` and the first from `last` on in whose looks the other face does not shine through; by
    forms alone some rows beside them."""
    seen = np.flatnonzero((looks > 0).any(axis=(1, 2, 3)))
    before = looks[_within(seen, first - 2 * _LOOK_REACH, first - _LOOK_REACH)]
    after = looks[_within(seen, last + _LOOK_REACH, last + 2 * _LOOK_REACH)]
    if len(before) == 0 or len(after) == 0:
        return first - _MARGIN, last + _MARGIN
    both = (before > 0).all(axis=0) & (after > 0).all(axis=0)
    start = before.mean(axis=0)[both]
    way = after.mean(axis=0)[both] - start
    near = _within(seen, first - _LOOK_REACH, last + _LOOK_REACH)
    share = (looks[near][:, both] - start) @ way / max(float(way @ way), 1.0)
    mine, others = near[(near <= first) & (share < _LOOK_BEGUN)], near[(near >= last) & (share > 1 - _LOOK_BEGUN)]
    return int(mine[-1]) if len(mine) else int(near[0]), int(others[0]) if len(others) else int(near[-1])


def _within(seen: np.ndarray, low: int, high: int) -> np.ndarray:
    """Those of the rows `seen` from `low` to `high`; the outermost one where these lie beyond it."""
    return seen[(seen >= min(low, seen[-1])) & (seen <= max(high, seen[0]))] if len(seen) else seen


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


def part_of(track: FaceTrack, rows: slice) -> FaceTrack:
    """Some rows of a track as a track of their own."""
    return replace(
        track,
        frames=track.frames[rows],
        quantised=track.quantised[rows],
        anchors=track.anchors[rows],
        covered=track.covered[rows],
        looks=track.looks[rows],
    )
