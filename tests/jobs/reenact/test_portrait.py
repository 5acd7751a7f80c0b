"""The portrait's crop, and how a network sees a face."""

from __future__ import annotations

import numpy as np
import pytest

from dubtool.face.portrait_crop import portrait_crop
from dubtool.face.portrait_points import (
    DRAWING_CHANNELS,
    KEYPOINTS,
    LEFT_EYE,
    MIRRORED,
    RIGID,
    draw_portrait,
    keypoints,
)
from dubtool.face.topology import INNER_LIP

SIDE = 128


def face(gap: float = 6.0) -> np.ndarray:
    """Landmarks of nobody in particular, with an open mouth and eyes, in a crop of 128 px."""
    points = np.random.default_rng(3).uniform(30, 98, (478, 3)).astype(np.float32)
    for ring, centre, across, down in ((INNER_LIP, (64, 90), 14, gap), (LEFT_EYE, (80, 50), 9, 4)):
        angle = np.linspace(0, 2 * np.pi, len(ring), endpoint=False)
        points[list(ring), 0] = centre[0] + across * np.cos(angle)
        points[list(ring), 1] = centre[1] + down * np.sin(angle)
    points[473, :2] = points[474:478, :2] = (80, 50)
    points[474, 0] += 3
    points[476, 0] -= 3
    points[475, 1] += 3
    points[477, 1] -= 3
    return points


def box(low: tuple[float, float], high: tuple[float, float]) -> np.ndarray:
    return np.array([low, high, ((low[0] + high[0]) / 2, (low[1] + high[1]) / 2)])


def test_the_crop_holds_the_face_with_room_above() -> None:
    matrix = portrait_crop(box((100, 200), (180, 300)), 256)
    top, bottom, left, right = (matrix[:, :2] @ point + matrix[:, 2] for point in ((140, 200), (140, 300), (100, 250),
                                                                                  (180, 250)))  # fmt: skip
    assert bottom[1] - top[1] == pytest.approx(256 / 1.75)
    assert top[1] > 255 - bottom[1]
    assert left[0] == pytest.approx(255 - right[0])


def test_pixels_that_are_not_square_become_so() -> None:
    matrix = portrait_crop(box((100, 200), (140, 300)), 256, pixel_aspect=2.0)
    assert matrix[0, 0] == pytest.approx(2 * matrix[1, 1])


def test_a_crop_of_twice_the_side_is_the_same_crop() -> None:
    small, large = (portrait_crop(box((100, 200), (180, 300)), side) for side in (128, 256))
    assert np.allclose(2 * (small[:, 2] + 0.5) - 0.5, large[:, 2])


def test_keypoints_lie_between_the_crops_edges() -> None:
    corners = np.zeros((2, 478, 3), np.float32)
    corners[0], corners[1] = -0.5, SIDE - 0.5
    found = keypoints(corners, SIDE)
    assert found.shape == (2, len(KEYPOINTS), 2) and found.dtype == np.float32
    assert (found[0] == -1).all() and (found[1] == 1).all()


def test_no_keypoint_twice_and_mirroring_twice_changes_nothing() -> None:
    assert len(set(KEYPOINTS)) == len(KEYPOINTS) and KEYPOINTS[: len(RIGID)] == RIGID
    assert [MIRRORED[MIRRORED[k]] for k in range(len(KEYPOINTS))] == list(range(len(KEYPOINTS)))
    # A mirrored skull is a skull.
    assert all(MIRRORED[k] < len(RIGID) for k in range(len(RIGID)))
    assert KEYPOINTS[MIRRORED[KEYPOINTS.index(33)]] == 263


def test_the_drawing_tells_how_far_a_mouth_is_open() -> None:
    wide, narrow = draw_portrait(face(8), SIDE), draw_portrait(face(2), SIDE)
    assert wide.shape == (DRAWING_CHANNELS, SIDE, SIDE) and wide.dtype == np.uint8
    assert wide[0].sum() > 2.5 * narrow[0].sum()
    assert wide[0, 90, 64] == 255 and wide[1, 90, 64] == 0


def test_an_iris_is_drawn_only_within_the_open_eye() -> None:
    drawing = draw_portrait(face(), SIDE)
    assert drawing[3, 50, 80] == 255
    assert (drawing[3] <= drawing[2]).all()
