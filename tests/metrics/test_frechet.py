from __future__ import annotations

import numpy as np
import pytest

from dubtool.metrics.frechet import frechet_distance


def _whitened(count: int, width: int) -> np.ndarray:
    """Samples whose mean is 0 and whose covariance is the identity, exactly."""
    samples = np.random.default_rng(0).normal(size=(count, width))
    samples -= samples.mean(axis=0)
    return samples @ np.linalg.inv(np.linalg.cholesky(np.cov(samples, rowvar=False))).T


def test_of_two_known_normal_distributions() -> None:
    white = _whitened(200, 4)
    shift, first, second = (
        np.array([1.0, 2.0, 0.0, -1.0]),
        np.array([1.0, 2.0, 3.0, 4.0]),
        np.array([2.0, 2.0, 1.0, 5.0]),
    )
    # Of diagonal covariances: |m - n|^2 + sum (sqrt(c) - sqrt(d))^2.
    wanted = np.square(shift).sum() + np.square(first - second).sum()
    assert frechet_distance(white * first, white * second + shift) == pytest.approx(wanted, rel=1e-6)


def test_covariances_that_do_not_share_axes() -> None:
    white = _whitened(300, 2)
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    a, b = np.diag([9.0, 1.0]), turn @ np.diag([4.0, 16.0]) @ turn.T
    values = np.linalg.eigvals(a @ b)
    wanted = np.trace(a) + np.trace(b) - 2 * np.sqrt(values.real).sum()
    made = frechet_distance(white @ np.linalg.cholesky(a).T, white @ np.linalg.cholesky(b).T)
    assert made == pytest.approx(wanted, rel=1e-6)


def test_equal_sets_are_not_apart_even_when_small() -> None:
    few = np.random.default_rng(1).normal(size=(5, 30))
    assert frechet_distance(few, few) == pytest.approx(0.0, abs=1e-6)
