"""Putting a made mouth into the picture: colours matched to the ring around the mask, only the mask's box touched."""

from __future__ import annotations

import cv2
import numpy as np

from dubtool.face.crop import CropSize
from dubtool.face.finish import PLAIN, Compared, Finish
from dubtool.face.picture import Box
from dubtool.media.frame import Frame

# Reach of the colour correction, in sides of the mouth box: lighting changes slowly over a face.
_REACH = 0.12
# Differences that light explains, levels of 255.
_SAME_SKIN = 25.0
# Weight of "no error" inside the mask: a handful of ring pixels must not colour a whole chin.
_NO_NEWS = 0.02
_CUBIC_OVERSHOOT = 1.5


def match_colour(made: np.ndarray, source: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """`made` with its slow colour error taken away, float32 [m, m, 3].

    made, source: float [m, m, 3] in 0..255; mask [m, m]. The error is read in the mask's feather and around it, and
    carried inwards by normalised convolution (Knutsson and Westin 1993). Where the two differ by more than light and
    colour can explain, one shows a jaw and the other the collar behind it: that tells nothing.
    """
    difference = source - made
    alike = np.exp(-np.square(np.abs(difference).max(axis=2) / _SAME_SKIN))
    trust = np.square(1 - mask) * alike + _NO_NEWS * mask
    sigma = _REACH * len(mask)
    error = cv2.GaussianBlur(difference * (trust - _NO_NEWS * mask)[..., None], (0, 0), sigma)
    return made + error / (cv2.GaussianBlur(trust, (0, 0), sigma)[..., None] + 1e-6)


def paste(
    frame: Frame,
    made: np.ndarray,
    mask: np.ndarray,
    to_crop: np.ndarray,
    size: CropSize,
    finish: Finish = PLAIN,
    seed: int = 0,
) -> None:
    """Blend a mouth box into the frame, in place and at the frame's own resolution.

    made: float32 [m, m, 3] RGB 0..255. mask: [m, m], 0..1, 0 on its edges. to_crop: picture px to crop px [2, 3].
    finish, seed: what is done to the enlarged mouth before, see `Finish`.
    """
    paste_crop(frame, made, mask, _to_box(to_crop, size), finish, seed)


def paste_crop(
    frame: Frame, made: np.ndarray, mask: np.ndarray, to_crop: np.ndarray, finish: Finish = PLAIN, seed: int = 0
) -> None:
    """`paste` of a whole crop. made: float32 [h, w, 3]; mask: [h, w]; to_crop: picture px to px of `made` [2, 3]."""
    placed = _placed(frame, made, mask, to_crop)
    if placed is not None:
        box, pair = placed
        finished = np.clip(finish.applied(pair.made, seed), 0, 255)
        frame.add_rgb(box, (finished - pair.source) * pair.weight[..., None])


def paste_change(frame: Frame, change: np.ndarray, mask: np.ndarray, to_crop: np.ndarray) -> None:
    """Add a crop's change to the frame, where `mask` says so: what the frame has of finer detail stays.

    change: float32 [h, w, 3], levels of 255; mask: [h, w]; to_crop: picture px to px of both [2, 3].
    """
    placed = _placed(frame, change, mask, to_crop)
    if placed is not None:
        box, pair = placed
        frame.add_rgb(box, pair.made * pair.weight[..., None])


def compared(frame: Frame, made: np.ndarray, mask: np.ndarray, to_crop: np.ndarray, size: CropSize) -> Compared | None:
    """What `paste` would blend, left beside the frame's own pixels; None if the mask misses the frame."""
    placed = _placed(frame, made, mask, _to_box(to_crop, size))
    return None if placed is None else placed[1]


def _to_box(to_crop: np.ndarray, size: CropSize) -> np.ndarray:
    """Picture px to px of the mouth box [2, 3]."""
    rows, columns = size.box
    to_box = to_crop.copy()
    to_box[:, 2] -= (columns.start, rows.start)
    return to_box


def _placed(frame: Frame, made: np.ndarray, mask: np.ndarray, to_crop: np.ndarray) -> tuple[Box, Compared] | None:
    """The box of picture pixels that the mask reaches, and what is there."""
    box = _touched(mask, to_crop, frame.width, frame.height)
    if box is None:
        return None
    x0, y0, x1, y1 = box
    to_made = to_crop.copy()
    to_made[:, 2] += to_made[:, :2] @ (x0, y0)
    shape = (x1 - x0, y1 - y0)
    density = float(np.sqrt(abs(np.linalg.det(to_made[:, :2]))))
    if density > _CUBIC_OVERSHOOT:
        # The picture has fewer pixels than the box: without a blur they would alias.
        made = cv2.GaussianBlur(made, (0, 0), 0.4 * density)
    flags = cv2.WARP_INVERSE_MAP | (cv2.INTER_CUBIC if density < 1 else cv2.INTER_LINEAR)
    large = cv2.warpAffine(made.astype(np.float32), to_made, shape, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    weight = cv2.warpAffine(mask, to_made, shape, flags=cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR)
    return box, Compared(frame.rgb(box).astype(np.float32), large, weight)


def _touched(mask: np.ndarray, to_box: np.ndarray, width: int, height: int) -> Box | None:
    """Box of picture pixels that the mask reaches, or None."""
    ys, xs = np.nonzero(mask > 1e-3)
    if len(xs) == 0:
        return None
    corners = np.array([(x, y) for x in (xs.min() - 1, xs.max() + 1) for y in (ys.min() - 1, ys.max() + 1)], np.float64)
    back = cv2.invertAffineTransform(to_box)
    corners = corners @ back[:, :2].T + back[:, 2]
    low, high = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0)) + 1
    x0, y0 = np.maximum(low, 0).astype(int)
    x1, y1 = np.minimum(high, (width, height)).astype(int)
    return (int(x0), int(y0), int(x1), int(y1)) if x0 < x1 and y0 < y1 else None
