"""Grey values, as every measure here takes them."""

from __future__ import annotations

import numpy as np

# ITU-R BT.601, the weights behind the published tables (OpenCV's RGB to grey).
_LUMA = np.array([0.299, 0.587, 0.114])


def luma(image: np.ndarray) -> np.ndarray:
    """Luma of an RGB picture [H, W, 3], 0..255, unrounded: float64 [H, W]. A grey picture [H, W] stays as it is."""
    if image.ndim == 2:
        return image.astype(np.float64)
    return image.astype(np.float64) @ _LUMA
