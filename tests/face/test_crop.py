from __future__ import annotations

import numpy as np
import pytest

from dubtool.face.crop import CropSize, apply, crop_frames, to_pixels, warp
from dubtool.face.pose import Poses
from dubtool.face.topology import IBUG_68, TRACKED, tracked

BRIDGE, BASE, RIGHT_CORNER, LEFT_CORNER, CHIN = (tracked((IBUG_68[place],))[0] for place in (29, 33, 48, 54, 8))


def make_head() -> np.ndarray:
    """A head [P, 3]: bridge at the origin, base 0.4 below it, mouth 0.6 wide, chin 1.6 below the bridge."""
    head = np.random.default_rng(0).uniform(-0.5, 0.5, (len(TRACKED), 3))
    head[BRIDGE], head[BASE], head[CHIN] = (0, 0, 0), (0, 0.4, 0), (0, 1.6, 0)
    head[RIGHT_CORNER], head[LEFT_CORNER] = (-0.3, 0.9, 0), (0.3, 0.9, 0)
    return head


HEAD = make_head()
# Of the face's drop from the bridge and its mouth's width the larger, 5 % more, halved.
RADIUS = 1.6 * 1.05 / 2


def rolled(degrees: np.ndarray) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    zero, one = np.zeros_like(c), np.ones_like(c)
    return np.stack([c, -s, zero, s, c, zero, zero, zero, one], -1).reshape(-1, 3, 3)


def poses_of(scale: list[float], degrees: list[float], places: list[tuple[float, float]]) -> Poses:
    translation = np.array([(*place, 0.0) for place in places])
    return Poses(np.array(scale), rolled(np.array(degrees, float)), translation)


def unit_crops(poses: Poses, head: np.ndarray = HEAD, **how: float) -> np.ndarray:
    return crop_frames(poses, poses.to_picture(head[None]), np.arange(len(poses)), head, **how)


