from __future__ import annotations

import numpy as np

from dubtool.face.crop import CropSize
from dubtool.face.mask import mouth_mask

HIDDEN = (0.42, 2.0, -0.9, 0.9)


def mouth(centre_y: float, half_width: float = 0.5, half_height: float = 0.2) -> np.ndarray:
    """55 points of an ellipse around (0, centre_y) in the unit crop."""
    turn = np.linspace(0, 2 * np.pi, 55, endpoint=False)
    return np.stack([half_width * np.cos(turn), centre_y + half_height * np.sin(turn)], axis=1)


def test_mask_is_full_on_the_mouth_and_zero_on_the_border() -> None:
    size = CropSize(128)
    mask = mouth_mask(mouth(1.2)[None], size, HIDDEN)
    assert mask.shape == (128, 128)
    # (0, 1.2) in radii is column 64, row 1.2 * 64 of the mouth box.
    assert mask[round(1.2 * 64), 64] > 0.99
    border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    assert border.max() == 0.0


def test_mask_is_zero_where_nothing_was_generated() -> None:
    size = CropSize(128)
    mask = mouth_mask(mouth(0.5)[None], size, HIDDEN)
    top = round(0.42 * 64)
    assert mask[: top - 1].max() == 0.0
    assert mask[top + 20, 64] > 0.5


def test_mask_covers_the_new_and_the_old_mouth() -> None:
    size = CropSize(64)
    both = mouth_mask(np.stack([mouth(1.0), mouth(1.5)]), size, HIDDEN)
    for y in (1.0, 1.5):
        assert both[round(y * 32), 32] > 0.95
    one = mouth_mask(mouth(1.0, half_height=0.1)[None], size, HIDDEN)
    assert one[round(1.6 * 32), 32] < 0.1


def test_feather_has_no_step() -> None:
    mask = mouth_mask(mouth(1.2)[None], CropSize(128), HIDDEN)
    assert np.abs(np.diff(mask, axis=0)).max() < 0.2
    assert np.abs(np.diff(mask, axis=1)).max() < 0.2
