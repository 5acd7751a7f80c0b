"""Motion from one face to another: what is carried over, and what stays the portrait's own."""

from __future__ import annotations

import numpy as np
import pytest

from dubtool.face.aperture import LEFT_LIDS, LIPS, RIGHT_LIDS, eye_openings, eye_range
from dubtool.face.pose import Poses
from dubtool.face.shape import ShapeModel
from dubtool.face.topology import TRACKED
from dubtool.face.transfer import MotionTransfer, Settle, size_ratio, turned
from dubtool.weights.locate import find

SIDE = 256


@pytest.fixture(scope="module")
def shapes() -> ShapeModel:
    return ShapeModel.load(find("face_shape"))


@pytest.fixture(scope="module")
def face(meshes: np.ndarray) -> np.ndarray:
    """A face as in a crop of 256 px."""
    return _fitted(meshes[_lips(meshes).argmin()])


@pytest.fixture(scope="module")
def eyes(meshes: np.ndarray) -> np.ndarray:
    return eye_range(eye_openings(meshes))


def _fitted(mesh: np.ndarray) -> np.ndarray:
    low, high = mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)
    scale = SIDE / 1.75 / (high - low).max()
    fitted = mesh * scale
    fitted[:, :2] += SIDE / 2 - scale * (low + high) / 2
    return fitted.astype(np.float32)


def _lips(meshes: np.ndarray) -> np.ndarray:
    """Opening of the lips' middle over the distance of the eye corners."""
    eyes = np.linalg.norm(meshes[:, 263] - meshes[:, 33], axis=-1)
    return np.linalg.norm(meshes[:, 13] - meshes[:, 14], axis=-1) / eyes


def _angles(face: np.ndarray, shapes: ShapeModel) -> np.ndarray:
    return shapes.poses(face[None, list(TRACKED)]).angles[0]


def _turned(face: np.ndarray, degrees: tuple[float, float, float]) -> np.ndarray:
    middle = face.mean(axis=0)
    return ((face - middle) @ turned(*degrees).T + middle).astype(np.float32)


def _transfer(face: np.ndarray, driver: np.ndarray, shapes: ShapeModel, eyes: np.ndarray, **how) -> MotionTransfer:
    return MotionTransfer(face, driver, shapes, side=SIDE, eyes=eyes, **how)


def test_the_reference_is_the_portrait_itself(
    face: np.ndarray, meshes: np.ndarray, shapes: ShapeModel, eyes: np.ndarray
) -> None:
    # The driver is larger, wider, elsewhere and turned: nothing of that is motion.
    driver = _turned(face * (3.0, 2.5, 2.5) + (40, 70, 0), (5.0, 12.0, -8.0))
    same = _transfer(face, driver, shapes, eyes).target(driver)
    np.testing.assert_allclose(same, face, atol=0.3)


@pytest.mark.parametrize(("axis", "turn"), [(0, (9.0, 0, 0)), (1, (0, 14.0, 0)), (2, (0, 0, 11.0))])
def test_the_head_turns_as_far_as_the_drivers(
    axis: int, turn: tuple, face: np.ndarray, shapes: ShapeModel, eyes: np.ndarray
) -> None:
    frontal = _turned(face, tuple(-_angles(face, shapes)))
    driver = _turned(frontal * 2, (-2.0, 3.0, 1.0))
    moved = _transfer(frontal, driver, shapes, eyes).target(_turned(driver, turn))
    np.testing.assert_allclose(_angles(moved, shapes), np.eye(3)[axis] * max(turn), atol=1.0)


@pytest.mark.parametrize(("axis", "turn"), [(0, (9.0, 0, 0)), (1, (0, 14.0, 0)), (2, (0, 0, 11.0))])
def test_the_view_is_free(axis: int, turn: tuple, face: np.ndarray, shapes: ShapeModel, eyes: np.ndarray) -> None:
    frontal = _turned(face, tuple(-_angles(face, shapes)))
    moved = _transfer(frontal, frontal, shapes, eyes, turn=turn).target(frontal)
    np.testing.assert_allclose(_angles(moved, shapes)[axis], max(turn), atol=2.0)


def test_absolute_takes_over_the_drivers_pose(face: np.ndarray, shapes: ShapeModel, eyes: np.ndarray) -> None:
    driver = _turned(face * 2, (0, 20.0, 0))
    moved = _transfer(_turned(face, (0, -15.0, 0)), driver, shapes, eyes, relative=False).target(driver)
    np.testing.assert_allclose(_angles(moved, shapes), _angles(driver, shapes), atol=1.5)


