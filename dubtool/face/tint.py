"""Film without colours of its own: black and white, sepia, tinted. What is drawn into it gets its tint, and no other.

A network that has learned red lips paints them into a gray face as well. In such film the colour of every pixel follows
from its brightness, and that rule is read from the picture that the mouth is put into.
"""

from __future__ import annotations

import cv2
import numpy as np

# Luma of R'G'B' (ITU-R BT.709); any weights would do that tell brightness.
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
# A colour is looked for in so many cells to a side: their means hold less noise.
_CELLS = 32
# The rule is the running mean over this share of the cells, in the order of their luma.
_AVERAGED = 0.05
# How far colours lie from the rule on average, levels of 255 in a picture of usual brightness: surely tinted, and not
# so. Clipped highlights of sepia came to 1.1, the palest of a hundred coloured films to 4.
_TINTED, _COLOURED = 1.2, 1.7
# In the dark colours are smaller, and in bright light larger.
_USUAL_LEVEL, _DARK, _BRIGHT = 100.0, 0.3, 1.5


def tinted(made: np.ndarray, source: np.ndarray) -> np.ndarray:
    """`made` in the tint of `source`, float32 [h, w, 3]; `made` itself where the source has colours.

    made, source: float32 [h, w, 3] RGB in 0..255, of one size.
    """
    share, levels, rule = _tint(source)
    if share == 0:
        return made
    level, _ = _parted(made)
    red, blue = (level + np.interp(level, levels[:, 0], each).astype(np.float32) for each in rule.T)
    green = (level - _LUMA[0] * red - _LUMA[2] * blue) / _LUMA[1]
    return np.asarray(made + np.float32(share) * (np.stack([red, green, blue], axis=-1) - made), np.float32)


def is_tinted(picture: np.ndarray) -> bool:
    """Whether a picture float32 [h, w, 3] RGB in 0..255 has no colours of its own."""
    return _tint(picture)[0] == 1


def coloured(made: np.ndarray, source: np.ndarray) -> np.ndarray:
    """The luma of `made` in the colours of `source`, pixel by pixel, float32 [h, w, 3]; both as for `tinted`."""
    return np.asarray(source + (_parted(made)[0] - _parted(source)[0])[..., None], np.float32)


def _tint(source: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """How surely a picture is tinted, 0..1, and the rule: luma [n, 1], rising, and the colours there [n, 2]."""
    height, width = source.shape[:2]
    size = (min(width, _CELLS), min(height, _CELLS))
    luma, colour = _parted(cv2.resize(source, size, interpolation=cv2.INTER_AREA).reshape(-1, 3))
    order = np.argsort(luma)
    luma, colour = luma[order], colour[order]
    reach = (1, 2 * round(_AVERAGED * len(luma) / 2) + 1)
    levels, rule = (cv2.blur(each, reach, borderType=cv2.BORDER_REPLICATE) for each in (luma[:, None], colour))
    apart = float(np.sqrt(np.square(rule - colour).mean()))
    apart /= float(np.clip(luma.mean() / _USUAL_LEVEL, _DARK, _BRIGHT))
    return float(np.clip((_COLOURED - apart) / (_COLOURED - _TINTED), 0, 1)), levels, rule


def _parted(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Luma [...], and red and blue less luma [..., 2], of RGB [..., 3]."""
    luma = picture @ _LUMA
    return luma, picture[..., ::2] - luma[..., None]
