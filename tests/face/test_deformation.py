"""Thin-plate splines: what they promise about their points, and the map that is read off them."""

from __future__ import annotations

import numpy as np
import pytest

from dubtool.face.deformation import ThinPlate, dense_map

Box = tuple[int, int, int, int]


def _scattered(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (count, 2))


def _places(count: int = 400) -> np.ndarray:
    """Where a map is looked at: among its points, and far outside of them."""
    return np.random.default_rng(9).uniform(-4, 4, (count, 2)).astype(np.float32)


def test_a_spline_without_stiffness_meets_its_points() -> None:
    points = _scattered(60)
    values = points + np.random.default_rng(1).normal(0, 0.05, points.shape)
    spline = ThinPlate(points, values, 0.0)
    met = points + spline.shift(points.astype(np.float32))
    np.testing.assert_allclose(met, values, atol=1e-4)


@pytest.mark.parametrize("stiffness", [0.0, 0.0125, 10.0])
def test_an_affine_motion_is_met_everywhere_however_stiff(stiffness: float) -> None:
    linear, offset = np.array([[1.2, -0.3], [0.25, 0.8]]), np.array([0.4, -2.0])
    points = _scattered(40)
    spline = ThinPlate(points, points @ linear.T + offset, stiffness)
    places = _places()
    np.testing.assert_allclose(places + spline.shift(places), places @ linear.T + offset, atol=1e-4)


def test_stiffness_smooths_what_jitters() -> None:
    points = _scattered(80)
    jitter = np.random.default_rng(2).normal(0, 0.02, points.shape)
    between = _scattered(300, seed=3).astype(np.float32)
    off = [np.abs(ThinPlate(points, points + jitter, each).shift(between)).mean() for each in (0.0, 0.0125, 1.0)]
    # The true motion is none at all.
    assert off[1] < 0.85 * off[0]
    assert off[2] < 0.5 * off[0]


def test_several_maps_over_the_same_points_are_each_what_they_are_alone() -> None:
    points = _scattered(50)
    several = points + np.random.default_rng(4).normal(0, 0.05, (3, *points.shape))
    box, to_unit = (20, 10, 75, 61), np.array([[0.02, 0.0, -1.0], [0.0, 0.02, -0.7]])
    others = np.stack([np.array([[60.0, scale, 5.0], [-scale, 55.0, 9.0]]) for scale in (0.0, 4.0, 9.0)])
    together = dense_map(ThinPlate(points, several, 0.002), to_unit, others, box)
    alone = [
        dense_map(ThinPlate(points, one, 0.002), to_unit, other, box)
        for one, other in zip(several, others, strict=True)
    ]
    np.testing.assert_allclose(together, alone, atol=1e-4)


@pytest.mark.parametrize("box", [(5, 7, 6, 8), (0, 0, 3, 1), (90, 80, 99, 114), (80, 90, 97, 107)])
def test_in_a_small_box_the_map_is_the_spline_between_two_affine_maps(box: Box) -> None:
    apart, _ = _map_and_spline(box, radius=60.0)
    assert apart.max() < 0.05


@pytest.mark.parametrize("side", [15, 40, 100, 180, 400])
def test_over_a_whole_mouth_the_map_is_near_the_spline(side: int) -> None:
    apart, moved = _map_and_spline((300, 200, 300 + side, 200 + side), radius=side / 2)
    assert apart.mean() < 0.002 * moved
    assert apart.max() < max(0.02 * moved, 0.05)


def _map_and_spline(box: Box, radius: float) -> tuple[np.ndarray, float]:
    """How far the map is from the spline at each pixel, and how far the spline moves at most, px of the other picture.

    radius: of the face, px; its pictures lie turned and shrunken to each other.
    """
    x0, y0, x1, y1 = box
    middle = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    to_unit = np.array([[0.98, 0.17, 0.0], [-0.17, 0.98, 0.0]]) / radius
    to_unit[:, 2] = -to_unit[:, :2] @ middle
    from_unit = np.array([[0.7 * radius, 0.0, 400.0], [0.0, 0.7 * radius, 300.0]])
    points = _scattered(78)
    # As smooth as an opening mouth: down below the lips, up above them.
    values = points + np.stack([0.05 * np.sin(2 * points[:, 1]), 0.12 * np.tanh(2 * points[:, 1])], axis=1)
    spline = ThinPlate(points, values, 0.0125)
    pixels = np.stack(np.meshgrid(np.arange(x0, x1), np.arange(y0, y1)), axis=-1).reshape(-1, 2)
    unit = pixels @ to_unit[:, :2].T + to_unit[:, 2]
    shift = spline.shift(unit.astype(np.float32))
    wanted = (unit + shift) @ from_unit[:, :2].T + from_unit[:, 2]
    found = dense_map(spline, to_unit, from_unit, box)
    assert found.shape == (y1 - y0, x1 - x0, 2) and found.dtype == np.float32
    return np.abs(found.reshape(-1, 2) - wanted), 0.7 * radius * float(np.abs(shift).max())
