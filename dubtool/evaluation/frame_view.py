"""How frames are looked at when a dub is held against real ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dubtool.media.frame import Frame
from dubtool.media.sampling import Box

# RGB uint8 [H, W, 3] of a box of a frame, of the whole frame for None; `Frame.rgb` is one.
Look = Callable[[Frame, Box | None], np.ndarray]


def grey(frame: Frame, box: Box | None = None) -> np.ndarray:
    """Luma alone, as grey RGB: whoever wrote a video without saying by which matrix has not changed that."""
    neutral = 2 ** (frame.layout.depth - 1)
    planes = [frame.planes[0], *(np.full_like(plane, neutral) for plane in frame.planes[1:])]
    return Frame(planes, frame.layout, frame.color, rotation=frame.rotation).rgb(box)
