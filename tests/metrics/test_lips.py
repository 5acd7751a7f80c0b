from __future__ import annotations

import numpy as np
import pytest

from dubtool.metrics.lips import compare, detrend, mouth_opening, mouth_width

RATE = 25.0


def chatter(seed: int, size: int = 200) -> np.ndarray:
    """A mouth that opens and closes at the pace of speech."""
    noise = np.random.default_rng(seed).normal(size=size + 4)
    return np.convolve(noise, np.ones(5) / 5, mode="valid")


def test_opening_and_width_are_in_eye_distances_whatever_the_size_and_turn() -> None:
    points = np.array([[0.0, -5], [0, 5], [-20, 0], [20, 0], [-50, -60], [50, -60]])
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    both = np.stack([points, 3 * points @ turn.T + 100])
    assert mouth_opening(both) == pytest.approx([0.1, 0.1])
    assert mouth_width(both) == pytest.approx([0.4, 0.4])


def test_a_frame_without_a_face_stays_unknown() -> None:
    points = np.full((1, 6, 2), np.nan)
    assert np.isnan(mouth_opening(points)).all()


def test_detrending_removes_a_line_inside_and_keeps_what_is_fast() -> None:
    time = np.arange(200) / RATE
    # 5 Hz: whole periods less one sample over the 51 frames of the mean.
    fast = np.sin(2 * np.pi * 5 * time)
    left = detrend(3 * time + fast, RATE)
    assert left[25:-25] == pytest.approx(fast[25:-25], abs=0.05)


def test_detrending_skips_gaps() -> None:
    series = np.full(100, 7.0)
    series[40:50] = np.nan
    left = detrend(series, RATE)
    assert np.isnan(left[40:50]).all()
    assert np.delete(left, np.s_[40:50]) == pytest.approx(np.zeros(90), abs=1e-12)


def test_a_scaled_copy_agrees_fully() -> None:
    real = chatter(0)
    assert compare(0.4 * real + 3, real, RATE).r == pytest.approx(1.0)


@pytest.mark.parametrize("late", [-4, 3])
def test_a_shifted_copy_is_found_at_its_lag(late: int) -> None:
    series = chatter(1, 240)
    real, dub = series[20:220], series[20 - late : 220 - late]
    agreement = compare(dub, real, RATE)
    assert agreement.lag == late
    assert agreement.best > 0.98
    assert agreement.r < 0.6


def test_unrelated_mouths_do_not_agree() -> None:
    assert abs(compare(chatter(2, 2000), chatter(3, 2000), RATE).r) < 0.1


def test_correlation_of_a_known_mixture() -> None:
    a, b = chatter(4, 20000), chatter(5, 20000)
    assert compare(0.6 * a + 0.8 * b, a, RATE).r == pytest.approx(0.6, abs=0.03)


def test_a_still_mouth_follows_nothing() -> None:
    agreement = compare(np.full(200, 0.1), chatter(6), RATE)
    assert (agreement.r, agreement.lag) == (0.0, 0)


def test_only_voiced_frames_count() -> None:
    real = chatter(7)
    voiced = np.arange(200) % 100 < 50
    dub = np.where(voiced, real, chatter(8))
    assert compare(dub, real, RATE, voiced).r > 0.9
    assert compare(dub, real, RATE, voiced).r > compare(dub, real, RATE).r + 0.2


def test_r_is_pearsons_over_the_voiced_frames() -> None:
    dub, real = chatter(10), chatter(11)
    voiced = np.arange(200) % 23 < 5
    expected = np.corrcoef(detrend(dub, RATE)[voiced], detrend(real, RATE)[voiced])[0, 1]
    assert compare(dub, real, RATE, voiced).r == pytest.approx(expected)


def test_frames_without_a_face_are_left_out() -> None:
    real = chatter(9)
    dub = real.copy()
    dub[30:60] = np.nan
    assert compare(dub, real, RATE).r > 0.99
