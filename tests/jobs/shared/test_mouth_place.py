"""Where a new mouth is put."""

from __future__ import annotations

import numpy as np
import pytest

from dubtool.face.crop import to_pixels
from dubtool.jobs.shared.mouth_place import MASK_SIZE, chin_reach, place_over
from dubtool.media.color import UNKNOWN, Color
from dubtool.media.frame import Frame
from dubtool.media.pixels import layout_of

# Picture px to the unit crop: 100 px are a face radius.
UNIT = np.array([[0.01, 0.0, -2.0], [0.0, 0.01, -0.5]])


def _mouth(chin: float) -> np.ndarray:
    """Points of lips and a jaw that ends at `chin`, in the unit crop."""
    angles = np.linspace(0, np.pi, 15)
    jaw = np.stack([0.6 * np.cos(angles), 1.0 + (chin - 1.0) * np.sin(angles)], axis=1)
    lips = np.stack([0.3 * np.cos(2 * angles), 1.1 + 0.1 * np.sin(2 * angles)], axis=1)
    return np.concatenate([lips, jaw]).astype(np.float32)


def _hidden(mouths: np.ndarray, reach: float, y: float) -> float:
    """How much of the new mouth shows in the middle of the face at `y` of the unit crop."""
    frame = Frame.from_rgb(
        np.full((400, 400, 3), 90, np.uint8), layout_of("444", 8), Color(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)
    )
    to_crop = to_pixels(UNIT[None], MASK_SIZE)[0]
    place = place_over(frame, UNIT, to_crop, mouths, mouths[0], mouths[0], reach=reach)
    assert place is not None
    left, top = place.box[:2]
    return float(place.weight[round((y + 0.5) * 100) - top, 200 - left])


def test_the_chin_of_a_gaping_mouth_is_hidden_below_a_shut_one() -> None:
    gaping = np.stack([_mouth(1.65), _mouth(1.92)])
    assert _hidden(gaping, 1.0, 1.92) < 0.6, "in the usual box it shows"
    assert _hidden(gaping, chin_reach(gaping), 1.92) > 0.75
    assert _hidden(gaping, chin_reach(gaping), 2.12) < 0.05, "the collar stays"


@pytest.mark.parametrize("chin", [1.5, 1.65, 1.8])
def test_mouths_that_speak_have_the_usual_box(chin: float) -> None:
    assert chin_reach(np.stack([_mouth(1.65), _mouth(chin)])) == pytest.approx(1.0, abs=1e-6)
