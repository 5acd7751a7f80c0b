from __future__ import annotations

import cv2
import numpy as np
import pytest

from dubtool.face.grain_match import PLAIN, Compared, GrainMatch, matching


def laplacian(picture: np.ndarray) -> float:
    return float(cv2.Laplacian(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.CV_32F).var())


def grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[..., None], 3, axis=2).astype(np.float32)


def stripes(sigma: float) -> np.ndarray:
    """A picture of edges, soft as a Gaussian of `sigma` px leaves them."""
    hard = np.where(np.arange(96) // 32 % 2, 180.0, 80.0)
    return grey(cv2.GaussianBlur(np.tile(hard, (96, 1)), (0, 0), sigma))


ALL = np.ones((96, 96), np.float32)


def test_a_soft_mouth_gets_the_sharpness_of_its_source() -> None:
    source, made = stripes(1.2), stripes(1.45)
    finish = matching([Compared(source, made, ALL)])
    assert laplacian(made) < 0.7 * laplacian(source)
    assert laplacian(finish.applied(made, 0)) == pytest.approx(laplacian(source), rel=0.1)


def test_a_smooth_mouth_gets_the_grain_of_its_source() -> None:
    noise = np.random.default_rng(1).normal(0, 1.4, (96, 96))
    flat = grey(np.full((96, 96), 120.0))
    finish = matching([Compared(flat + grey(noise), flat, ALL)])
    assert finish.grain == pytest.approx(1.4, rel=0.1)
    assert np.std(finish.applied(flat, 0)) == pytest.approx(1.4, rel=0.1)


def test_nothing_is_done_to_a_mouth_as_sharp_as_its_source() -> None:
    assert matching([Compared(stripes(1.8), stripes(1.2), ALL)]) == PLAIN


def test_only_what_shows_is_measured() -> None:
    """Where the weight is 0 the source stays, however soft the made picture is there."""
    weight = np.zeros((96, 96), np.float32)
    weight[:, :48] = 1
    made = stripes(1.2)
    made[:, 48:] = 0
    assert matching([Compared(stripes(1.2), made, weight)]).sharpen == pytest.approx(0, abs=0.05)


def test_both_are_bounded() -> None:
    noise = np.random.default_rng(2).normal(0, 30, (96, 96))
    finish = matching([Compared(grey(120 + noise), stripes(6), ALL)])
    assert finish.grain == 2.0
    assert finish.sharpen == 1.5


def test_grain_hangs_on_the_seed_alone() -> None:
    picture = grey(np.full((16, 16), 100.0))
    finish = GrainMatch(grain=1.0)
    assert np.array_equal(finish.applied(picture, 5), finish.applied(picture, 5))
    assert not np.array_equal(finish.applied(picture, 5), finish.applied(picture, 6))


def test_no_pairs_no_finish() -> None:
    assert matching([]) == PLAIN
