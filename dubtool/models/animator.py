"""What animates a portrait: a network, or a plain warp."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class Animator(Protocol):
    """Draws one portrait with its face moved. side: of the square crops, px. device: where it runs."""

    @property
    def side(self) -> int: ...

    @property
    def device(self) -> str: ...

    def set_portrait(self, picture: np.ndarray, landmarks: np.ndarray) -> None:
        """Take the crop of a face, kept until the next call.

        picture: uint8 [S, S, 3]. landmarks: float32 [478, 3], x and y in px of the crop, z in the same unit.
        """
        ...

    def animate(self, landmarks: np.ndarray) -> np.ndarray:
        """The crop with its face at other landmarks [B, 478, 3]: float32 [B, S, S, 3] in 0..255."""
        ...
