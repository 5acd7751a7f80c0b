from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from dubtool.media.color import BT709_LIMITED, Color
from dubtool.media.frame import Frame
from dubtool.media.interlace import FieldOrder
from dubtool.media.pixels import layout_of
from dubtool.media.sampling import cut

WIDTH, HEIGHT = 96, 64


def smooth(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """A picture uint8 [H, W, 3] that changes slowly, another way in every channel."""
    y, x = np.mgrid[:height, :width].astype(np.float64)
    parts = (60 + x, 200 - 2 * y, 100 + 30 * np.sin((x + y) / 20))
    return np.rint(np.stack(parts, axis=-1)).astype(np.uint8)


def scaled(scale: float) -> np.ndarray:
    """Picture to crop px, edges on edges."""
    return np.array([[scale, 0, (scale - 1) / 2], [0, scale, (scale - 1) / 2]])


@pytest.mark.parametrize("scale", [1.7, 1.0, 0.6, 0.5, 0.3, 0.125])
def test_a_crop_is_the_picture_at_any_scale(scale: float) -> None:
    size = int(WIDTH * scale), int(HEIGHT * scale)
    crop = cut(smooth(), scaled(scale), *size, beyond=None).astype(float)
    x = (np.arange(size[0]) + 0.5) / scale - 0.5
    inner = slice(2, -2) if size[1] > 8 else slice(1, -1)
    np.testing.assert_allclose(crop[inner, inner, 0], np.broadcast_to(60 + x, crop.shape[:2])[inner, inner], atol=1.1)


def test_what_is_finer_than_the_crop_is_averaged() -> None:
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 200
    assert np.ptp(cut(stripes, scaled(0.25), 16, 16)[2:-2, 2:-2]) == 0


def test_beyond_the_picture_is_grey_or_its_border() -> None:
    far = np.array([[1.0, 0, 40], [0, 1, 0]])
    assert (cut(smooth(), far, 20, 20)[:, :20] == 128).all()
    np.testing.assert_array_equal(cut(smooth(), far, 20, 20, None)[:, 5], smooth()[:20, 0])


@pytest.mark.parametrize("rotation", [0, 90, 180])
@pytest.mark.parametrize(
    ("chroma", "depth", "color"),
    [
        ("420", 8, BT709_LIMITED),
        ("444", 10, BT709_LIMITED),
        ("400", 8, BT709_LIMITED),
        ("422", 8, Color("pc", "bt709")),
    ],
)
def test_planes_are_sampled_as_their_picture_is(chroma: str, depth: int, color: Color, rotation: int) -> None:
    upright = Frame.from_rgb(smooth(96, 96), layout_of(chroma, depth), color, time=Fraction(0))
    frame = Frame.from_coded(upright.coded_planes(), upright.layout, color, rotation=rotation)
    matrix = np.array([[0.7, 0.2, -20.0], [-0.2, 0.7, -9.0]])
    apart = np.abs(frame.sampled_rgb(matrix, 40, 30).astype(int) - cut(frame.rgb(), matrix, 40, 30))
    assert apart.max() <= 3
    assert apart.mean() < 0.7


@pytest.mark.parametrize(
    ("depth", "color", "fields"),
    [(10, Color("tv", "bt2020nc", "bt2020", "smpte2084"), "progressive"), (8, BT709_LIMITED, "tt")],
)
def test_hdr_and_interlaced_planes_are_sampled_nearly_as_their_picture_is(
    depth: int, color: Color, fields: FieldOrder
) -> None:
    sdr = Frame.from_rgb(smooth(96, 96), layout_of("420", depth), replace(color, trc="bt709"), time=Fraction(0))
    frame = Frame(sdr.planes, sdr.layout, color, field_order=fields)
    matrix = np.array([[0.7, 0.2, -20.0], [-0.2, 0.7, -9.0]])
    inner = np.s_[4:-4, 4:-4]
    apart = np.abs(frame.sampled_rgb(matrix, 40, 30).astype(int) - cut(frame.rgb(), matrix, 40, 30))[inner]
    assert apart.mean() < 1.0
    assert np.percentile(apart, 99) <= 4
