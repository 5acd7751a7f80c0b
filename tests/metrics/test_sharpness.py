from __future__ import annotations

import cv2
import numpy as np
import pytest

from dubtool.metrics import sharpness
from dubtool.metrics.sharpness import MEASURES

# Four rows of 0 0 0 90 90 90: one vertical edge.
STEP = np.repeat(np.array([[0, 0, 0, 90, 90, 90]], np.uint8), 4, axis=0)


def test_brenner_of_a_step() -> None:
    # Four differences at a distance of two per row; two of them cross the edge.
    assert sharpness.brenner(STEP) == pytest.approx(2 * 90**2 / 4)


def test_laplacian_of_a_step() -> None:
    # Inside each row: 0, 90, -90, 0; their variance is (90^2 + 90^2) / 4.
    assert sharpness.laplacian(STEP) == pytest.approx(2 * 90**2 / 4)


def test_smd_of_a_step() -> None:
    # Five differences across per row, one of 90; none down.
    assert sharpness.smd(STEP) == pytest.approx(90 / 5)


def test_smd2_needs_both_directions() -> None:
    assert sharpness.smd2(STEP) == 0
    # One bright pixel at (1, 1) of 3 x 3: of the four terms only its own has both differences.
    dot = np.zeros((3, 3), np.uint8)
    dot[1, 1] = 10
    assert sharpness.smd2(dot) == pytest.approx(10 * 10 / 4)


def test_variance_of_a_step() -> None:
    assert sharpness.variance(STEP) == pytest.approx(45**2)


def test_energy_of_a_step() -> None:
    assert sharpness.energy(STEP) == pytest.approx(90**2 / 5)


def test_vollath_of_a_step() -> None:
    # Products of neighbours per row: 0 0 0 8100 8100; the mean is 45.
    assert sharpness.vollath(STEP) == pytest.approx(2 * 8100 / 5 - 45**2)


def test_entropy_counts_bits() -> None:
    assert sharpness.entropy(STEP) == pytest.approx(1.0)
    assert sharpness.entropy(np.arange(256, dtype=np.uint8).reshape(16, 16)) == pytest.approx(8.0)


def test_colour_is_measured_by_its_luma() -> None:
    red = np.zeros((4, 6, 3), np.uint8)
    red[:, 3:, 0] = 100
    assert sharpness.variance(red) == pytest.approx((29.9 / 2) ** 2)


@pytest.mark.parametrize("name", sorted(MEASURES))
def test_blur_lowers_every_measure(name: str) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    blurred = cv2.GaussianBlur(picture, (0, 0), 1.0)
    if name == "Vollath":
        # An autocorrelation calls white noise unsharp: it needs structure wider than a pixel.
        picture = cv2.resize(picture[:8, :8], (64, 64), interpolation=cv2.INTER_NEAREST)
        blurred = cv2.GaussianBlur(picture, (0, 0), 4.0)
    assert MEASURES[name](blurred) < MEASURES[name](picture)


def test_ratio_of_half_the_contrast_is_a_quarter() -> None:
    source = np.random.default_rng(1).integers(0, 256, (32, 32)).astype(float)
    assert sharpness.sharpness_ratio(source / 2, source) == pytest.approx(0.25)


def test_ratio_over_a_flat_source_is_not_a_number() -> None:
    assert np.isnan(sharpness.sharpness_ratio(STEP, np.zeros_like(STEP)))
