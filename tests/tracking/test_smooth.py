from __future__ import annotations

import numpy as np
import pytest

from dubtool.tracking.smooth import smooth


@pytest.mark.parametrize("sigma", [0.5, 1.0, 4.0])
def test_a_constant_speed_stays_as_it_is_up_to_the_ends(sigma: float) -> None:
    line = 3.0 + 0.7 * np.arange(30)
    np.testing.assert_allclose(smooth(line, sigma), line, atol=1e-12)


def test_a_peak_stays_where_it_is() -> None:
    peak = np.zeros(41)
    peak[17] = 1.0
    smoothed = smooth(peak, 2.0)
    assert smoothed.argmax() == 17
    np.testing.assert_allclose(smoothed[17 - 6 : 17], smoothed[17 + 6 : 17 : -1], atol=1e-12)
    assert smoothed.sum() == pytest.approx(1.0)


def test_the_impulse_answer_is_a_gaussian() -> None:
    peak = np.zeros(41)
    peak[20] = 1.0
    smoothed = smooth(peak, 1.5)
    assert smoothed[21] / smoothed[20] == pytest.approx(np.exp(-0.5 / 1.5**2))
    assert smoothed[23] / smoothed[20] == pytest.approx(np.exp(-4.5 / 1.5**2))


def test_backward_in_time_is_the_same() -> None:
    values = np.random.default_rng(0).normal(size=(25, 3))
    np.testing.assert_allclose(smooth(values[::-1], 1.3), smooth(values, 1.3)[::-1], atol=1e-12)


def test_jitter_shrinks_as_the_kernel_says() -> None:
    jitter = np.random.default_rng(1).normal(size=20000)
    # Standard deviation of white noise after a Gaussian: 1 / sqrt(2 sqrt(pi) sigma).
    assert smooth(jitter, 2.0).std() == pytest.approx((2 * np.sqrt(np.pi) * 2.0) ** -0.5, rel=0.05)


def test_each_column_goes_its_own_way() -> None:
    values = np.random.default_rng(2).normal(size=(20, 4, 3))
    np.testing.assert_allclose(smooth(values, 1.0)[:, 2, 1], smooth(values[:, 2, 1], 1.0), atol=1e-12)


def test_types_are_kept() -> None:
    assert smooth(np.ones((9, 2), np.float32), 1.0).dtype == np.float32


@pytest.mark.parametrize(("count", "sigma"), [(0, 1.0), (1, 1.0), (2, 1.0), (20, 0.0)])
def test_nothing_to_smooth_gives_a_copy(count: int, sigma: float) -> None:
    values = np.arange(float(count))
    same = smooth(values, sigma)
    np.testing.assert_array_equal(same, values)
    assert not np.shares_memory(same, values)


@pytest.mark.parametrize("count", [3, 4, 5])
def test_runs_shorter_than_the_kernel_are_smoothed_too(count: int) -> None:
    values = np.array([0.0, 1.0, 0.0, 1.0, 0.0])[:count]
    smoothed = smooth(values, 5.0)
    assert smoothed.shape == values.shape
    # Odd reflection pins both ends.
    np.testing.assert_allclose(smoothed[[0, -1]], values[[0, -1]], atol=1e-12)
    assert np.ptp(np.diff(smoothed)) < np.ptp(np.diff(values))
