from __future__ import annotations

import numpy as np
import pytest

from dubtool.face.pose import Poses, fit_poses

CLOUD = np.random.default_rng(0).normal(size=(20, 3))


def turn(pitch: float = 0.0, yaw: float = 0.0, roll: float = 0.0) -> np.ndarray:
    """Chin up, nose to the picture's right, clockwise; degrees. Axes: right, down, away from the camera."""
    p, y, r = np.radians([pitch, yaw, roll])
    up = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    side = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    tilt = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return tilt @ side @ up


def random_poses(count: int) -> Poses:
    random = np.random.default_rng(1)
    rotation = np.stack([turn(*random.uniform(-40, 40, 3)) for _ in range(count)])
    return Poses(random.uniform(50, 200, count), rotation, random.uniform(-100, 500, (count, 3)))


def test_a_known_pose_is_found() -> None:
    poses = random_poses(12)
    found = fit_poses(poses.to_picture(CLOUD[None]), CLOUD)
    np.testing.assert_allclose(found.scale, poses.scale, rtol=1e-9)
    np.testing.assert_allclose(found.rotation, poses.rotation, atol=1e-9)
    np.testing.assert_allclose(found.translation, poses.translation, atol=1e-6)


def test_noise_moves_it_little() -> None:
    poses = random_poses(12)
    points = poses.to_picture(CLOUD[None]) + np.random.default_rng(2).normal(size=(12, 20, 3)) * 0.5
    found = fit_poses(points, CLOUD)
    np.testing.assert_allclose(found.scale, poses.scale, rtol=0.01)
    assert np.abs(found.angles - poses.angles).max() < 1.5


def test_a_mirrored_cloud_never_gives_a_reflection() -> None:
    mirrored = CLOUD * np.array([-1.0, 1.0, 1.0])
    found = fit_poses(mirrored[None] * 80, CLOUD)
    np.testing.assert_allclose(np.linalg.det(found.rotation), 1.0)


def test_flat_points_give_rotations_too() -> None:
    flat = CLOUD * np.array([1.0, 1.0, 0.0])
    found = fit_poses(flat[None] * 80, flat)
    np.testing.assert_allclose(found.rotation[0], np.eye(3), atol=1e-9)


def test_to_head_undoes_to_picture() -> None:
    poses = random_poses(5)
    points = np.random.default_rng(3).normal(size=(5, 7, 3))
    np.testing.assert_allclose(poses.to_head(poses.to_picture(points)), points, atol=1e-9)


@pytest.mark.parametrize(
    ("angles", "nose"),
    [
        ((30, 0, 0), (0, -0.5)),  # chin up: the nose goes up
        ((0, 30, 0), (0.5, 0)),  # to the picture's right
    ],
)
def test_angles_mean_what_they_say(angles: tuple[int, int, int], nose: tuple[float, float]) -> None:
    poses = Poses(np.ones(1), turn(*angles)[None], np.zeros((1, 3)))
    np.testing.assert_allclose(poses.angles[0], angles, atol=1e-9)
    # The nose's tip points towards the camera.
    np.testing.assert_allclose(poses.to_picture(np.array([[[0.0, 0.0, -1.0]]]))[0, 0, :2], nose, atol=1e-9)


def test_roll_is_clockwise_in_the_picture() -> None:
    poses = Poses(np.ones(1), turn(roll=20)[None], np.zeros((1, 3)))
    assert poses.angles[0, 2] == pytest.approx(20)
    right_end = poses.to_picture(np.array([[[1.0, 0.0, 0.0]]]))[0, 0]
    assert right_end[1] > 0  # the picture's right side goes down


def test_rows_are_taken_together() -> None:
    poses = random_poses(6)
    some = poses[np.array([4, 1])]
    assert len(poses) == 6 and len(some) == 2
    np.testing.assert_array_equal(some.scale, poses.scale[[4, 1]])
    np.testing.assert_array_equal(some.translation, poses.translation[[4, 1]])
    np.testing.assert_array_equal(poses[1:3].rotation, poses.rotation[1:3])
