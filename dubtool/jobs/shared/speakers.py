"""Who speaks when in a film, told by its own sound and its mouths, and how far these two are apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from dubtool.engine.session import Session
from dubtool.errors import NoFaceError
from dubtool.jobs.shared.load import sync_judge
from dubtool.media.audio import load_speech
from dubtool.media.probe import MediaInfo
from dubtool.metrics.active_speaker import NOBODY, Evidence, active_speaker, stretches
from dubtool.metrics.sync import REACH, STEP_SECONDS, ShapeSyncJudge
from dubtool.metrics.voice import levels_at, somebody_heard
from dubtool.speech.features import SpeechFeatures
from dubtool.speech.source import SAMPLE_RATE, SpeechSource
from dubtool.speech.whisper import WhisperExtractor
from dubtool.tracking.motion import runs
from dubtool.tracking.people import Person, names
from dubtool.tracking.person import Chosen, VideoPeople
from dubtool.tracking.track_video import TrackedVideo
from dubtool.weights.locate import find

# Nobody is taken for a speaker in fewer frames.
_LEAST_FRAMES = 12
# Lips move before the sound starts and after it ends, and the new speech need not begin with the old one to the frame:
# turns are given as much longer at either end, where nobody else speaks and the face is seen.
_BEFORE_AND_AFTER = 0.2
# From so many frames on it is seen that sound and picture are apart.
_SEEN_FRAMES = 2.0
# Moments over which a mouth is to fit, where the film's delay is looked for.
_FITS_OVER = 25
# Of speech, seconds: less tells nothing of a delay.
_LEAST_SPEECH = 1.5
_BLOCK_SAMPLES = SAMPLE_RATE * 60


@dataclass(frozen=True)
class Turn:
    """Somebody of the film speaks. name: as `names` has it. start, stop: seconds of the film."""

    name: str
    person: Person
    start: Fraction
    stop: Fraction

    def told(self) -> dict[str, Any]:
        """Plain values, for reports."""
        return {"face": self.name, "from": float(self.start), "to": float(self.stop)}


@dataclass(frozen=True)
class Speakers:
    """speaker: number of the person who is heard in each frame of the video, in the order of `people.persons`,
    `NOBODY` where none of them is: int64 [N]. turns: the same as a table, with a little time around. late: by how many
    seconds the sound comes after the mouths, as well as can be told; None if too little is said."""

    people: VideoPeople
    times: Sequence[Fraction]
    speaker: np.ndarray
    turns: list[Turn]
    late: float | None

    @cached_property
    def frames_late(self) -> float:
        """The same in frames of the video; 0 where it is not known."""
        steps = [float(after - before) for before, after in pairwise(self.times)]
        return 0.0 if self.late is None or not steps else self.late / float(np.median(steps))

    def warning(self, path: Path) -> str | None:
        """One line where sound and picture are apart so far that it is seen."""
        if abs(self.frames_late) < _SEEN_FRAMES or self.late is None:
            return None
        way = "late" if self.late > 0 else "early"
        apart = f"{abs(self.late) * 1000:.0f} ms ({abs(self.frames_late):.1f} frames)"
        return f"{path}: its own sound is about {apart} {way}; a speech that follows its timing will be, too"


def who_speaks(
    info: MediaInfo, tracked_video: TrackedVideo, people: VideoPeople, folder: Path, *, device: str = "cpu"
) -> Speakers:
    """Decide who speaks when. folder: for temporary files.

    Raises:
        InputError: the film has no sound. NoFaceError: none of its faces ever speaks.
    """
    times = tracked_video.seconds
    sound = SpeechSource(load_speech(info.path, folder).path)
    judge, whisper = sync_judge(device), Session(find("whisper"), device)
    moments = np.arange(int(times[-1] / STEP_SECONDS + 1e-6) + 1) * STEP_SECONDS
    features = SpeechFeatures(WhisperExtractor(sound, whisper))
    around = (np.arange(len(moments) + 2 * REACH) - REACH) * STEP_SECONDS
    heard = judge.sounds(around, lambda when: features.windows(when, judge.steps))
    mouths = [SeenMouth.of(judge, people.moving(one), times, moments) for one in people.persons]
    levels = _levels(sound, moments + STEP_SECONDS / 2)
    offset = best_offset(mouths, heard, somebody_heard(levels, 1 / STEP_SECONDS))
    if offset:
        # What is heard then belongs to what is seen now.
        levels = _levels(sound, np.maximum(moments + (offset + 0.5) * STEP_SECONDS, 0))
    voiced = somebody_heard(levels, 1 / STEP_SECONDS)
    fits = np.stack([mouth.fits(heard, offset, len(moments)) for mouth in mouths], axis=1)
    openings = np.stack([mouth.openings(len(moments)) for mouth in mouths], axis=1)
    speaking = active_speaker(Evidence(fits, openings, voiced))
    turns = turns_of(speaking, fits, people)
    if not turns:
        raise NoFaceError(
            f"{info.path}: no face is seen to say what is heard; name the person with --face, or give a --cast"
        )
    late = seconds_late(mouths, heard, speaking)
    nearest = np.minimum(np.rint(times / STEP_SECONDS).astype(int), len(moments) - 1)
    return Speakers(people, tracked_video.times, speaking[nearest], turns, late)


@dataclass(frozen=True)
class SeenMouth:
    """One person's mouth at the moments [n] in which it is seen: `vectors` [n, D] of the judge, `opening` [n]."""

    moments: np.ndarray
    vectors: np.ndarray
    opening: np.ndarray

    @classmethod
    def of(cls, judge: ShapeSyncJudge, chosen: Chosen, times: np.ndarray, moments: np.ndarray) -> SeenMouth:
        motion = chosen.motion
        found: list[tuple[np.ndarray, ...]] = []
        place = 0
        for track in chosen.person.tracks:
            # What is seen before a cut says nothing of what is seen behind it.
            for run in runs(track.frames):
                rows = slice(place + run.start, place + run.stop)
                seconds = times[motion.frames[rows]]
                first, last = np.ceil(np.array([seconds[0], seconds[-1] + STEP_SECONDS]) / STEP_SECONDS - 0.5).astype(
                    int
                )
                here = np.arange(max(first, 0), min(last, len(moments)))
                if len(here) and len(motion.frames) >= _LEAST_FRAMES:
                    vectors = judge.mouths(seconds, motion.coefficients[rows], moments[here])
                    found.append((here, vectors, np.interp(moments[here], seconds, motion.opening[rows])))
            place += len(track.frames)
        if not found:
            return cls(np.empty(0, int), np.empty((0, 0), np.float32), np.empty(0))
        # Rounding may give a moment between two tracks to both.
        here, vectors, opening = (np.concatenate(each) for each in zip(*found, strict=True))
        _, once = np.unique(here, return_index=True)
        return cls(here[once], vectors[once], opening[once])

    def fits(self, heard: np.ndarray, offset: int, count: int) -> np.ndarray:
        """Cosines with the sound `offset` steps later, float32 [count], NaN where the mouth is not seen."""
        found = np.full(count, np.nan, np.float32)
        if len(self.moments):
            found[self.moments] = np.einsum("nd,nd->n", self.vectors, heard[self.moments + REACH + offset])
        return found

    def openings(self, count: int) -> np.ndarray:
        """Of the lips, [count]; NaN alike."""
        found = np.full(count, np.nan, np.float32)
        found[self.moments] = self.opening
        return found


