"""How far a person opens the mouth beside what the shape predictor expects of everybody, heard in their own video."""

from __future__ import annotations

from functools import partial

import numpy as np

from dubtool.jobs.adapt.holdout import stretches
from dubtool.jobs.adapt.material import Subject
from dubtool.jobs.shared.adapted import Voice
from dubtool.jobs.shared.own_words import OwnWords, film_shapes, own_words

# Half a minute tells a range only roughly: what is missing of it is made up in part, and within bounds.
_TRUST, _LEAST_SCALE, _MOST_SCALE = 0.7, 0.7, 1.4


def fit_voice(subject: Subject, device: str) -> Voice:
    """Fit the scale on the video's own sound, if it is the person's own speech and in sync.

    Nothing is added to the shapes, so that a silent mouth stays closed whatever was fitted.
    """
    rows = np.concatenate(
        [np.zeros(0, np.int64)]
        + [np.union1d(each.learned, each.held_out) for each in stretches(subject.times, ~subject.motion.covered)]
    )
    heard_in = partial(film_shapes, device=device)
    own = own_words(subject.info, subject.motion, subject.times, rows, subject.model, heard_in)
    return Voice(False, r=own.r, why=own.why) if own.why else _fitted(own, subject)


def _fitted(own: OwnWords, subject: Subject) -> Voice:
    """Each half is measured with the scale that the other half tells."""
    heard = subject.motion.opening_of(subject.model, own.heard)
    middle = len(own.seen) // 2
    halves = (slice(0, middle), slice(middle, None))
    before, after = [], []
    for one, other in (halves, halves[::-1]):
        scale = np.float32(_scale(heard[one], own.seen[one]))
        before.append(_off(heard[other], own.seen[other]))
        scaled = subject.motion.opening_of(subject.model, own.heard[other] * scale)
        after.append(_off(scaled, own.seen[other]))
    off = float(np.exp(np.mean(before))), float(np.exp(np.mean(after)))
    better = off[1] < off[0]
    return Voice(
        better,
        round(_scale(heard, own.seen), 3) if better else 1.0,
        own.r,
        own.lag,
        round(off[0], 3),
        round(off[1], 3),
        "" if better else "the range was no better in held-out halves",
    )


def _scale(heard: np.ndarray, real: np.ndarray) -> float:
    ratio = float(real.std() / max(float(heard.std()), 1e-9))
    return float(np.clip(1 + _TRUST * (ratio - 1), _LEAST_SCALE, _MOST_SCALE))


def _off(heard: np.ndarray, real: np.ndarray) -> float:
    """How far the range is from the real one: 0 when equal, as a logarithm."""
    return abs(float(np.log(max(float(heard.std()), 1e-9) / max(float(real.std()), 1e-9))))
