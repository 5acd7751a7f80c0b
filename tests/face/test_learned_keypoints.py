from __future__ import annotations

import itertools

import numpy as np
import pytest

from dubtool.face.learned_keypoints import Posture, hull_volume, posed, relative_scale


@pytest.mark.parametrize(
    ("angles", "point", "turned"),
    [
        ((90, 0, 0), (1, 0, 0), (0, 0, -1)),
        ((0, 90, 0), (0, 1, 0), (0, 0, 1)),
        ((0, 0, 90), (1, 0, 0), (0, 1, 0)),
        # Roll first, then yaw, then pitch.
        ((0, 90, 90), (1, 0, 0), (0, 0, 1)),
    ],
)
def test_rotation_sense_and_order(angles: tuple[int, ...], point: tuple[int, ...], turned: tuple[int, ...]) -> None:
    posture = Posture(np.array(angles), np.array([0, 0, 5]), np.array([[0, 7, 0]]))
    expected = np.array([turned]) + np.array([0, 7, 5])
    np.testing.assert_allclose(posed(np.array([point]), posture), expected, atol=2e-3)


def test_the_torch_network_poses_them_alike() -> None:
    torch = pytest.importorskip("torch")
    from dubtool.networks.adasr_pose import rotation_matrix

    angles, canonical = np.array([31.0, -12.0, 47.0]), np.random.default_rng(0).normal(size=(4, 3))
    matrix = rotation_matrix(*(torch.tensor([angle]) for angle in angles))[0].numpy()
    ours = posed(canonical, Posture(angles, np.zeros(3), np.zeros((4, 3))))
    np.testing.assert_allclose(ours, canonical @ matrix.T, atol=1e-6)


def test_hull_volume_of_a_box_with_points_inside_and_on_its_faces() -> None:
    corners = np.array(list(itertools.product((0.0, 1.0), (0.0, 2.0), (0.0, 3.0))))
    inner = np.array([[0.5, 1.0, 1.5], [0.5, 1.0, 0.0], [0.2, 0.1, 0.3]])
    assert hull_volume(np.concatenate((corners, inner)) + 10) == pytest.approx(6, rel=1e-4)


def test_a_volume_ratio_of_eight_gives_its_root() -> None:
    # As in the authors' code; a length has its cube root.
    first = np.random.default_rng(0).uniform(size=(15, 3))
    assert relative_scale(2 * first + 5, first) == pytest.approx(8**0.5, rel=1e-4)
