"""Cuts that the pictures hide: one person follows another at the same place before the same backdrop, in one track.

Where the landmarks jump and what is around the face changes, the recognizer is asked whether it is the same face on
both sides. Forms of heads (`identity_changes`) need longer stretches, and are alike for one pair of people in some.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from dubtool.tracking.head_look import look_likeness, mean_look
from dubtool.tracking.identity_changes import part_of
from dubtool.tracking.track import FaceTrack

# Of ten films of 30 shots of 3 people each (benchmarks/people.py) all 44 hidden cuts lie beyond these, and of 6,590
# frames of 16 films of one person 12 do: median way of the landmarks from one frame to the next, in sizes of the face,
# and over what is usual around it; likeness of the looks before and after.
_JUMP, _UNUSUAL, _ALIKE = 0.02, 2.0, 0.95
_AROUND, _NEAR = 8, 3
# Rows and looks on each side that are compared.
_ROWS, _LOOKS = 2, 2
# Cosine of the faces on both sides: across hidden cuts at most 0.42, elsewhere 0.56 and more, and 0.78 in films of one
# person.
_SAME_FACE = 0.49
_BLOCK = 512

# Unit vectors [N, K] of what the faces of N tracks look like.
Recognise = Callable[[Sequence[FaceTrack]], np.ndarray]


def parted_at_hidden_cuts(tracks: Sequence[FaceTrack], recognise: Recognise) -> list[list[FaceTrack]]:
    """The stretches between hidden cuts of each track, in order of time. recognise: asked only where one may be."""
    places = [(number, row) for number, track in enumerate(tracks) for row in _doubtful_rows(track)]
    sides = [
        part_of(tracks[number], rows)
        for number, row in places
        for rows in (slice(row - _ROWS + 1, row + 1), slice(row + 1, row + 1 + _ROWS))
    ]
    vectors = recognise(sides) if sides else np.empty((0, 1))
    cosines = np.einsum("nk,nk->n", vectors[::2], vectors[1::2])
    ends: list[list[int]] = [[] for _ in tracks]
    for (number, row), cosine in zip(places, cosines.tolist(), strict=True):
        if cosine < _SAME_FACE:
            ends[number].append(row + 1)
    return [_cut(track, rows) for track, rows in zip(tracks, ends, strict=True)]


def _cut(track: FaceTrack, rows: Sequence[int]) -> list[FaceTrack]:
    if not rows:
        return [track]
    edges = [0, *rows, len(track.frames)]
    return [part_of(track, slice(start, stop)) for start, stop in pairwise(edges)]


def _doubtful_rows(track: FaceTrack) -> list[int]:
    """The last row before each place at which another face may have come."""
    way = _ways(track)
    jumps = np.flatnonzero(way > _JUMP)
    jumps = jumps[(jumps >= _NEAR - 1) & (jumps < len(way) - _NEAR + 1)]
    found = []
    for row in jumps.tolist():
        around = np.delete(way[max(row - _AROUND, 0) : row + _AROUND + 1], min(row, _AROUND))
        peak = way[max(row - _NEAR, 0) : row + _NEAR + 1].max()
        if way[row] >= peak and way[row] > _UNUSUAL * float(np.median(around)) and _looks_change(track, row):
            found.append(row)
    return found


def _ways(track: FaceTrack) -> np.ndarray:
    """How far the landmarks go from each row to the next, sizes of the face a frame: float64 [N - 1]."""
    found = [np.empty(0)]
    for start in range(0, len(track.frames) - 1, _BLOCK):
        rows = slice(start, start + _BLOCK + 1)
        steps = np.linalg.norm(np.diff(track.points(rows)[..., :2], axis=0), axis=2)
        found.append(np.median(steps, axis=1) / track.anchors[rows][1:, 2] / np.diff(track.frames[rows]))
    return np.concatenate(found)


def _looks_change(track: FaceTrack, row: int) -> bool:
    """Whether what is around the face is another after a row; yes, where nothing is known of it."""
    near = np.arange(max(row - 2 * _LOOKS + 1, 0), min(row + 2 * _LOOKS + 1, len(track.frames)))
    seen = near[(track.looks[near] > 0).any(axis=(1, 2, 3))]
    before, after = seen[seen <= row][-_LOOKS:], seen[seen > row][:_LOOKS]
    if len(before) == 0 or len(after) == 0:
        return True
    likeness = look_likeness(mean_look(track.looks[before]), mean_look(track.looks[after]))
    return likeness is None or likeness < _ALIKE