def test_a_moving_driver_moves_the_portrait_in_its_own_size(
    face: np.ndarray, shapes: ShapeModel, eyes: np.ndarray
) -> None:
    driver = face * 4
    moved = _transfer(face, driver, shapes, eyes).target(driver + np.float32([20, -8, 0]))
    np.testing.assert_allclose(np.median(moved - face, axis=0)[:2], [5, -2], atol=0.3)
    # A head that walks out of the driver's picture must not leave the portrait's.
    gone = _transfer(face, driver, shapes, eyes).target(driver + np.float32([4000, 0, 0]))
    assert 0.1 * SIDE < np.median(gone - face, axis=0)[0] < 0.2 * SIDE


def test_lips_meet_when_the_drivers_meet(meshes: np.ndarray, shapes: ShapeModel, eyes: np.ndarray) -> None:
    opening = _lips(meshes)
    closed, half, wide = (meshes[np.abs(opening - at).argmin()] for at in (0.0, 0.1, 0.2))
    portrait = _fitted(wide)
    shut = _transfer(portrait, half, shapes, eyes).target(closed)
    assert _lips(shut[None])[0] < 0.03
    # The driver's reference is half open, the portrait wide open: from there on it opens further.
    further = _transfer(portrait, half, shapes, eyes).target(wide)
    assert _lips(further[None])[0] > _lips(portrait[None])[0] + 0.05
    upper, lower = np.array(LIPS).T
    assert (further[lower, 1] > further[upper, 1] - 0.5).all(), "lips cross"


def test_lids_meet_when_the_drivers_meet(face: np.ndarray, meshes: np.ndarray, shapes: ShapeModel) -> None:
    # The driver's eyes are half as wide as the portrait's: the same offsets would not close them.
    narrow = meshes.copy()
    for upper, lower in (*RIGHT_LIDS, *LEFT_LIDS):
        middle = (meshes[:, upper] + meshes[:, lower]) / 2
        narrow[:, [upper, lower]] = (meshes[:, [upper, lower]] + middle[:, None]) / 2
    openings = eye_openings(narrow)
    shut, awake = narrow[openings.mean(axis=1).argmin()], narrow[openings.mean(axis=1).argmax()]
    transfer = _transfer(face, awake, shapes, eye_range(openings))
    own = eye_openings(face[None])
    np.testing.assert_allclose(eye_openings(transfer.target(awake)[None]), own, rtol=0.1)
    assert (eye_openings(transfer.target(shut)[None]) < 0.4 * own).all()


def test_the_range_of_eyes_is_their_own(meshes: np.ndarray) -> None:
    closed, opened = eye_range(eye_openings(meshes))
    assert (closed < 0.14).all() and (opened > 0.2).all()
    # Somebody who never blinks within the take is not half asleep.
    steady = eye_range(np.full((20, 2), 0.3))
    assert (steady[0] <= 0.13).all() and (steady[1] == 0.3).all()


def test_size_ratio_of_linear_images() -> None:
    points = np.random.default_rng(0).normal(size=(50, 3))
    assert size_ratio(points * (1.2, 1.1, 1.0), points) == pytest.approx(np.sqrt(1.2 * 1.1))
    assert size_ratio(points, points * 10) == 0.7


def test_a_lost_face_holds_and_comes_back_gently() -> None:
    rest, there = np.zeros((478, 3), np.float32), np.ones((478, 3), np.float32)
    settle = Settle(rest, ramp=0.4)
    assert settle.at(None, 0.0).max() == 0
    shown = [float(settle.at(there, 0.1 * step)[0, 0]) for step in range(1, 7)]
    assert shown[0] == 0 and shown[2] == pytest.approx(0.5) and shown[4:] == [1, 1]
    assert settle.at(None, 0.8).min() == 1, "the last motion is held"
    assert settle.at(3 * there, 0.9).max() == 1
    assert settle.at(3 * there, 2.0).max() == 3
    assert settle.at(there, 2.1, jump=True).max() == 3, "a cut of the driver is no cut of the portrait"


def test_the_first_frame_needs_no_easing() -> None:
    there = np.ones((478, 3), np.float32)
    assert Settle(np.zeros((478, 3), np.float32)).at(there, 0.0, jump=True).min() == 1


def test_turns_add_up_to_the_angles_of_poses() -> None:
    rotation = turned(10.0, -20.0, 30.0)[None]
    angles = Poses(np.ones(1), rotation, np.zeros((1, 3))).angles[0]
    np.testing.assert_allclose(angles[:2], [10.0, -20.0], atol=1e-9)
    assert angles[2] == pytest.approx(30.0, abs=5.0)
    np.testing.assert_allclose(rotation[0] @ rotation[0].T, np.eye(3), atol=1e-12)
