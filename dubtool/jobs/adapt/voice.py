"""How far a person opens the mouth beside what the shape predictor expects of everybody, heard in their own video."""

from __future__ import annotations

import numpy as np

from dubtool.errors import InputError
from dubtool.face.shape import inner_opening
from dubtool.folders import temporary_folder
from dubtool.jobs.adapt.holdout import stretches
from dubtool.jobs.adapt.material import Subject
from dubtool.jobs.shared.adapted import Voice
from dubtool.media.audio import load_speech
from dubtool.metrics.lips import compare
from dubtool.speech.shapes import speech_shapes
from dubtool.weights.locate import find

# Lips and sound that belong together agree by 0.66 and more in 98 of 100 clips, others by 0.37 in the median.
_LEAST_R = 0.5
_LEAST_SECONDS = 4.0
# Half a minute tells a range only roughly: what is missing of it is made up in part, and within bounds.
_TRUST, _LEAST_SCALE, _MOST_SCALE = 0.7, 0.7, 1.4


def fit_voice(subject: Subject, device: str) -> Voice:
    """Fit the scale on the video's own sound, if it is the person's own speech and in sync.

    Nothing is added to the shapes, so that a silent mouth stays closed whatever was fitted.
    """
    if not subject.info.audio:
        return Voice(False, why="the video has no sound")
    rows = np.concatenate(
        [np.zeros(0, np.int64)]
        + [np.union1d(each.learned, each.held_out) for each in stretches(subject.times, ~subject.motion.covered)]
    )
    times = subject.times[rows]
    steps = np.diff(times)
    if len(rows) < 2 or steps[steps < 1.0].sum() < _LEAST_SECONDS:
        return Voice(False, why=f"the face is seen for less than {_LEAST_SECONDS:g} s")
    with temporary_folder() as folder:
        try:
            sound = load_speech(subject.info.path, folder)
        except InputError as error:
            return Voice(False, why=str(error))
        heard = speech_shapes(sound.path, find("whisper"), find("speech_shapes"), device=device)
        late = float(subject.info.require_video().start)
        rate = 1 / float(np.median(steps))
        seen = subject.motion.coefficients[rows]
        found = compare(_opening(subject, heard.at(times + late)), _opening(subject, seen), rate)
        shapes = heard.at(times + late + found.lag / rate)
    if found.best < _LEAST_R:
        return Voice(
            False, r=round(found.best, 3), why=f"the sound is not this face's speech in sync (r = {found.best:.2f})"
        )
    return _fitted(_opening(subject, shapes), shapes, subject, seen, round(found.best, 3), found.lag)


def _fitted(heard: np.ndarray, shapes: np.ndarray, subject: Subject, seen: np.ndarray, r: float, lag: int) -> Voice:
    """Each half is measured with the scale that the other half tells."""
    real = _opening(subject, seen)
    middle = len(real) // 2
    halves = (slice(0, middle), slice(middle, None))
    before, after = [], []
    for one, other in (halves, halves[::-1]):
        scale = _scale(heard[one], real[one])
        before.append(_off(heard[other], real[other]))
        after.append(_off(_opening(subject, shapes[other] * np.float32(scale)), real[other]))
    off = float(np.exp(np.mean(before))), float(np.exp(np.mean(after)))
    better = off[1] < off[0]
    return Voice(
        better,
        round(_scale(heard, real), 3) if better else 1.0,
        r,
        lag,
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


def _opening(subject: Subject, shapes: np.ndarray) -> np.ndarray:
    return inner_opening(subject.model.mouths(shapes, subject.motion.rest))
