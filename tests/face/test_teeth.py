"""Crops, masks and contours of drawn mouths whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from dubtool.face.crop import apply
from dubtool.face.shape import MOUTH
from dubtool.face.teeth import (
    LIPS,
    draw_contour,
    hide_lips,
    landmarks_of_mouths,
    lips_box,
    lower_face_mask,
    teeth_crops,
    teeth_landmarks,
    teeth_mask,
    teeth_shown,
)
from dubtool.face.topology import IBUG_68, TRACKED

SIDE = 96
SKIN, LIP, TOOTH = (200, 150, 120), (180, 60, 60), (240, 236, 225)


def lips(gap: float, centre: tuple[float, float] = (48.0, 50.0)) -> np.ndarray:
    """Outer lips as a diamond of 40 x (gap + 16), inner ones of 24 x gap: 12 + 8 points."""
    return np.concatenate([_diamond(12, 20, gap / 2 + 8), _diamond(8, 12, gap / 2)]) + centre


def _diamond(count: int, across: float, down: float) -> np.ndarray:
    """Points from the left corner on over the top, on straight lines."""
    way = np.arange(count) * 4 / count
    x = np.interp(way, [0, 1, 2, 3, 4], [-across, 0, across, 0, -across])
    y = np.interp(way, [0, 1, 2, 3, 4], [0, -down, 0, down, 0])
    return np.stack([x, y], axis=1)


def picture(points: np.ndarray) -> np.ndarray:
    """Skin, lips and teeth in flat colours, by the half-planes of the diamonds."""
    y, x = np.mgrid[:SIDE, :SIDE]
    crop = np.full((SIDE, SIDE, 3), SKIN, np.uint8)
    for part, colour in ((points[:12], LIP), (points[12:], TOOTH)):
        (cx, cy), across, down = part.mean(axis=0), np.ptp(part[:, 0]) / 2, max(np.ptp(part[:, 1]) / 2, 1e-6)
        crop[np.abs(x - cx) / across + np.abs(y - cy) / down <= 1] = colour
    return crop


def landmarks(turn: float = 0.0, size: float = 1.0, shift: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """A face's 22 points: nose tip at (0, -30), chin at (0, 60), corners of the mouth at (-20, 10), (20, 10)."""
    points = np.concatenate([[(0, -30), (0, 60)], lips(10, (0.0, 10.0))]) * size
    c, s = np.cos(turn), np.sin(turn)
    return points @ np.array([[c, s], [-s, c]]) + shift


def test_the_crop_is_a_square_from_nose_tip_to_chin() -> None:
    matrix = teeth_crops(landmarks()[None], np.zeros(1), SIDE)
    points = apply(matrix, landmarks()[None])[0]
    np.testing.assert_allclose(points[:2], [(47.5, -0.5), (47.5, 95.5)])
    # The sides are as far from the corners of the mouth as the height demands: 25 of 90 on both.
    np.testing.assert_allclose(points[[2, 8], 0], [-0.5 + 25 / 90 * 96, 95.5 - 25 / 90 * 96])


@pytest.mark.parametrize("turn", [-0.6, 0.25, 1.4])
@pytest.mark.parametrize("size", [0.3, 7.0])
def test_the_crop_is_upright_at_any_size_and_angle(turn: float, size: float) -> None:
    usual = apply(teeth_crops(landmarks()[None], np.zeros(1), SIDE), landmarks()[None])
    turned = landmarks(turn, size, (400.0, -30.0))[None]
    np.testing.assert_allclose(apply(teeth_crops(turned, np.array([turn]), SIDE), turned), usual, atol=1e-9)


def test_pixels_that_are_not_square_make_no_flat_mouths() -> None:
    squeezed = landmarks()[None] / (1.5, 1.0)
    usual = apply(teeth_crops(landmarks()[None], np.zeros(1), SIDE), landmarks()[None])
    np.testing.assert_allclose(apply(teeth_crops(squeezed, np.zeros(1), SIDE, 1.5), squeezed), usual)


def test_a_face_without_extent_gives_a_matrix_of_numbers() -> None:
    assert np.isfinite(teeth_crops(np.zeros((1, 22, 2)), np.zeros(1), SIDE)).all()


def test_the_lips_and_all_within_are_black_and_nothing_else() -> None:
    points = lips(12)
    crop = picture(points)
    hidden = hide_lips(crop, points)
    black = (hidden == 0).all(axis=2)
    assert black[crop[..., 0] == SKIN[0]].sum() < 90, "the outline of the polygon is all that spills over"
    assert black[(crop == LIP).all(axis=2) | (crop == TOOTH).all(axis=2)].mean() > 0.99
    np.testing.assert_array_equal(hidden[~black], crop[~black])
    assert crop[50, 48].tolist() == list(TOOTH), "the crop itself is not drawn on"


