from __future__ import annotations

import numpy as np
import pytest

from dubtool.training.data.sync_check import LAGS, common_lag, judge, sync_curve


def _opening(seconds: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A mouth's opening at 50 a second, and its times."""
    rng = np.random.default_rng(seed)
    times = np.arange(round(seconds * 50)) / 50
    knots = np.arange(-1, seconds + 1, 0.12)
    return np.interp(times, knots, rng.normal(0, 1, len(knots))), times


@pytest.mark.parametrize("late", [-7, -1, 0, 4])
@pytest.mark.parametrize("rate", [25.0, 30.0])
def test_the_lag_is_found_and_a_late_sound_is_above_zero(late: int, rate: float) -> None:
    heard, _ = _opening(4.0, 0)
    times = np.arange(0, 3.2, 1 / rate) + 0.4
    # What is heard at t + late / 25 is seen at t.
    seen = np.interp(times + late / 25, np.arange(len(heard)) / 50, heard)
    curve = sync_curve(heard, 0.0, times, seen)
    lag, reason = judge(curve, 3.2, usual=0)
    assert lag == late and reason == ""
    assert curve.max() > 0.95


def test_the_sounds_start_counts() -> None:
    heard, grid = _opening(4.0, 0)
    times = np.arange(80) / 25
    curve = sync_curve(heard, -0.08, times, np.interp(times + 0.08, grid, heard))
    assert judge(curve, 3.2, usual=0)[0] == 0


def test_another_voice_is_not_in_sync() -> None:
    heard, _ = _opening(6.0, 0)
    seen, grid = _opening(6.0, 1)
    times = np.arange(140) / 25
    reason = judge(sync_curve(heard, 0.0, times, np.interp(times, grid, seen)), 5.6, usual=0)[1]
    assert reason.startswith("not in sync: lips and sound agree by r = 0.")


def test_a_best_lag_at_the_edge_is_none() -> None:
    curve = np.linspace(0, 0.9, len(LAGS))
    assert judge(curve, 3.0, usual=0)[1] == "not in sync: the sound is 10 frames late or more"


def test_short_clips_are_judged_by_their_speakers_lag() -> None:
    """The best of 21 lags of one word is chance: it must not be believed."""
    chance = np.full(len(LAGS), 0.3)
    chance[list(LAGS).index(-9)] = 0.9
    curves = []
    for seed in range(4):
        curve = np.random.default_rng(seed).normal(0.2, 0.1, len(LAGS))
        curve[list(LAGS).index(1)] = 0.8
        curves.append(curve)
    usual = common_lag([chance, *curves], [1.2] * 5)
    assert usual == 1
    assert judge(chance, 1.2, usual) == (1, "")
    assert judge(np.full(len(LAGS), 0.1), 1.2, usual)[1].startswith("not in sync")


def test_one_short_clip_alone_tells_no_lag() -> None:
    curve = np.zeros(len(LAGS))
    curve[2] = 0.9
    assert common_lag([curve], [1.2]) == 0
    assert common_lag([], []) == 0
