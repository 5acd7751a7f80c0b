from __future__ import annotations

import numpy as np
import pytest

from dubtool.face.draw import DRAWING_CHANNELS, draw_mouth
from dubtool.face.topology import INNER_LIP, JAW, OUTER_LIP

OPEN, LIPS, CHIN = range(3)


def ellipse(count: int, x: float, y: float, width: float, height: float) -> np.ndarray:
    angle = np.arange(count) / count * 2 * np.pi
    return np.stack([x + width * np.cos(angle), y + height * np.sin(angle)], -1)


def mouth(x: float = 40.0, y: float = 50.0, opening: float = 8.0) -> np.ndarray:
    """Outer lip 40 x 24 px, inner lip 30 px wide, a jaw line below."""
    jaw = np.stack([np.linspace(x - 30, x + 30, len(JAW)), np.full(len(JAW), y + 25)], -1)
    parts = [ellipse(len(OUTER_LIP), x, y, 20, 12), ellipse(len(INNER_LIP), x, y, 15, opening / 2), jaw]
    return np.concatenate(parts).astype(np.float32)


def test_the_drawing_has_a_channel_for_each_part() -> None:
    drawing = draw_mouth(mouth(), 80, 100)
    assert drawing.shape == (DRAWING_CHANNELS, 100, 80)
    assert drawing.dtype == np.uint8
    assert drawing[:, 50, 40].tolist() == [255, 0, 0]  # the opening
    assert drawing[:, 41, 40].tolist() == [0, 255, 0]  # the upper lip
    assert drawing[CHIN, 75, 40] > 128
    assert drawing[:, 10, 10].tolist() == [0, 0, 0]


def test_areas_are_those_of_the_shapes() -> None:
    drawing = draw_mouth(mouth(), 80, 100).astype(float) / 255
    # OpenCV fills the outline's own pixels, too: about half a pixel more all around.
    assert drawing[OPEN].sum() == pytest.approx(np.pi * 15 * 4, rel=0.25)
    assert drawing[OPEN].sum() + drawing[LIPS].sum() == pytest.approx(np.pi * 20 * 12, rel=0.12)


def test_lips_and_opening_never_overlap() -> None:
    drawing = draw_mouth(mouth(opening=5.3), 80, 100).astype(int)
    assert (drawing[OPEN] + drawing[LIPS]).max() <= 255


def test_a_wider_mouth_is_drawn_wider() -> None:
    areas = [draw_mouth(mouth(opening=opening), 80, 100)[OPEN].sum() for opening in (2, 4, 8, 12)]
    assert areas == sorted(areas) and areas[0] < areas[-1] / 3


def test_half_a_pixel_shows() -> None:
    before, after = draw_mouth(mouth(), 80, 100), draw_mouth(mouth(x=40.5), 80, 100)
    assert np.any(before != after)
    columns = np.arange(80)
    middle = [(drawing[LIPS].sum(axis=0) * columns).sum() / drawing[LIPS].sum() for drawing in (before, after)]
    assert middle[1] - middle[0] == pytest.approx(0.5, abs=0.1)


def test_a_mouth_beyond_the_border_is_cut_off() -> None:
    drawing = draw_mouth(mouth(x=-5, y=98), 80, 100)
    assert drawing[LIPS, :, :10].any()
    assert not draw_mouth(mouth(x=-500), 80, 100).any()
