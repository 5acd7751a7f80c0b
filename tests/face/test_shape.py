from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dubtool.face.pose import Poses
from dubtool.face.shape import MOUTH, ShapeModel, inner_opening, rest_mouth, split_mouth
from dubtool.face.topology import INNER_LIP, JAW, OUTER_LIP, STABLE, TRACKED, tracked

RANDOM = np.random.default_rng(0)


@pytest.fixture
def model() -> ShapeModel:
    random = np.random.default_rng(1)
    mean = random.normal(size=(len(TRACKED), 3)).astype(np.float32)
    return ShapeModel(mean, random.normal(size=(4, len(MOUTH), 3)).astype(np.float32))


def mouth_open_by(opening: float) -> np.ndarray:
    """A mouth [55, 3] whose inner lips' middles are so far apart."""
    mouth = np.zeros((len(MOUTH), 3))
    mouth[len(OUTER_LIP) + INNER_LIP.index(13), 1] = -opening / 4
    mouth[len(OUTER_LIP) + INNER_LIP.index(14), 1] = 3 * opening / 4
    return mouth


def test_coefficients_and_mouths_undo_each_other(model: ShapeModel) -> None:
    rest = model.mean[tracked(MOUTH)]
    wanted = RANDOM.normal(size=(7, model.size)).astype(np.float32)
    found = model.coefficients(model.mouths(wanted, rest), rest)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_the_mouth_at_rest_has_no_coefficients(model: ShapeModel) -> None:
    rest = model.mean[tracked(MOUTH)]
    np.testing.assert_allclose(model.coefficients(rest[None], rest), 0, atol=1e-6)


def test_what_the_basis_cannot_say_is_left_out(model: ShapeModel) -> None:
    rest = model.mean[tracked(MOUTH)]
    flat = model.basis.reshape(model.size, -1)
    other = RANDOM.normal(size=flat.shape[1])
    other -= flat.T @ np.linalg.lstsq(flat.T, other, rcond=None)[0]
    np.testing.assert_allclose(model.coefficients(rest[None] + other.reshape(1, -1, 3), rest), 0, atol=1e-5)


def test_a_saved_model_comes_back(model: ShapeModel, tmp_path: Path) -> None:
    model.save(tmp_path / "shape.npz")
    again = ShapeModel.load(tmp_path / "shape.npz")
    assert again.size == 4
    np.testing.assert_array_equal(again.mean, model.mean)
    np.testing.assert_array_equal(again.basis, model.basis)


def test_poses_look_at_what_speech_does_not_move(model: ShapeModel) -> None:
    there = Poses(np.array([120.0]), np.eye(3)[None], np.array([[300.0, 200.0, 0.0]]))
    points = there.to_picture(model.mean[None].astype(np.float64))
    unstable = np.setdiff1d(np.arange(len(TRACKED)), tracked(STABLE))
    points[:, unstable] += RANDOM.normal(size=(1, len(unstable), 3)) * 30
    found = model.poses(points)
    np.testing.assert_allclose(found.scale, 120.0, rtol=1e-5)
    np.testing.assert_allclose(found.translation, there.translation, atol=1e-3)


def test_the_opening_is_the_distance_of_the_inner_lips() -> None:
    mouths = np.stack([mouth_open_by(opening) for opening in (0.0, 0.1, 0.4)])
    np.testing.assert_allclose(inner_opening(mouths), [0.0, 0.1, 0.4])


def test_rest_is_the_mean_of_the_least_open_frames() -> None:
    mouths = np.stack([mouth_open_by(opening) for opening in np.linspace(0.0, 0.38, 20)])
    # A seventh of twenty frames and the one on the quantile: openings 0, 0.02 and 0.04.
    np.testing.assert_allclose(rest_mouth(mouths, np.zeros((20, 3))), mouth_open_by(0.02), atol=1e-9)


def test_rest_is_not_taken_from_a_profile() -> None:
    mouths = np.stack([mouth_open_by(0.0)] * 4 + [mouth_open_by(0.2)] * 6)
    angles = np.zeros((10, 3))
    angles[:4, 1] = 60.0
    np.testing.assert_allclose(rest_mouth(mouths, angles), mouth_open_by(0.2), atol=1e-9)


def test_a_head_that_always_looks_aside_has_a_rest_too() -> None:
    angles = np.tile([0.0, 50.0, 0.0], (6, 1))
    np.testing.assert_allclose(rest_mouth(np.stack([mouth_open_by(0.1)] * 6), angles), mouth_open_by(0.1))


def test_heads_that_look_left_and_right_by_turns_still_have_a_rest() -> None:
    # The median lies between them, where no frame is.
    angles = np.zeros((4, 3))
    angles[:, 1] = -40, -40, 40, 40
    np.testing.assert_allclose(rest_mouth(np.stack([mouth_open_by(0.1)] * 4), angles), mouth_open_by(0.1))


def test_a_mouth_is_outer_lip_inner_lip_and_jaw() -> None:
    outer, inner, jaw = split_mouth(np.array(MOUTH)[None, :, None])
    assert tuple(outer[0, :, 0]) == OUTER_LIP
    assert tuple(inner[0, :, 0]) == INNER_LIP
    assert tuple(jaw[0, :, 0]) == JAW
