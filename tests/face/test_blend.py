from __future__ import annotations

import cv2
import numpy as np
import pytest

from dubtool.face.blend import Placed, light_between, match_colour, paste_change, paste_crop, to_mouth_box
from dubtool.face.crop import CropSize, to_pixels
from dubtool.face.grain_match import Compared
from dubtool.media.color import Color
from dubtool.media.frame import Frame
from dubtool.media.interlace import FieldOrder
from dubtool.media.pixels import layout_of

COLOR = Color("tv", "bt709", "bt709", "bt709")


def disc(side: int, radius: float, feather: float = 6.0) -> np.ndarray:
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    return np.clip((radius - np.hypot(x, y)) / feather, 0, 1).astype(np.float32)


def test_a_constant_colour_error_is_taken_away() -> None:
    source = np.full((64, 64, 3), 120.0, np.float32)
    matched = match_colour(source + np.array([8.0, -6.0, 4.0], np.float32), source, disc(64, 18))
    assert np.abs(matched - source).max() < 2.5


def test_a_collar_behind_the_jaw_does_not_darken_the_chin() -> None:
    made = np.full((64, 64, 3), 180.0, np.float32)
    source = made.copy()
    source[44:] = 10.0
    matched = match_colour(made, source, disc(64, 18))
    assert np.abs(matched - made)[:40].max() < 3.0


@pytest.mark.parametrize("field_order", ["progressive", "tt"])
def test_colours_that_rgb_cannot_say_leave_nothing_behind(field_order: FieldOrder) -> None:
    """Wet lips: dark luma with more red than that can carry."""
    planes = [np.full((64, 64), 40, np.uint8), np.full((32, 32), 90, np.uint8), np.full((32, 32), 215, np.uint8)]
    frame = Frame.from_coded(planes, layout_of("420", 8), COLOR, field_order=field_order)
    rgb, beyond = frame.rgb_and_beyond((0, 0, 64, 64))
    assert np.abs(beyond).max() > 20
    np.testing.assert_array_equal(rgb, frame.rgb())
    made = np.full((64, 64, 3), (150.0, 110.0, 90.0), np.float32)
    compared = Compared(rgb.astype(np.float32), made, np.ones((64, 64), np.float32))
    Placed((0, 0, 64, 64), compared, beyond).blend(frame, 1.0)
    assert np.abs(frame.rgb().astype(int) - made).max() <= 2
    assert not frame.rgb_and_beyond((8, 8, 40, 40))[1].any()


@pytest.fixture
def frame() -> Frame:
    rng = np.random.default_rng(3)
    rgb = rng.integers(60, 200, (180, 240, 3)).astype(np.uint8)
    return Frame.from_rgb(rgb, layout_of("420", 8), COLOR)


def placed(x: float, y: float, radius: float, size: CropSize) -> np.ndarray:
    """Picture to crop px for a face whose nose bridge is at (x, y)."""
    unit = np.array([[[1 / radius, 0, -x / radius], [0, 1 / radius, -y / radius]]])
    return to_pixels(unit, size)[0]


def test_only_pixels_under_the_mask_change(frame: Frame) -> None:
    size = CropSize(64)
    before = frame.copy()
    made = np.full((64, 64, 3), 250.0, np.float32)
    paste_crop(frame, made, disc(64, 16), to_mouth_box(placed(120, 60, 40, size), size))
    changed = frame.planes[0] != before.planes[0]
    rows, columns = np.nonzero(changed)
    # The mask's radius of 16 of 64 px is 20 px here, around one radius below the nose bridge.
    assert changed.any()
    assert np.hypot(columns - 120, rows - 100).max() < 22
    assert frame.rgb((118, 98, 122, 102)).min() > 235


def test_a_mask_of_nothing_changes_nothing(frame: Frame) -> None:
    size = CropSize(64)
    before = frame.copy()
    made, mask = np.full((64, 64, 3), 250.0, np.float32), np.zeros((64, 64), np.float32)
    paste_crop(frame, made, mask, to_mouth_box(placed(120, 60, 40, size), size))
    for plane, old in zip(frame.planes, before.planes, strict=True):
        np.testing.assert_array_equal(plane, old)


