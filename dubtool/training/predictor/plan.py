"""Which pieces of which clips follow one another in a window of training speech: one person's words and silences.

Whisper hears a whole window at once, and most clips hold one word. Words of one speaker put together sound like speech
that goes on, which is what is heard at work.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dubtool.speech.mel import WHISPER_HOP, WHISPER_WINDOW
from dubtool.speech.source import SAMPLE_RATE
from dubtool.training.data.chance import Drawing
from dubtool.training.data.sounds import SoundClip

# Pieces of a window at most; nothing stands where the start is NOWHERE.
_PIECES = 24
NOWHERE = 1 << 30
# Longer clips are cut from a random place on, where so many seconds are left.
_CUT_SECONDS, _LEFT_SECONDS = 3.0, 2.0
# Shares of joins without a pause, with a short one and with a long one, and their seconds.
_NO_PAUSE, _SHORT_PAUSE = 0.5, 0.35
_SHORT_SECONDS, _LONG_SECONDS = (0.03, 0.5), (0.6, 1.6)
# Slower and faster, higher and lower, in so many windows each.
_CHANGED = 0.7
_TEMPO = 0.16
PITCHES = np.linspace(0.86, 1.17, 32)


@dataclass(frozen=True)
class SpeechPlan:
    """B windows of up to P pieces, in samples. start, stop: int64 [B, P], where a piece lies in its window, rising;
    source: int64 [B, P], of its first sample in all clips' sound one after the other, -1 for silence; clip: int64
    [B, P]. hop: int64 [B], samples between mel frames, which makes the tempo. pitch: int64 [B], of `PITCHES`, -1 for
    the voice as it is. quiet: bool [B], nobody speaks. position: of the first vector, for Whisper's table."""

    start: np.ndarray
    stop: np.ndarray
    source: np.ndarray
    clip: np.ndarray
    hop: np.ndarray
    pitch: np.ndarray
    quiet: np.ndarray
    position: int


class SpeechPlanner(Drawing):
    """Draws plans, people balanced.

    balance: exponent by which a person's share grows with their minutes. silence: share of quiet windows. vectors: of a
    window, 1/50 s apart.
    """

    def __init__(
        self, clips: Sequence[SoundClip], rng: np.random.Generator, *, vectors: int, balance: float, silence: float
    ) -> None:
        self.rng, self._vectors, self._silence = rng, vectors, silence
        self._lengths = np.array([len(clip.samples) for clip in clips])
        self._offsets = np.cumsum(self._lengths) - self._lengths
        people: dict[str, list[int]] = defaultdict(list)
        for number, clip in enumerate(clips):
            people[clip.person].append(number)
        self._people = [np.array(numbers) for numbers in people.values()]
        weight = np.array([sum(len(clips[number].times) for number in numbers) ** balance for numbers in self._people])
        self._share = weight / weight.sum()

    def draw(self, count: int) -> SpeechPlan:
        rng = self.rng
        slower = np.exp(rng.uniform(-_TEMPO, _TEMPO, count) * (rng.random(count) < _CHANGED))
        hop = np.round(WHISPER_HOP * slower).astype(np.int64)
        pitch = np.where(rng.random(count) < _CHANGED, rng.integers(0, len(PITCHES), count), -1)
        quiet = rng.random(count) < self._silence
        start, stop = np.full((2, count, _PIECES), NOWHERE, np.int64)
        source, clip = np.full((count, _PIECES), -1, np.int64), np.zeros((count, _PIECES), np.int64)
        for row in range(count):
            need = int(hop[row]) * 2 * self._vectors + WHISPER_WINDOW
            pieces = [] if quiet[row] else self._speech(need)
            first = pieces[0][0] if pieces else NOWHERE
            # Silence stands before, between and after.
            for place, piece in enumerate([(-NOWHERE, first, -1, 0), *pieces]):
                start[row, place], stop[row, place], source[row, place], clip[row, place] = piece
        return SpeechPlan(start, stop, source, clip, hop, pitch, quiet, int(rng.integers(0, 200)))

    def _speech(self, need: int) -> list[tuple[int, int, int, int]]:
        """(start, stop, source, clip) of pieces in a window of `need` samples."""
        rng = self.rng
        person = self._people[rng.choice(len(self._people), p=self._share)]
        early = rng.random() < _CHANGED
        place = -int(rng.uniform(0, 0.6) * SAMPLE_RATE) if early else int(rng.uniform(0, 1.0) * SAMPLE_RATE)
        pieces: list[tuple[int, int, int, int]] = []
        while place < need and len(pieces) < _PIECES - 4:
            clip = int(rng.choice(person))
            length, cut = int(self._lengths[clip]), 0
            if length > _CUT_SECONDS * SAMPLE_RATE and rng.random() < 0.8:
                cut = int(rng.integers(0, length - int(_LEFT_SECONDS * SAMPLE_RATE)))
            after = place + min(length - cut, need - place + SAMPLE_RATE)
            pieces.append((place, after, int(self._offsets[clip]) + cut, clip))
            pause = self._pause()
            pieces += [(after, after + pause, -1, clip)] if pause else []
            place = after + pause
        return [*pieces, (place, NOWHERE, -1, 0)] if place < need else pieces

    def _pause(self) -> int:
        chance = self.rng.random()
        if chance < _NO_PAUSE:
            return 0
        seconds = _SHORT_SECONDS if chance < _NO_PAUSE + _SHORT_PAUSE else _LONG_SECONDS
        return int(self.rng.uniform(*seconds) * SAMPLE_RATE)
