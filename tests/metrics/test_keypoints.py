from __future__ import annotations

import numpy as np
import pytest

from dubtool.metrics.identity import aed, csim
from dubtool.metrics.keypoints import average_keypoint_distance


def test_akd_is_told_in_px_of_256() -> None:
    truth = np.random.default_rng(0).uniform(0, 512, (478, 3))
    made = truth + np.array([6.0, 8.0, 100.0])
    assert average_keypoint_distance(made, truth, 512) == pytest.approx(5.0)
    assert average_keypoint_distance(truth, truth, 512) == 0


def test_aed_and_csim_of_one_pair_agree() -> None:
    a, b = np.array([1.0, 0.0]), np.array([0.6, 0.8])
    assert aed(a, b) == pytest.approx(np.sqrt(2 - 2 * csim(a, b)))
    assert aed(a, a) == 0
