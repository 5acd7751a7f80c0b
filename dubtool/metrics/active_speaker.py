"""Which of the faces of a film speaks at each moment, from how well their mouths fit the sound.

A hidden Markov model of nobody and each face, by the Viterbi algorithm (Viterbi 1967): what a moment says of a face
counts for and against it, and every change has its price, so that a turn of speech is told as a whole. Nobody is right
in silence, and where the voice fits none of the mouths.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

# Settled on films put together from half of the validation people, see docs/speakers.md. How much a mouth that fits as
# well as its owner's does when speaking counts, in nats a moment; at this share of that fit it counts nothing.
_FIT_WEIGHT, _FIT_SHARE = 4.9, 0.32
# What speakers' fit is before anything is known of them, and how many moments that is worth.
_USUAL_FIT, _BELIEF = 0.5, 40.0
_ROUNDS = 3
# A mouth that moves less than this (mean change of the opening from moment to moment, in distances of the eye corners,
# logarithm) speaks less likely, whatever it fits; moving more proves nothing.
_MOVING, _STILL_WEIGHT = -4.4, 3.1
# What a silent moment counts against every voice, and a voiced one against silence.
_SILENT, _VOICED = 1.3, 2.1
# What it costs that somebody begins or ends to speak, and that one takes over from another.
_BEGIN, _TAKE_OVER = 9.7, 9.5
# Moments that movement is seen over; 1/25 s each.
_SEEN_OVER = 25
# A turn goes on over pauses up to so many moments, and begins and ends where its voice does, if that is as near.
_PAUSE, _NEAR = 15, 10
# A voice from elsewhere that lasts no longer is the edge of a turn in the picture.
_SHORT = 20

NOBODY = -1
# A voice that no mouth in the picture has; told from silence only within.
_ELSEWHERE = -2


@dataclass(frozen=True)
class Evidence:
    """What is known of F faces at T moments, 1/25 s apart.

    fits: float32 [T, F], the sync judge's cosines of mouth and sound; NaN where the face is not seen. openings: float32
    [T, F], of the inner lips, in distances of the eye corners; NaN alike. voiced: bool [T], somebody is heard.
    """

    fits: np.ndarray
    openings: np.ndarray
    voiced: np.ndarray


def active_speaker(evidence: Evidence) -> np.ndarray:
    """The face that speaks at each moment, int64 [T]; `NOBODY` where none does."""
    if evidence.fits.size == 0:
        return np.full(len(evidence.voiced), NOBODY)
    seen, fits = np.isfinite(evidence.fits), np.nan_to_num(evidence.fits)
    still = _STILL_WEIGHT * np.minimum(_movement(evidence.openings) - _MOVING, 0)
    own = np.full(fits.shape[1], _USUAL_FIT)
    # Mouths are not equally well seen: how well each fits its own voice is learned from what was decided.
    for _ in range(_ROUNDS):
        says = np.where(evidence.voiced[:, None], _FIT_WEIGHT * (fits / own - _FIT_SHARE) + still, -_SILENT)
        speaker = _most_likely(np.where(seen, says, -np.inf), evidence.voiced)
        own = np.array([_own_fit(fits[(speaker == face) & evidence.voiced, face]) for face in range(len(own))])
    return _tidied(speaker, evidence.voiced, seen)


def _own_fit(fits: np.ndarray) -> float:
    """How well a mouth fits its own voice, from moments [n] in which it speaks."""
    return float((fits.sum() + _BELIEF * _USUAL_FIT) / (len(fits) + _BELIEF))


def _movement(openings: np.ndarray) -> np.ndarray:
    """Logarithm of how much each mouth moves around each moment, [T, F]."""
    step = np.abs(np.diff(openings, axis=0, prepend=openings[:1]))
    known = np.isfinite(step)
    kernel = np.ones(_SEEN_OVER)

    def around(values: np.ndarray) -> np.ndarray:
        return np.stack([np.convolve(column, kernel, "same")[: len(values)] for column in values.T], axis=1)

    if len(step) < _SEEN_OVER:
        total, count = np.nan_to_num(step).sum(axis=0, keepdims=True), known.sum(axis=0, keepdims=True)
        return np.broadcast_to(np.log(total / np.maximum(count, 1) + 1e-3), step.shape)
    return np.asarray(np.log(around(np.nan_to_num(step)) / np.maximum(around(known.astype(float)), 1) + 1e-3))


def _most_likely(says: np.ndarray, voiced: np.ndarray) -> np.ndarray:
    """The cheapest way through silence, a voice off the screen, and the faces: [T], faces from 0, else `NOBODY` or
    `_ELSEWHERE`.

    says: what each moment says for each face, [T, F].
    """
    moments, states = len(says), says.shape[1] + 2
    price = np.full((states, states), _TAKE_OVER)
    price[0], price[:, 0] = _BEGIN, _BEGIN
    np.fill_diagonal(price, 0.0)
    silence, elsewhere = np.where(voiced, -_VOICED, 0.0), np.where(voiced, 0.0, -_SILENT)
    says = np.column_stack([silence, elsewhere, says])
    gained, came_from = says[0], np.zeros((moments, states), np.int16)
    for moment in range(1, moments):
        ways = gained[:, None] - price
        came_from[moment] = ways.argmax(axis=0)
        gained = ways.max(axis=0) + says[moment]
    path = np.empty(moments, np.int64)
    path[-1] = gained.argmax()
    for moment in range(moments - 1, 0, -1):
        path[moment - 1] = came_from[moment, path[moment]]
    # States are silence, elsewhere, and the faces.
    return np.where(path == 0, NOBODY, np.where(path == 1, _ELSEWHERE, path - 2))


def _tidied(speaker: np.ndarray, voiced: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Turns with their pauses, from where their voice begins to where it ends."""
    speaker = speaker.copy()
    for start, stop, face in stretches(speaker):
        if face == _ELSEWHERE and stop - start <= _SHORT:
            speaker[start:stop] = NOBODY
    for start, stop, face in stretches(speaker):
        if face >= 0 or stop - start > _PAUSE:
            continue
        before = int(speaker[start - 1]) if start else NOBODY
        after = int(speaker[stop]) if stop < len(speaker) else NOBODY
        if before == after and before >= 0 and seen[start:stop, before].all():
            speaker[start:stop] = before
    for start, stop, face in stretches(speaker):
        if face < 0:
            continue
        own = np.flatnonzero(voiced[start:stop])
        first, last = (start + int(own[0]), start + int(own[-1]) + 1) if len(own) else (start, stop)
        speaker[start:first], speaker[last:stop] = NOBODY, NOBODY
        while first > max(start - _NEAR, 0) and _free(speaker, voiced, seen, first - 1, face):
            first -= 1
            speaker[first] = face
        while last < min(stop + _NEAR, len(speaker)) and _free(speaker, voiced, seen, last, face):
            speaker[last] = face
            last += 1
    return np.maximum(speaker, NOBODY)


def _free(speaker: np.ndarray, voiced: np.ndarray, seen: np.ndarray, moment: int, face: int) -> bool:
    return bool(speaker[moment] == NOBODY and voiced[moment] and seen[moment, face])


def stretches(values: np.ndarray) -> list[tuple[int, int, int]]:
    """Runs of equal values: first moment, the one after the last, value."""
    if len(values) == 0:
        return []
    edges = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), len(values)]
    return [(start, stop, int(values[start])) for start, stop in pairwise(edges)]
