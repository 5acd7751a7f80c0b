"""What is measured of a finished dub, by frame, for its plots and its page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import soundfile

from dubtool.errors import InputError, NoFaceError
from dubtool.face.shape import ShapeModel
from dubtool.media.audio import RATE, load_speech
from dubtool.media.probe import probe
from dubtool.review.dubbed import Dubbed
from dubtool.tracking.person import chosen_person
from dubtool.tracking.track_video import track_video
from dubtool.weights.locate import find

# What is quieter is silence, dB of full scale.
SILENCE = -80.0
# A light change: within so many seconds of a shot the mean brightness moves by so large a share, and so many levels.
_LIGHT_SECONDS, _LIGHT_SHARE, _LIGHT_LEVELS = 0.2, 0.12, 4.0
_LAST_FRAME = 0.04

Told = Callable[[float, float | None], None]


def sound_of(film: Path, folder: Path) -> Path | None:
    """The dub's sound in `folder`, float WAV 16 kHz mono; None where it has none, or none that can be read."""
    if probe(film).main_audio is None:
        return None
    try:
        return load_speech(film, folder).path
    except InputError:
        return None


def loudness(sound: Path, times: Sequence[float]) -> np.ndarray:
    """RMS of a 16 kHz mono sound during each frame, dB of full scale, not below `SILENCE`: float32 [N]."""
    levels = np.full(len(times), SILENCE, np.float32)
    edges = np.rint(np.append(times, times[-1] + _standing(times)) * RATE).astype(int)
    with soundfile.SoundFile(sound) as file:
        file.seek(min(int(edges[0]), file.frames))
        for number, length in enumerate(np.diff(edges)):
            block = file.read(max(int(length), 1), dtype="float64")
            if len(block) == 0:
                break
            power = float(np.square(block).mean())
            levels[number] = max(10 * np.log10(power), SILENCE) if power > 0 else SILENCE
    return levels


def rendered_opening(dubbed: Dubbed, progress: Told) -> np.ndarray | None:
    """How far the dub's own mouth is open in each frame, seen by the tracker that saw the source's: float32 [N], NaN
    where no face is seen; None where there is none. Faces that were found are kept, as those of sources are.

    Raises:
        InputError: the dub cannot be read, or has other frames than its report. WeightsError: a tracker's file.
    """
    info = probe(dubbed.film)
    tracked = track_video(info, progress=progress)
    total = len(dubbed.course.times)
    if len(tracked.times) != total:
        raise other_frames(dubbed, len(tracked.times))
    try:
        face = str(dubbed.course.settings.get("face", "largest"))
        motion = chosen_person(info, tracked, face, ShapeModel.load(find("face_shape"))).motion
    except NoFaceError:
        return None
    opening = np.full(total, np.nan, np.float32)
    opening[motion.frames] = motion.opening
    return opening


def light_changes(brightness: Sequence[float], times: Sequence[float], shots: Sequence[int]) -> list[int]:
    """Frames at which the picture becomes brighter or darker within a shot. brightness: mean of each frame, 0..255."""
    found: list[int] = []
    level, at = np.asarray(brightness, float), np.asarray(times)
    for first, last in zip(shots, [*shots[1:], len(level)], strict=True):
        changing = False
        for number in range(first + 1, last):
            before = max(first, int(np.searchsorted(at, at[number] - _LIGHT_SECONDS)))
            step = abs(level[number] - level[before])
            changed = step > _LIGHT_LEVELS and step > _LIGHT_SHARE * max(level[number], level[before])
            if changed and not changing:
                found.append(number)
            changing = bool(changed)
    return found


def other_frames(dubbed: Dubbed, count: int) -> InputError:
    """The error for a dub that is not the one of its report."""
    wanted = len(dubbed.course.times)
    return InputError(f"{dubbed.film} has {count} frames, its report tells of {wanted}: give the report of this file")


def _standing(times: Sequence[float]) -> float:
    return float(np.median(np.diff(times))) if len(times) > 1 else _LAST_FRAME