def _levels(sound: SpeechSource, seconds: np.ndarray) -> np.ndarray:
    """Loudness at moments, dB, read in pieces."""
    found, margin = [np.empty(0)], SAMPLE_RATE // 10
    place = np.rint(seconds * SAMPLE_RATE).astype(int)
    for start in range(0, int(place[-1]) + 1, _BLOCK_SAMPLES):
        here = seconds[(place >= start) & (place < start + _BLOCK_SAMPLES)]
        piece = sound.read(start - margin, start + _BLOCK_SAMPLES + margin)
        found.append(levels_at(piece, SAMPLE_RATE, here - (start - margin) / SAMPLE_RATE))
    return np.concatenate(found)


def best_offset(mouths: Sequence[SeenMouth], heard: np.ndarray, voiced: np.ndarray) -> int:
    """How many steps the film's sound comes after its mouths: where, of all that is said, the best mouth fits best."""
    count, kernel = len(voiced), np.ones(_FITS_OVER)
    told = []
    for offset in range(-REACH, REACH + 1):
        best = np.full(count, -np.inf)
        for mouth in mouths:
            fits = mouth.fits(heard, offset, count)
            seen = np.isfinite(fits)
            total = (
                np.convolve(np.nan_to_num(fits), kernel, "same")[:count] if count >= _FITS_OVER else np.nan_to_num(fits)
            )
            best = np.where(seen, np.maximum(best, total), best)
        use = voiced & np.isfinite(best)
        told.append(float(best[use].mean()) if use.any() else 0.0)
    # Small differences are the judge's: a film is in sync until it is clear that it is not.
    found = int(np.argmax(told)) - REACH
    return found if abs(found) > 1 else 0


def seconds_late(mouths: Sequence[SeenMouth], heard: np.ndarray, speaking: np.ndarray) -> float | None:
    """Seconds between mouths and sound, of those who speak: the peak of their cosines, between steps by a parabola."""
    curve, total = np.zeros(2 * REACH + 1), 0
    for number, mouth in enumerate(mouths):
        mine = speaking[mouth.moments] == number
        if mine.any():
            at, seen = mouth.moments[mine], mouth.vectors[mine]
            curve += [float(np.einsum("nd,nd->", seen, heard[at + place])) for place in range(2 * REACH + 1)]
            total += int(mine.sum())
    if total * STEP_SECONDS < _LEAST_SPEECH:
        return None
    peak = int(curve.argmax())
    if not 0 < peak < 2 * REACH:
        return (peak - REACH) * STEP_SECONDS
    left, middle, right = curve[peak - 1 : peak + 2]
    return float(peak - REACH + 0.5 * (left - right) / min(left - 2 * middle + right, -1e-9)) * STEP_SECONDS


def turns_of(speaking: np.ndarray, fits: np.ndarray, people: VideoPeople) -> list[Turn]:
    margin = round(_BEFORE_AND_AFTER / STEP_SECONDS)
    named = names(people.persons)
    step = Fraction(STEP_SECONDS).limit_denominator(1000)
    found, busy = [], 0
    every = stretches(speaking)
    for number, (start, stop, who) in enumerate(every):
        if who == NOBODY:
            continue
        # Half of what lies between two turns is the most that each may take.
        before = every[number - 1] if number else (0, 0, NOBODY)
        after = every[number + 1] if number + 1 < len(every) else (stop, stop, NOBODY)
        first = max(start - (min(margin, (before[1] - before[0]) // 2) if before[2] == NOBODY else 0), busy)
        last = stop + (min(margin, (after[1] - after[0]) // 2) if after[2] == NOBODY else 0)
        while first < start and not np.isfinite(fits[first:start, who]).all():
            first += 1
        while last > stop and not np.isfinite(fits[stop:last, who]).all():
            last -= 1
        busy = last
        found.append(Turn(named[who], people.persons[who], first * step, last * step))
    return found
