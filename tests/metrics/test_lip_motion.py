from __future__ import annotations

import numpy as np
import pytest

from dubtool.metrics.lip_motion import aperture, lip_dynamics, loudness_difference, pauses_of, silent_lip_stability


def test_aperture_is_the_mean_gap_in_eye_distances() -> None:
    points = np.zeros((1, 16, 2))
    points[0, 8:, 1] = np.arange(8)
    assert aperture(points, np.array([10.0])) == pytest.approx([0.35])


def test_only_pauses_of_three_tenths_of_a_second_count() -> None:
    voiced = np.array([True] * 5 + [False] * 7 + [True] * 5 + [False] * 8)
    quiet = pauses_of(voiced, 25.0)
    assert quiet.tolist() == [False] * 17 + [True] * 8


def test_stability_is_the_median_deviation_from_the_mean() -> None:
    series = np.array([9.0, 0.1, 0.1, 0.1, 0.5, np.nan])
    assert silent_lip_stability(series, np.arange(6) > 0) == pytest.approx(0.1)
    assert np.isnan(silent_lip_stability(series, np.zeros(6, bool)))


def test_dynamics_are_the_variance_of_distances_whatever_size_and_place() -> None:
    # The third point moves between 1 and 3 eye distances from the first two, which stand together.
    points = np.zeros((4, 3, 2))
    points[:, 2, 0] = [1, 3, 1, 3]
    still_pair_and_two_moving = (0 + 1 + 1) / 3
    assert lip_dynamics(points, np.ones(4)) == pytest.approx(still_pair_and_two_moving)
    sizes = np.array([1.0, 2, 3, 4])
    assert lip_dynamics(points * sizes[:, None, None] + 7, sizes) == pytest.approx(still_pair_and_two_moving)
    unseen = np.concatenate([points, np.full((1, 3, 2), np.nan)])
    assert lip_dynamics(unseen, np.ones(5)) == pytest.approx(still_pair_and_two_moving)


def test_a_mouth_that_opens_as_loud_as_it_speaks_differs_by_nothing_and_the_opposite_by_most() -> None:
    loud = np.array([0.0, 1.0] * 10)
    voiced = np.ones(20, bool)
    assert loudness_difference(3 * loud + 1, loud, voiced) == pytest.approx(0.0)
    assert loudness_difference(-loud, loud, voiced) == pytest.approx(1.0)
    assert np.isnan(loudness_difference(loud, loud, np.arange(20) < 1))
