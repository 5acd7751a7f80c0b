from __future__ import annotations

import numpy as np
import pytest

from dubtool.metrics.silence import rest
from dubtool.metrics.voice import silent_stretches, voiced_at

SAMPLE_RATE, RATE = 16000, 25.0


def recording() -> tuple[np.ndarray, np.ndarray]:
    """Three seconds, the middle one with no more than hiss; and the moments of its frames."""
    time = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    tone = 0.3 * np.sin(2 * np.pi * 200 * time) * ((time < 1) | (time >= 2))
    hiss = np.random.default_rng(0).normal(0, 0.002, time.size)
    return (tone + hiss).astype(np.float32), (np.arange(75) + 0.5) / RATE


def test_voice_is_where_the_tone_is() -> None:
    sound, times = recording()
    voiced = voiced_at(sound, SAMPLE_RATE, times)
    assert voiced.tolist() == [True] * 25 + [False] * 25 + [True] * 25


def test_nothing_is_voiced_in_digital_silence_or_after_the_end() -> None:
    times = np.arange(50) / RATE
    assert not voiced_at(np.zeros(SAMPLE_RATE, np.float32), SAMPLE_RATE, times).any()


def test_pauses_lose_their_margins_and_short_ones_vanish() -> None:
    voiced = np.ones(100, bool)
    voiced[20:40] = False
    voiced[60:68] = False
    assert silent_stretches(voiced, RATE) == [slice(23, 37)]


def test_a_pause_at_either_end_counts() -> None:
    voiced = np.zeros(60, bool)
    voiced[20:40] = True
    assert silent_stretches(voiced, RATE) == [slice(3, 17), slice(43, 57)]


def test_deviation_against_the_sources_own_pauses() -> None:
    swing = np.tile([1.0, -1.0], 25)
    source = np.concatenate([0.05 + 0.01 * swing[:20], np.linspace(0, 1, 30), 0.09 + 0.01 * swing[:20]])
    result = rest(0.2 + 0.02 * swing, source, [slice(0, 20), slice(50, 70)])
    assert result is not None
    assert result.dub == pytest.approx(0.02)
    # Each pause is measured from its own mean: 0.05 against 0.09 is no movement.
    assert result.source == pytest.approx(0.01)
    assert result.ratio == pytest.approx(2.0)
    assert (result.dub_level, result.source_level) == pytest.approx((0.2, 0.07))


def test_a_source_that_never_pauses_gives_no_answer() -> None:
    assert rest(np.zeros(50), np.zeros(50), []) is None
