"""What is measured of a finished dub, by frame, for its plots and its page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import soundfile

from dubtool.errors import InputError
from dubtool.face.shape import ShapeModel
from dubtool.face.topology import INNER_LIP, tracked
from dubtool.jobs.shared.course import PersonCourse
from dubtool.media.audio import RATE, load_speech
from dubtool.media.probe import probe
from dubtool.review.dubbed import Dubbed
from dubtool.tracking.motion import face_motion
from dubtool.tracking.track import FaceTrack
from dubtool.tracking.track_video import track_video
from dubtool.weights.locate import find

# What is quieter is silence, dB of full scale.
SILENCE = -80.0
# A light change: within so many seconds of a shot the mean brightness moves by so large a share, and so many levels.
_LIGHT_SECONDS, _LIGHT_SHARE, _LIGHT_LEVELS = 0.2, 0.12, 4.0
_LAST_FRAME = 0.04
# A face is the person's whose lips lie within so much of the mouth's box, its side 1, of its middle.
_BESIDE = 0.5

Told = Callable[[float, float | None], None]
# Of a track: frames, places of the inner lips in the picture [n, 2], and their opening [n].
_Seen = tuple[np.ndarray, np.ndarray, np.ndarray]


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


def rendered_openings(dubbed: Dubbed, progress: Told) -> list[np.ndarray]:
    """How far the dub's own mouths are open in each frame, seen by the tracker that saw the source's: of each person of
    the course float32 [N], eye corners 1 apart, NaN where no new mouth of theirs is seen. Faces that were found are
    kept, as those of sources are.

    Raises:
        InputError: the dub cannot be read, or has other frames than its report. WeightsError: a tracker's file.
    """
    tracked_video = track_video(probe(dubbed.film), progress=progress)
    total = len(dubbed.course.times)
    pictures = probe(dubbed.film).require_video().pictures_a_frame
    if len(tracked_video.times) != total * pictures:
        raise other_frames(dubbed, len(tracked_video.times) // pictures)
    model = ShapeModel.load(find("face_shape"))
    seen = [_seen(track, model) for track in tracked_video.tracks.faces if len(track.frames)]
    return [_opening_of(person, seen, total) for person in dubbed.course.people]


def _seen(track: FaceTrack, model: ShapeModel) -> _Seen:
    motion = face_motion([track], model, np.zeros(len(track.frames), bool))
    lips = track.points()[:, tracked(INNER_LIP), :2].mean(axis=1)
    return motion.frames, lips, motion.opening


def _opening_of(person: PersonCourse, seen: Sequence[_Seen], total: int) -> np.ndarray:
    """The opening of whichever face has its lips where the person's new mouth was put."""
    place = np.full((total, 3), np.nan)
    for number, mouth in person.mouths.items():
        place[number] = mouth.x, mouth.y, mouth.side
    opening, nearest = np.full(total, np.nan, np.float32), np.full(total, _BESIDE)
    for frames, lips, openings in seen:
        apart = np.hypot(*(lips - place[frames, :2]).T) / place[frames, 2]
        nearer = apart < nearest[frames]
        opening[frames[nearer]], nearest[frames[nearer]] = openings[nearer], apart[nearer]
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
