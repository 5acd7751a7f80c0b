"""Seam, flicker and outside: measures of a dubbed frame beside its source."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from dubtool.metrics.flicker import Flicker, flicker_ratio
from dubtool.metrics.outside import largest_outside
from dubtool.metrics.seam import edge_gradient

REGION = np.zeros((80, 80), bool)
REGION[20:60, 25:55] = True


def texture(seed: int, size: tuple[int, int] = (80, 80)) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(128, 60, (*size, 3))
    return np.clip(cv2.GaussianBlur(noise, (0, 0), 2.0), 0, 255).astype(np.uint8)


def test_a_pasted_square_shows() -> None:
    source = texture(0)
    dub = source.copy()
    dub[REGION] = np.clip(dub[REGION].astype(int) + 12, 0, 255)
    assert edge_gradient(dub, REGION) > 1.3 * edge_gradient(source, REGION)


def test_a_change_away_from_the_edge_is_no_seam() -> None:
    source = texture(0)
    dub = source.copy()
    dub[30:50, 35:45] = 255
    assert edge_gradient(dub, REGION) == edge_gradient(source, REGION)


def test_a_step_on_the_edge_is_half_its_height_per_pixel() -> None:
    # A central difference sees a step of 40 as 20 at the pixels on both sides of it.
    picture = np.where(np.arange(60)[None, :] < 30, 100, 140).astype(np.uint8).repeat(50, axis=0)
    half = np.zeros((50, 60), bool)
    half[:, 30:] = True
    # The ring also holds the next pixel on either side, which sees nothing.
    assert edge_gradient(picture, half) == pytest.approx(40 / 2 / 2)


def test_only_the_slope_across_the_edge_counts() -> None:
    ramp = np.arange(50, dtype=np.uint8)[:, None].repeat(60, axis=1)
    half = np.zeros((50, 60), bool)
    half[:, 30:] = True
    assert edge_gradient(ramp, half) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("region", [np.ones((9, 9), bool), np.zeros((9, 9), bool)])
def test_a_region_without_an_edge_gives_no_answer(region: np.ndarray) -> None:
    assert np.isnan(edge_gradient(np.zeros((9, 9), np.uint8), region))


def shift_matrix(x: float, y: float) -> np.ndarray:
    return np.array([[1.0, 0.0, -x], [0.0, 1.0, -y]])


def test_motion_that_the_track_explains_is_no_flicker() -> None:
    world = texture(1, (100, 100))
    flicker = Flicker(40, 30)
    for step in range(5):
        flicker.add(np.roll(world, (step, 2 * step), axis=(0, 1)), shift_matrix(20 + 2 * step, 20 + step))
    assert flicker.value == 0.0


def test_motion_that_it_does_not_explain_is_slope_times_speed() -> None:
    ramp = (3 * np.arange(60, dtype=np.uint8))[None, :, None].repeat(60, axis=0).repeat(3, axis=2)
    flicker = Flicker(30, 30)
    for step in range(3):
        flicker.add(ramp, shift_matrix(10 + 2 * step, 10))
    assert flicker.value == pytest.approx(3 * 2, abs=1e-3)


def test_alternating_light_is_its_own_height() -> None:
    dub, source = Flicker(20, 20), Flicker(20, 20)
    for step in range(6):
        grey = np.full((40, 40, 3), 100, np.uint8)
        dub.add(grey + 6 * (step % 2), shift_matrix(5, 5))
        source.add(grey + 4 * (step % 2), shift_matrix(5, 5))
    assert dub.value == pytest.approx(6, abs=1e-3)
    assert flicker_ratio(dub, source) == pytest.approx(1.5, abs=1e-3)


def test_a_frame_without_a_face_has_no_neighbours() -> None:
    flicker = Flicker(20, 20)
    flicker.add(np.zeros((40, 40, 3), np.uint8), shift_matrix(0, 0))
    flicker.add(np.full((40, 40, 3), 99, np.uint8), None)
    flicker.add(np.full((40, 40, 3), 200, np.uint8), shift_matrix(0, 0))
    assert np.isnan(flicker.value)


def test_outside_finds_one_changed_sample() -> None:
    source = texture(2)
    dub = source.copy()
    dub[REGION] = 0
    assert largest_outside(dub, source, REGION) == 0
    dub[5, 5, 2] = source[5, 5, 2] - 7
    assert largest_outside(dub, source, REGION) == 7


def test_outside_does_not_wrap() -> None:
    black, white = np.zeros((4, 4), np.uint8), np.full((4, 4), 255, np.uint8)
    assert largest_outside(black, white, np.zeros((4, 4), bool)) == 255
