"""The warp on a real face: what moves, what stays, and what opens and closes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from dubtool.face.aperture import LIPS, RIGHT_EYE_CORNERS, RIGHT_LIDS, ring
from dubtool.face.portrait_crop import portrait_crop
from dubtool.face.warp_mesh import FACE_POINTS, triangles
from dubtool.models.piecewise_warp import WarpAnimator

SIDE = 256
_EYE = ring(RIGHT_LIDS, RIGHT_EYE_CORNERS)


@pytest.fixture(scope="module")
def face(meshes: np.ndarray) -> np.ndarray:
    """Landmarks of a closed mouth and open eyes in a crop."""
    lips = np.linalg.norm(meshes[:, 13] - meshes[:, 14], axis=-1)
    mesh = meshes[lips.argmin()]
    to_crop = portrait_crop(mesh, SIDE)
    placed = mesh * np.float32(to_crop[0, 0])
    placed[:, :2] += to_crop[:, 2].astype(np.float32)
    return placed


@pytest.fixture
def picture() -> np.ndarray:
    """Soft grey cloth with dots: nothing that a half pixel would turn upside down."""
    rng = np.random.default_rng(1)
    cloth = cv2.GaussianBlur(rng.uniform(0, 255, (SIDE, SIDE, 3)).astype(np.float32), (0, 0), 5)
    return np.clip((cloth - cloth.mean()) * 4 + 128, 0, 255).astype(np.uint8)


def _animated(picture: np.ndarray, face: np.ndarray, target: np.ndarray) -> np.ndarray:
    animator = WarpAnimator(SIDE)
    animator.set_portrait(picture, face)
    made = animator.animate(target[None])
    assert made.shape == (1, SIDE, SIDE, 3) and made.dtype == np.float32
    assert made.min() >= 0 and made.max() <= 255
    return made[0]


def test_a_face_at_rest_is_the_picture(picture: np.ndarray, face: np.ndarray) -> None:
    made = _animated(picture, face, face)
    assert np.abs(made - picture).mean() < 0.5
    assert np.abs(made - picture).max() < 12


def test_the_face_moves_and_the_border_stays(picture: np.ndarray, face: np.ndarray) -> None:
    made = _animated(picture, face, face + np.float32([6, -4, 0]))
    x, y = face[[10, 152, 234, 454], :2].mean(axis=0).astype(int)
    patch = np.s_[y - 30 : y + 30, x - 20 : x + 20]
    before = picture[y - 26 : y + 34, x - 26 : x + 14].astype(np.float32)
    assert np.abs(made[patch] - before).mean() < 2
    edge = np.ones((SIDE, SIDE), bool)
    edge[2:-2, 2:-2] = False
    assert np.abs(made - picture)[edge].mean() < 4


def test_a_closing_eye_covers_the_eyeball(picture: np.ndarray, face: np.ndarray) -> None:
    ball = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(ball, [np.rint(face[_EYE, :2]).astype(np.int32)], 1)
    picture[cv2.erode(ball, np.ones((3, 3), np.uint8)) > 0] = (0, 255, 0)
    green = _green(_animated(picture, face, face))
    assert green > 30
    shut = face.copy()
    upper, lower = np.array(RIGHT_LIDS).T
    shut[upper, :2] = shut[lower, :2] - (0, 0.3)
    assert _green(_animated(picture, face, shut)) < 0.15 * green


def _green(made: np.ndarray) -> int:
    return int(_is_green(made).sum())


def _is_green(made: np.ndarray) -> np.ndarray:
    return (made[..., 1] > 180) & (made[..., 0] < 80) & (made[..., 2] < 80)


def test_gaze_moves_the_eyeball_not_the_lids(picture: np.ndarray, face: np.ndarray) -> None:
    iris = face[468:473]
    radius = int(np.linalg.norm(iris[1, :2] - iris[0, :2]))
    cv2.circle(picture, tuple(np.rint(iris[0, :2]).astype(int).tolist()), max(radius - 1, 2), (0, 255, 0), -1)
    aside = face.copy()
    aside[468:473, 0] += 4
    columns = [np.nonzero(_is_green(_animated(picture, face, where)))[1].mean() for where in (face, aside)]
    assert columns[1] - columns[0] == pytest.approx(4, abs=1.5)


def test_a_closed_mouth_opens_into_the_dark(picture: np.ndarray, face: np.ndarray) -> None:
    open_mouth = _opened(face, 14)
    made = _animated(picture, face, open_mouth)
    x, y = open_mouth[[13, 14], :2].mean(axis=0).astype(int)
    assert made[y - 1 : y + 4, x - 4 : x + 5].max() < 80
    assert np.abs(made[:20] - picture[:20]).mean() < 1


def _opened(face: np.ndarray, by: float) -> np.ndarray:
    """The face with its chin and lower lip so many px lower."""
    lower = face[:, 1] > face[14, 1] + 2
    lower[[below for _, below in LIPS]] = True
    return face + lower[:, None] * np.float32([0, by, 0])


def test_teeth_are_covered_by_lips_not_squeezed(picture: np.ndarray, face: np.ndarray) -> None:
    laughing = _opened(face, 14)
    x, y = laughing[[13, 14], :2].mean(axis=0).astype(int)
    cv2.circle(picture, (int(x), int(y)), 4, (0, 255, 0), -1)
    half = _opened(face, 10)
    tall = [np.ptp(np.nonzero(_is_green(_animated(picture, laughing, where)))[0]) for where in (laughing, half)]
    assert tall[0] > 5 and tall[1] >= tall[0] - 1
    assert _green(_animated(picture, laughing, face)) < 5


def test_what_turns_away_lies_behind_what_turns_to_us(picture: np.ndarray, face: np.ndarray) -> None:
    # The nose tip before the far cheek, whatever the order of the mesh.
    tip = tuple(np.rint(face[4, :2]).astype(int).tolist())
    cv2.circle(picture, tip, 5, (0, 255, 0), -1)
    angle = np.radians(45)
    middle = face[:FACE_POINTS].mean(axis=0)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    for way in (turn, turn.T):
        target = ((face - middle) @ way.T + middle).astype(np.float32)
        made = _animated(picture, face, target)
        x, y = np.rint(target[4, :2]).astype(int)
        assert _green(made[y - 6 : y + 7, x - 6 : x + 7]) > 15


def test_the_mesh_is_closed() -> None:
    edges = np.sort(np.concatenate([triangles()[:, [a, b]] for a, b in ((0, 1), (1, 2), (0, 2))]), axis=1)
    _, counts = np.unique(edges, axis=0, return_counts=True)
    assert (counts == 1).sum() == 36, "only the outermost ring is an end"
    assert counts.max() == 2
