from __future__ import annotations

import numpy as np
import pytest

from dubtool.metrics.quality import psnr, ssim


def test_psnr_of_a_known_error() -> None:
    truth = np.full((16, 16, 3), 100, np.uint8)
    assert psnr(truth + 5, truth) == pytest.approx(10 * np.log10(255**2 / 25))


def test_psnr_does_not_wrap_below_zero() -> None:
    black, grey = np.zeros((8, 8), np.uint8), np.full((8, 8), 255, np.uint8)
    assert psnr(black, grey) == pytest.approx(0.0)


def test_psnr_of_equal_pictures_is_infinite() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    assert psnr(picture, picture) == float("inf")


def test_psnr_of_white_noise_follows_its_variance() -> None:
    noise = np.random.default_rng(1).normal(0, 10, (400, 400))
    truth = np.full((400, 400), 128.0)
    assert psnr(truth + noise, truth) == pytest.approx(20 * np.log10(255 / 10), abs=0.05)


def test_ssim_of_equal_pictures_is_one() -> None:
    picture = np.random.default_rng(2).integers(0, 256, (32, 40, 3), np.uint8)
    assert ssim(picture, picture) == pytest.approx(1.0, abs=1e-12)


def test_ssim_of_flat_pictures_is_the_luminance_term() -> None:
    a, b, c1 = 100.0, 140.0, (0.01 * 255) ** 2
    expected = (2 * a * b + c1) / (a * a + b * b + c1)
    assert ssim(np.full((20, 20), a), np.full((20, 20), b)) == pytest.approx(expected)


def test_ssim_of_an_inverted_pattern_is_negative() -> None:
    pattern = np.random.default_rng(3).integers(60, 196, (64, 64), np.uint8)
    assert ssim(255 - pattern, pattern) < -0.8


def test_ssim_of_a_halved_contrast_follows_the_formula() -> None:
    # Around a common mean m with s_y = s_x / 2 the index is (s_x^2 + C2) / (1.25 s_x^2 + C2); an alternating
    # checkerboard has nearly the same local variance everywhere.
    board = np.where(np.indices((64, 64)).sum(axis=0) % 2, 1.0, -1.0)
    c2 = (0.03 * 255) ** 2
    expected = (40.0**2 + c2) / (1.25 * 40.0**2 + c2)
    assert ssim(128 + 20 * board, 128 + 40 * board) == pytest.approx(expected, abs=1e-3)


def test_ssim_of_a_single_window_by_its_definition() -> None:
    x, y = np.random.default_rng(5).integers(0, 256, (2, 11, 11)).astype(float)
    bell = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    weight = np.outer(bell, bell) / bell.sum() ** 2
    mean_x, mean_y = np.sum(weight * x), np.sum(weight * y)
    spread_x, spread_y = np.sum(weight * (x - mean_x) ** 2), np.sum(weight * (y - mean_y) ** 2)
    shared = np.sum(weight * (x - mean_x) * (y - mean_y))
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    top = (2 * mean_x * mean_y + c1) * (2 * shared + c2)
    bottom = (mean_x**2 + mean_y**2 + c1) * (spread_x + spread_y + c2)
    assert ssim(x, y) == pytest.approx(top / bottom)


def test_ssim_averages_the_channels() -> None:
    truth = np.random.default_rng(4).integers(0, 256, (32, 32, 3), np.uint8)
    changed = truth.copy()
    changed[..., 1] = 255 - changed[..., 1]
    alone = ssim(changed[..., 1], truth[..., 1])
    assert ssim(changed, truth) == pytest.approx((2 + alone) / 3)


def test_ssim_refuses_what_its_window_does_not_fit() -> None:
    with pytest.raises(ValueError, match="11 x 11"):
        ssim(np.zeros((10, 40)), np.zeros((10, 40)))
