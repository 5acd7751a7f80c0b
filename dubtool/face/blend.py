"""Putting a made mouth into the picture: colours matched to the ring around the mask, only the mask's box touched."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dubtool.face.crop import CropSize
from dubtool.face.finish import PLAIN, Compared, Finish
from dubtool.face.picture import Box, within
from dubtool.media.frame import Frame

# Reach of the colour correction, in sides of the mouth box: lighting changes slowly over a face.
_REACH = 0.12
# Differences that light explains, levels of 255.
_SAME_SKIN = 25.0
# Weight of "no error" inside the mask: a handful of ring pixels must not colour a whole chin.
_NO_NEWS = 0.02
_CUBIC_OVERSHOOT = 1.5


def match_colour(made: np.ndarray, source: np.ndarray, mask: np.ndarray, side: float | None = None) -> np.ndarray:
    """`made` with its slow colour error taken away, float32 [h, w, 3].

    made, source: float [h, w, 3] in 0..255; mask [h, w]; side: of the mouth box, px; `h` if None. The error is read in
    the mask's feather and around it, and carried inwards by normalised convolution (Knutsson and Westin 1993). Where
    the two differ by more than light and colour can explain, one shows a jaw and the other the collar behind it: that
    tells nothing.
    """
    difference = source - made
    alike = np.exp(-np.square(np.abs(difference).max(axis=2) / _SAME_SKIN))
    trust = np.square(1 - mask) * alike + _NO_NEWS * mask
    sigma = _REACH * (len(mask) if side is None else side)
    error = cv2.GaussianBlur(difference * (trust - _NO_NEWS * mask)[..., None], (0, 0), sigma)
    return made + error / (cv2.GaussianBlur(trust, (0, 0), sigma)[..., None] + 1e-6)


@dataclass(frozen=True)
class Placed:
    """A made mouth over its source, both at the picture's resolution. box: of the picture, px. weight: [h, w] 0..1, how
    much of the made one is to show. source, made: float32 [h, w, 3]."""

    box: Box
    pair: Compared

    def blend(self, frame: Frame, share: float, finish: Finish = PLAIN, seed: int = 0) -> None:
        """Blend `share` 0..1 of it into the frame, in place. finish, seed: see `Finish`."""
        finished = np.clip(finish.applied(self.pair.made, seed), 0, 255)
        frame.add_rgb(self.box, (finished - self.pair.source) * (self.pair.weight * np.float32(share))[..., None])


def place(frame: Frame, made: np.ndarray, mask: np.ndarray, to_crop: np.ndarray) -> Placed | None:
    """Enlarge a made crop to the frame's own resolution; None if the mask misses the frame.

    made: float32 [h, w, 3] RGB 0..255. mask: [h, w], 0..1, 0 on its edges. to_crop: picture px to px of `made` [2, 3].
    """
    reached = place_mask(frame, mask, to_crop)
    if reached is None:
        return None
    box, weight = reached
    return Placed(box, Compared(frame.rgb(box).astype(np.float32), enlarged(made, to_crop, box), weight))


def paste_crop(frame: Frame, made: np.ndarray, mask: np.ndarray, to_crop: np.ndarray) -> None:
    """`place` and blend. The arguments are those of `place`."""
    placed = place(frame, made, mask, to_crop)
    if placed is not None:
        placed.blend(frame, 1.0)


def paste_change(frame: Frame, change: np.ndarray, mask: np.ndarray, to_crop: np.ndarray) -> None:
    """Add a crop's change to the frame, where `mask` says so: what the frame has of finer detail stays.

    change: float32 [h, w, 3], levels of 255; mask: [h, w]; to_crop: picture px to px of both [2, 3].
    """
    reached = place_mask(frame, mask, to_crop)
    if reached is not None:
        box, weight = reached
        frame.add_rgb(box, enlarged(change, to_crop, box) * weight[..., None])


def place_mask(frame: Frame, mask: np.ndarray, to_crop: np.ndarray) -> tuple[Box, np.ndarray] | None:
    """The box of picture pixels that a crop's mask reaches, and the mask there float32 [h, w]; None if it misses."""
    box = _touched(mask, to_crop, frame.width, frame.height)
    if box is None:
        return None
    return box, mask_over(mask, to_crop, box)


def mask_over(mask: np.ndarray, to_crop: np.ndarray, box: Box) -> np.ndarray:
    """A crop's mask as it lies over the picture's box: float32 [h, w]."""
    shape = (box[2] - box[0], box[3] - box[1])
    return cv2.warpAffine(mask, within(to_crop, box), shape, flags=cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR)


def to_mouth_box(to_crop: np.ndarray, size: CropSize) -> np.ndarray:
    """Picture px to px of the mouth box [2, 3], of picture px to crop px."""
    rows, columns = size.box
    to_box = to_crop.copy()
    to_box[:, 2] -= (columns.start, rows.start)
    return to_box


def enlarged(made: np.ndarray, to_crop: np.ndarray, box: Box) -> np.ndarray:
    """A crop float32 [h, w, 3] as it lies over the picture's box."""
    to_made = within(to_crop, box)
    shape = (box[2] - box[0], box[3] - box[1])
    density = float(np.sqrt(abs(np.linalg.det(to_made[:, :2]))))
    if density > _CUBIC_OVERSHOOT:
        # The picture has fewer pixels than the box: without a blur they would alias.
        made = cv2.GaussianBlur(made, (0, 0), 0.4 * density)
    flags = cv2.WARP_INVERSE_MAP | (cv2.INTER_CUBIC if density < 1 else cv2.INTER_LINEAR)
    return cv2.warpAffine(made.astype(np.float32), to_made, shape, flags=flags, borderMode=cv2.BORDER_REPLICATE)


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
