"""Mel spectrograms of prepared clips, for generators that hear the speech as G4G's paper does: `mel.npz` of a clip."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dubtool.media.audio import load_speech
from dubtool.speech.features import SpeechFeatures
from dubtool.speech.mel import SYNC_HOP, SYNC_RANGE, MelExtractor
from dubtool.speech.source import SAMPLE_RATE, SpeechSource

MEL_FILE = "mel.npz"
# Vectors a second, and of one window: 0.2 s.
MEL_RATE = SAMPLE_RATE / SYNC_HOP
MEL_STEPS = 16

# How other voices and rooms change a window: loudness and floor in the units of `sync_mel` (8 are 100 dB), and factors.
_LOUDNESS = (-1.0, 0.6)
_FLOOR = (-4.0, -1.5)
_NOISY = 0.4
_SPEED = (0.9, 1.12)
_PITCH = (0.92, 1.09)


@dataclass(frozen=True)
class Mel:
    """vectors: float16 [T, 80]; start: seconds of vector 0 after the clip's first frame, as its sound has it."""

    vectors: np.ndarray
    start: float

    @classmethod
    def load(cls, path: Path) -> Mel:
        with np.load(path) as stored:
            return cls(stored["mel"], float(stored["start"]))

    def window(self, time: float, speed: float = 1.0) -> np.ndarray:
        """float32 [16, 80] centred on a moment, heard `speed` times as fast; past an end, the end's vector again."""
        offsets = (np.arange(MEL_STEPS) - (MEL_STEPS - 1) / 2) * speed
        place = np.clip((time - self.start) * MEL_RATE + offsets, 0, len(self.vectors) - 1)
        return _blended(self.vectors, place)


@dataclass(frozen=True)
class Voice:
    """Another voice and room that a clip's sound is turned into: speed, pitch (of the throat's resonances, too) as
    factors; loudness to add; floor below which there is noise, with a seed for it. By default the sound as it is."""

    speed: float = 1.0
    pitch: float = 1.0
    loudness: float = 0.0
    floor: float | None = None
    seed: int = 0

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Voice:
        """One by chance."""
        floor = float(rng.uniform(*_FLOOR)) if rng.random() < _NOISY else None
        return cls(
            float(rng.uniform(*_SPEED)),
            float(rng.uniform(*_PITCH)),
            float(rng.uniform(*_LOUDNESS)),
            floor,
            int(rng.integers(1 << 31)),
        )

    def window(self, mel: Mel, time: float) -> np.ndarray:
        """`Mel.window` in this voice."""
        window = mel.window(time, self.speed)
        bands = window.shape[1]
        if self.pitch != 1.0:
            window = _blended(window.T, np.clip(np.arange(bands) * self.pitch, 0, bands - 1)).T
        window = window + np.float32(self.loudness)
        if self.floor is not None:
            noise = np.random.default_rng(self.seed).normal(self.floor, 0.3, window.shape)
            window = np.maximum(window, noise.astype(np.float32))
        return np.clip(window, -SYNC_RANGE, SYNC_RANGE)


def _blended(rows: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Rows [T, C] at fractional places [n] -> float32 [n, C]."""
    below = np.floor(place).astype(int)
    share = (place - below).astype(np.float32)[:, None]
    above = np.minimum(below + 1, len(rows) - 1)
    return rows[below].astype(np.float32) * (1 - share) + rows[above].astype(np.float32) * share


def write_mel(clip: Path, video: Path, work: Path, *, sound_offset: float) -> None:
    """Add `mel.npz` to the prepared clip folder `clip`: float16 [T, 80] at 80 a second, and the time of the first.

    work: a folder for what passes. sound_offset: seconds from the sound's start to the first frame.

    Raises:
        InputError: the video holds no sound that can be used.
    """
    source = SpeechSource(load_speech(video, work).path)
    grid = np.arange(source.samples // SYNC_HOP + 1)
    vectors = SpeechFeatures(MelExtractor(source)).at(grid / MEL_RATE).astype(np.float16)
    part = work / MEL_FILE
    np.savez(part, mel=vectors, start=np.array(-sound_offset))
    part.replace(clip / MEL_FILE)