def test_the_contour_has_the_mean_colours_and_a_black_line() -> None:
    points = lips(12)
    crop = picture(points)
    crop[50, 40:56] = (0, 0, 0)
    contour = draw_contour(crop, points)
    inside = contour[50, 44]
    flat = {tuple(colour) for colour in contour.reshape(-1, 3).tolist()}
    assert len(flat) == 3 and (0, 0, 0) in flat
    # 16 black pixels among some 160 of teeth: darker by a tenth.
    assert 0.8 * TOOTH[0] < inside[0] < 0.95 * TOOTH[0]
    ring = contour[50 - 10, 48]
    assert np.abs(ring.astype(int) - LIP).max() < 12
    assert contour[44, 48].tolist() == [0, 0, 0], "the inner lips' top corner lies on the line"
    assert not contour[:30].any() and not contour[70:].any()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("centre", [(48.0, 50.0), (-300.0, 50.0)])
def test_a_closed_mouth_and_one_out_of_sight_are_drawn_without_a_warning(centre: tuple[float, float]) -> None:
    points = lips(0, centre)
    contour = draw_contour(picture(lips(0)), points)
    assert contour.dtype == np.uint8
    colours = {tuple(colour) for colour in contour.reshape(-1, 3).tolist()}
    assert len(colours) == (2 if centre[0] > 0 else 1), "lips without teeth, or nothing at all"


def test_how_much_of_the_teeth_is_to_be_seen() -> None:
    gaps = [0, 1, 3, 5, 10, 20]
    shown = teeth_shown(np.stack([lips(gap) for gap in gaps]), SIDE)
    # The mean height of a diamond is half of its gap: 1.44 px of 96 begin to count, 4.32 count in full.
    assert shown[0] == shown[1] == 0
    assert 0 < shown[2] < shown[3] < 1
    assert shown[4] == shown[5] == 1
    degenerate = teeth_shown(np.zeros((1, 20, 2)), SIDE)
    assert degenerate.tolist() == [0.0]


def test_the_mask_covers_the_lips_and_ends_before_the_edge() -> None:
    mask = teeth_mask(lips(12), SIDE)
    assert mask.dtype == np.float32
    assert mask[50, 48] > 0.99 and mask[50, 32] > 0.6
    assert mask[20, 48] < 1e-3
    wide = teeth_mask(lips(12) * 3 - 96, SIDE)
    edge = np.concatenate([wide[0], wide[-1], wide[:, 0], wide[:, -1]])
    assert (edge == 0).all() and wide[48, 48] > 0.99


def test_the_box_of_lips_is_never_empty() -> None:
    assert lips_box(lips(12), SIDE) == (slice(36, 65), slice(28, 69))
    rows, columns = lips_box(lips(12, (500.0, 50.0)), SIDE)
    assert rows.stop > rows.start and columns.stop > columns.start


def test_landmarks_of_tracks_and_of_mouths_are_the_same_points() -> None:
    mesh = np.random.default_rng(0).normal(size=(478, 3))
    of_track = teeth_landmarks(mesh[None, list(TRACKED)])[0]
    np.testing.assert_array_equal(of_track[:2], mesh[[IBUG_68[30], IBUG_68[8]], :2])
    np.testing.assert_array_equal(of_track[LIPS], mesh[list(IBUG_68[48:68]), :2])
    of_mouth = landmarks_of_mouths(mesh[None, IBUG_68[30], :2], mesh[None, list(MOUTH)])
    np.testing.assert_array_equal(of_mouth[0], of_track)


def test_a_wider_crop_is_about_the_same_middle() -> None:
    usual, wide = (teeth_crops(landmarks()[None], np.zeros(1), SIDE, reach=reach) for reach in (1.0, 1.5))
    middle = (SIDE - 1) / 2
    near, far = (apply(matrix, landmarks()[None])[0] - middle for matrix in (usual, wide))
    np.testing.assert_allclose(far, near / 1.5, atol=1e-9)


def test_the_mask_of_the_lower_face_ends_within_it_and_before_the_crop_does() -> None:
    face = np.array([(-20.0, 20.0), (70.0, 20.0), (70.0, 60.0), (25.0, 90.0), (-20.0, 60.0)])
    mask = lower_face_mask(face, SIDE)
    assert mask.shape == (SIDE, SIDE) and mask.dtype == np.float32
    assert mask[45, 30] == pytest.approx(1.0, abs=1e-3)
    assert mask[:20].max() < 0.01 and mask[:, 71:].max() < 0.01 and mask[92:].max() == 0
    assert mask[:, 0].max() == 0
    assert 0 < mask[45, 4] < 1