@pytest.mark.parametrize(("mouth", "width", "height"), [(256, 320, 416), (128, 160, 208), (64, 80, 104)])
def test_sizes_are_the_paper_s(mouth: int, width: int, height: int) -> None:
    size = CropSize(mouth)
    assert (size.width, size.height) == (width, height)
    rows, columns = size.box
    assert (rows.start, rows.stop) == (mouth // 2, mouth // 2 + mouth)
    assert (columns.start, columns.stop) == (mouth // 8, mouth // 8 + mouth)


def test_the_nose_is_where_the_unit_crop_says() -> None:
    poses = poses_of([100.0], [0.0], [(320, 240)])
    placed = apply(unit_crops(poses), poses.to_picture(HEAD[None]))[0]
    np.testing.assert_allclose(placed[BRIDGE], (0, 0), atol=1e-9)
    np.testing.assert_allclose(placed[BASE], (0, 0.4 / RADIUS), atol=1e-9)
    np.testing.assert_allclose(placed[CHIN], (0, 2 / 1.05), atol=1e-9)


def test_crops_follow_place_roll_and_distance() -> None:
    poses = poses_of([50.0, 100.0, 180.0], [0.0, 30.0, -75.0], [(100, 80), (320, 240), (-20, 700)])
    placed = apply(unit_crops(poses), poses.to_picture(HEAD[None]))
    np.testing.assert_allclose(placed[1], placed[0], atol=1e-9)
    np.testing.assert_allclose(placed[2], placed[0], atol=1e-9)


def test_a_moving_mouth_does_not_move_the_crop() -> None:
    poses = poses_of([100.0] * 2, [0.0] * 2, [(320, 240)] * 2)
    points = poses.to_picture(HEAD[None])
    points[1, [RIGHT_CORNER, LEFT_CORNER]] += (5, 5, 0)
    unit = crop_frames(poses, points, np.arange(2), HEAD)
    np.testing.assert_allclose(unit[1], unit[0], atol=1e-12)


def test_one_bad_frame_does_not_widen_all_crops() -> None:
    poses = poses_of([100.0] * 100, [0.0] * 100, [(320, 240)] * 100)
    points = poses.to_picture(HEAD[None])
    points[40, CHIN, 1] += 400
    unit = crop_frames(poses, points, np.arange(100), HEAD)
    assert unit[0, 0, 0] == pytest.approx(1 / (RADIUS * 100))


def test_wide_pixels_are_undone() -> None:
    poses = poses_of([100.0], [0.0], [(320, 240)])
    matrix = unit_crops(poses, pixel_aspect=2.0)[0]
    # A circle on the screen is half as many pixels wide as high.
    assert matrix[0, 0] / matrix[1, 1] == pytest.approx(2.0)
    np.testing.assert_allclose(apply(matrix[None], poses.to_picture(HEAD[None]))[0, BRIDGE], (0, 0), atol=1e-9)


def test_pixels_put_the_unit_crop_s_box_on_the_mouth_box() -> None:
    size = CropSize(128)
    matrix = to_pixels(np.array([[[1.0, 0, 0], [0, 1.0, 0]]]), size)
    corners = apply(matrix, np.array([[[-1.0, 0.0], [1.0, 2.0], [-1.25, -1.0], [1.25, 2.25]]]))[0]
    rows, columns = size.box
    # Edges of pixels lie half a pixel before their centres.
    np.testing.assert_allclose(corners[0], (columns.start - 0.5, rows.start - 0.5))
    np.testing.assert_allclose(corners[1], (columns.stop - 0.5, rows.stop - 0.5))
    np.testing.assert_allclose(corners[2], (-0.5, -0.5))
    np.testing.assert_allclose(corners[3], (size.width - 0.5, size.height - 0.5))


def test_pixels_leave_the_unit_crops_alone() -> None:
    unit = np.array([[[1.0, 0, 0], [0, 1.0, 0]]])
    to_pixels(unit, CropSize(64))
    np.testing.assert_array_equal(unit, [[[1.0, 0, 0], [0, 1.0, 0]]])


def test_a_warp_carries_pixels_where_points_go() -> None:
    rgb = np.zeros((60, 80, 3), np.uint8)
    rgb[21, 34] = (10, 200, 30)
    matrix = np.array([[1.0, 0.0, -30.0], [0.0, 1.0, -15.0]])
    crop = warp(rgb, matrix, 16, 12)
    assert crop.shape == (12, 16, 3)
    np.testing.assert_array_equal(crop[6, 4], (10, 200, 30))
    assert crop.sum() == 240


def test_beyond_the_border_the_border_goes_on() -> None:
    rgb = np.tile(np.arange(10, dtype=np.uint8)[:, None, None] * 20, (1, 10, 3))
    crop = warp(rgb, np.array([[1.0, 0, 5.0], [0, 1.0, 5.0]]), 20, 20)
    assert np.all(crop[:5] == 0) and np.all(crop[16:] == 180)


@pytest.mark.parametrize("shrink", [3.0, 4.0, 7.5])
def test_shrinking_averages_instead_of_picking(shrink: float) -> None:
    board = np.indices((240, 240)).sum(axis=0) % 2 * 255
    rgb = np.repeat(board[..., None].astype(np.uint8), 3, axis=2)
    crop = warp(rgb, np.array([[1 / shrink, 0, 0], [0, 1 / shrink, 0]]), 24, 24)
    assert np.abs(crop[2:-2, 2:-2].astype(float) - 127.5).max() < 40


@pytest.mark.parametrize("shrink", [1.5, 2.5, 6.0])
def test_shrinking_does_not_shift(shrink: float) -> None:
    ramp = np.tile(np.arange(240, dtype=np.float32)[None, :, None], (240, 1, 3)).astype(np.uint8)
    crop = warp(ramp, np.array([[1 / shrink, 0, 0], [0, 1 / shrink, 0]]), 30, 30)
    np.testing.assert_allclose(crop[10, 5:25, 0], np.arange(5, 25) * shrink, atol=1.01)
