"""Whether a dub leaves alone what it should not touch."""

from __future__ import annotations

import numpy as np


def largest_outside(dub: np.ndarray, source: np.ndarray, region: np.ndarray) -> int:
    """Largest difference of any sample outside `region`: 0 if nothing was touched there.

    dub, source: integer pictures of one shape, [H, W] or [H, W, C], as decoded from a lossless output. region: bool
    [H, W], where the dub may differ (the mask's bounding box, or where the mask is not 0).
    """
    apart = np.abs(dub.astype(np.int64) - source.astype(np.int64))[~region]
    return int(apart.max()) if apart.size else 0
