"""How players turn and mirror a picture: the display matrix of MP4 and its kin (ISO/IEC 14496-12, 6.2.2)."""

from __future__ import annotations

import struct

import av
import numpy as np

from dubtool.media.hdr import side_data

_MATRIX = struct.Struct("=9i")


def orientation(picture: av.VideoFrame) -> tuple[int, bool]:
    """(clockwise degrees 0, 90, 180 or 270, whether left and right change places before) as the picture says.

    A matrix [a b u; c d v; x y w] takes coded (p, q) to (a p + c q, b p + d q). One between the right angles is taken
    as the nearest one; one that shows nothing, as none.
    """
    data = side_data(picture, "DISPLAYMATRIX")
    if len(data) < _MATRIX.size:
        return 0, False
    a, b, _, c, d, *_ = _MATRIX.unpack_from(data)
    if a * d == b * c:
        return 0, False
    mirrored = a * d < b * c
    # Without the mirror: where the coded x axis points on the screen, y going down.
    x, y = (-a, -b) if mirrored else (a, b)
    return round(float(np.degrees(np.arctan2(y, x))) / 90) % 4 * 90, mirrored