@pytest.mark.parametrize(("x", "y"), [(2, 60), (238, 170), (-400, 60), (120, -60)])
def test_faces_over_the_border_are_cut_there(frame: Frame, x: float, y: float) -> None:
    size = CropSize(64)
    paste_crop(frame, np.full((64, 64, 3), 250.0, np.float32), disc(64, 16), to_mouth_box(placed(x, y, 40, size), size))


def test_paste_puts_the_picture_where_the_crop_came_from(frame: Frame) -> None:
    """Pasting back what was cropped leaves a smooth picture as it was, for a turned face too."""
    y, x = np.mgrid[:180, :240]
    smooth = np.stack([100 + 40 * np.sin(x / 30), 100 + 40 * np.cos(y / 25), 120 + 0 * x], axis=2)
    frame = Frame.from_rgb(smooth, layout_of("444", 8), COLOR)
    size = CropSize(128)
    c, s = np.cos(0.4) / 40, np.sin(0.4) / 40
    linear = np.array([[c, s], [-s, c]])
    matrix = to_pixels(np.column_stack([linear, -linear @ (120, 70)])[None], size)[0]
    from dubtool.face.crop import warp

    crop = warp(frame.rgb(), matrix, size.width, size.height)
    before = frame.rgb().astype(int)
    paste_crop(frame, crop[size.box].astype(np.float32), disc(128, 40), to_mouth_box(matrix, size))
    assert np.abs(frame.rgb().astype(int) - before).max() <= 3


def test_a_change_keeps_detail_finer_than_the_crop(frame: Frame) -> None:
    before = frame.copy()
    # A crop of 48 px of 144 px of the picture: the frame's noise is far too fine for it.
    to_crop = np.array([[1 / 3, 0, -16.0], [0, 1 / 3, -6.0]])
    change = np.full((48, 48, 3), 20.0, np.float32)
    paste_change(frame, change, disc(48, 16), to_crop)
    moved = frame.planes[0].astype(int) - before.planes[0]
    y, x = np.mgrid[: frame.height, : frame.width]
    distance = np.hypot(x / 3 - 16 - 23.5, y / 3 - 6 - 23.5)
    inside = distance < 8
    assert np.ptp(moved[inside]) <= 1 and moved[inside].mean() == pytest.approx(20 * 219 / 255, abs=1)
    assert not moved[distance > 18].any()


@pytest.mark.parametrize(("gain", "offset"), [(0.1, 0.0), (0.45, 0.0), (1.6, 0.0), (0.3, 170.0)])
def test_a_mouth_takes_on_the_light_of_its_frame(gain: float, offset: float) -> None:
    """Fades to black and white, dimming, a flash: brightness and contrast around the mask tell them."""
    rng = np.random.default_rng(3)
    usual = cv2.GaussianBlur(rng.uniform(20, 150, (96, 96, 3)).astype(np.float32), (0, 0), 4)
    usual = 90 + 4 * (usual - usual.mean())
    mask = disc(96, 30)
    light = light_between(usual, usual * gain + offset, mask)
    assert light is not None
    np.testing.assert_allclose(light.on(usual), usual * gain + offset, atol=2.5)
    np.testing.assert_allclose(light.off(light.on(usual)), usual, atol=0.1)


def test_the_same_light_is_left_alone() -> None:
    rng = np.random.default_rng(3)
    usual = cv2.GaussianBlur(rng.uniform(20, 150, (96, 96, 3)).astype(np.float32), (0, 0), 4)
    assert light_between(usual, usual * 1.03 + 2, disc(96, 30)) is None


def test_another_picture_that_shines_through_lends_no_contrast() -> None:
    rng = np.random.default_rng(3)
    face, other = (cv2.GaussianBlur(rng.uniform(0, 255, (96, 96, 3)).astype(np.float32), (0, 0), 3) for _ in range(2))
    light = light_between(face, 0.05 * face + 0.95 * (200 - 2 * (other - other.mean())), disc(96, 30))
    assert light is not None
    assert light.gain.max() < 0.35
