"""What a network that paints over deformed references is given, the same in training and at work."""

from __future__ import annotations

import cv2
import numpy as np

from dubtool.face.draw import draw_mouth

# The part of the crop that may be changed, in radii, as the painters of whole mouths have it.
HIDDEN = (0.42, 2.0, -0.9, 0.9)
# A pixel that shows so little of the new mouth belongs to the frame.
_KEPT = 1 / 255


def painter_input(
    warped: np.ndarray, other: np.ndarray, source: np.ndarray, mask: np.ndarray, mouth: np.ndarray
) -> np.ndarray:
    """The network's input float32 [13, S, S] in 0..1.

    warped, other: the mouth as two references show it, float [S, S, 3] in 0..255. source: the frame [S, S, 3], of which
    only what stays is shown. mask: [S, S] 0..1. mouth: the wanted mouth in the unit crop [55, 2].
    """
    side = len(mask)
    points = mouth * (side / 2) + (side / 2 - 0.5, -0.5)
    drawn = draw_mouth(points, side, side).transpose(1, 2, 0)
    stays = source * (mask <= _KEPT)[..., None]
    pictures = np.concatenate([np.clip(each, 0, 255) for each in (warped, other, stays, drawn)], axis=2)
    return np.concatenate([pictures.transpose(2, 0, 1) / 255, mask[None]]).astype(np.float32)


def mouth_box(to_unit: np.ndarray, side: int) -> np.ndarray:
    """Picture px to the px of a mouth box of side x side [2, 3], of picture px to unit crop."""
    matrix = to_unit * (side / 2)
    matrix[:, 2] += (side / 2 - 0.5, -0.5)
    return matrix


def shrunken_into(picture: np.ndarray, matrix: np.ndarray, side: int) -> np.ndarray:
    """A picture float32 [h, w, 3] through `matrix` [2, 3] into side x side px, without aliases."""
    density = 1 / float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if density > 1:
        picture = cv2.GaussianBlur(picture, (0, 0), 0.5 * float(np.sqrt(density**2 - 1)) + 1e-3)
    how, edge = cv2.INTER_CUBIC if density < 1 else cv2.INTER_LINEAR, cv2.BORDER_REPLICATE
    return cv2.warpAffine(picture, matrix, (side, side), flags=how, borderMode=edge)
