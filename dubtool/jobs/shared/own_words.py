"""A person's own words in their own film: how lips are seen to move beside how they are predicted to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dubtool.errors import InputError
from dubtool.face.shape import ShapeModel
from dubtool.folders import temporary_folder
from dubtool.media.audio import load_speech
from dubtool.media.probe import MediaInfo
from dubtool.metrics.lips import compare
from dubtool.speech.features import SpeechFeatures
from dubtool.speech.shapes import speech_shapes
from dubtool.tracking.motion import FaceMotion
from dubtool.weights.locate import find

# Lips and sound that belong together agree by 0.66 and more in 98 of 100 clips, others by 0.37 in the median.
_LEAST_R = 0.5
LEAST_SECONDS = 4.0


@dataclass(frozen=True)
class OwnWords:
    """What is seen and what is heard, at the same moments.

    seen: opening of the real mouth float32 [n], in distances of the outer eye corners. heard: shapes float32 [n, K]
    that the film's own sound is predicted to give. r, lag: how well both openings agree, and by how many frames the
    sound is late. why: this is not the person's own speech in sync, or cannot be told; else "".
    """

    seen: np.ndarray
    heard: np.ndarray
    r: float = 0.0
    lag: int = 0
    why: str = ""


def film_sound(info: MediaInfo, folder: Path) -> Path:
    """The film's own sound as a 16 kHz mono WAV in `folder`. Raises InputError: it cannot be read."""
    return load_speech(info.path, folder).path


def film_shapes(info: MediaInfo, folder: Path, device: str) -> SpeechFeatures:
    """Mouth shapes of the film's own sound, as a function of time; it is decoded into `folder`, and read from there.

    Raises:
        InputError: the sound cannot be read. WeightsError, DeviceError: see `Session`.
    """
    return speech_shapes(film_sound(info, folder), find("whisper"), find("speech_shapes"), device=device)


def own_words(
    info: MediaInfo,
    motion: FaceMotion,
    seconds: np.ndarray,
    rows: np.ndarray,
    model: ShapeModel,
    heard_in: Callable[[MediaInfo, Path], SpeechFeatures],
) -> OwnWords:
    """Hear the film's own sound beside the lips of `rows` of the motion.

    seconds: float64 [N], of the film, of all rows of the motion. rows: int64 [n], rising. heard_in: as `film_shapes`.
    """
    nothing = np.zeros(0, np.float32), np.zeros((0, model.size), np.float32)
    if not info.audio:
        return OwnWords(*nothing, why="the video has no sound")
    times = seconds[rows]
    steps = np.diff(times)
    if len(rows) < 2 or steps[steps < 1.0].sum() < LEAST_SECONDS:
        return OwnWords(*nothing, why=f"the face is seen for less than {LEAST_SECONDS:g} s")
    seen, late = motion.opening_of(model, motion.coefficients[rows]), float(info.require_video().start)
    with temporary_folder() as folder:
        try:
            shapes = heard_in(info, folder)
        except InputError as error:
            return OwnWords(*nothing, why=str(error))
        rate = 1 / float(np.median(steps))
        found = compare(motion.opening_of(model, shapes.at(times + late)), seen, rate)
        heard = shapes.at(times + late + found.lag / rate)
    why = "" if found.best >= _LEAST_R else f"the sound is not this face's speech in sync (r = {found.best:.2f})"
    return OwnWords(seen, heard, round(found.best, 3), found.lag, why)
