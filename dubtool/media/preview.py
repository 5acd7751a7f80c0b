"""Two frames side by side, as a small picture."""

from __future__ import annotations

import numpy as np

from dubtool.media.color import Color
from dubtool.media.frame import Frame
from dubtool.media.pixels import layout_of

_MAX_WIDTH = 960
_COLOR = Color("tv", "bt709", "bt709", "bt709")


def side_by_side(left: Frame, right: Frame, widest: int = _MAX_WIDTH) -> Frame:
    """One 8-bit 4:2:0 frame of both, each at most `widest` px wide, sides even."""
    scale = min(1.0, widest / left.width)
    pair = [frame.rgb(scale=scale) if scale < 1 else frame.rgb() for frame in (left, right)]
    height, width = (side - side % 2 or 1 for side in pair[0].shape[:2])
    both = np.concatenate([picture[:height, :width] for picture in pair], axis=1)
    return Frame.from_rgb(both, layout_of("420", 8), _COLOR)
