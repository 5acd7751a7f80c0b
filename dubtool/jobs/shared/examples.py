"""Frames of one person as a generator sees them: what it can be taught on, and measured on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Examples:
    """N frames with the mouth shapes that they themselves show.

    crops: uint8 [N, H, W, 3]. drawings: uint8 [N, 3, H, W], of the mouths (`draw.draw_mouth`). shapes: float32
    [N, K, steps]. mouths: float32 [N, 55, 2] in unit crops.
    """

    crops: np.ndarray
    drawings: np.ndarray
    shapes: np.ndarray
    mouths: np.ndarray

    def __len__(self) -> int:
        return len(self.crops)

    def __getitem__(self, rows: slice | np.ndarray) -> Examples:
        return Examples(self.crops[rows], self.drawings[rows], self.shapes[rows], self.mouths[rows])
