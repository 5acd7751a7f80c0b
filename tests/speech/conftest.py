from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

RATE = 16000


@pytest.fixture
def write_wav(tmp_path: Path) -> Callable[..., Path]:
    """Writes samples as a 16-bit WAV."""

    def write(samples: np.ndarray, name: str = "the speech.wav", rate: int = RATE) -> Path:
        path = tmp_path / name
        soundfile.write(str(path), samples, rate, subtype="PCM_16")
        return path

    return write


@pytest.fixture
def babble() -> Callable[..., np.ndarray]:
    """Noise whose loudness and colour change a few times a second, as speech does; the same for the same seed."""

    def make(seconds: float, seed: int = 0) -> np.ndarray:
        rng = np.random.default_rng(seed)
        count = int(seconds * RATE)
        noise = rng.normal(0, 1, count + 8)
        smooth = np.convolve(noise, np.ones(9) / 3, mode="valid")
        knots = np.arange(0, seconds + 0.2, 0.1)
        time = np.arange(count) / RATE
        share = np.interp(time, knots, rng.random(len(knots)))
        loudness = np.interp(time, knots, rng.random(len(knots)) ** 2)
        return (0.2 * loudness * (share * smooth + (1 - share) * noise[:count])).astype(np.float32)

    return make
