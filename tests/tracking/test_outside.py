from __future__ import annotations

import numpy as np
import pytest

from dubtool.face.topology import OUTER_LIP, TRACKED, tracked
from dubtool.tracking.outside import share_outside
from dubtool.tracking.track import FaceTrack

LIPS = tracked(OUTER_LIP)


def mouth_at(x: float, y: float) -> FaceTrack:
    """A face of 100 px whose lips are a row of points 40 px wide around (x, y); its other points lie far away."""
    heads = np.full((2, len(TRACKED), 3), 3.0)
    heads[:, LIPS, 0] = np.linspace(-0.2, 0.2, len(LIPS))
    heads[:, LIPS, 1] = 0
    anchors = np.tile(np.array([x, y, 100], np.float32), (2, 1))
    return FaceTrack(np.arange(2, dtype=np.int32), np.rint(heads * 8192).astype(np.int16), anchors, 0)


@pytest.mark.parametrize(
    ("x", "y", "share"),
    [
        (100, 50, 0.0),
        (20, 0, 0.0),
        (179, 99, 0.0),
        (0, 50, 0.5),
        (199, 50, 0.5),
        (100, -2, 1.0),
        (100, 101, 1.0),
        (-30, 50, 1.0),
    ],
)
def test_the_share_of_the_lips_beyond_any_border(x: float, y: float, share: float) -> None:
    assert share_outside(mouth_at(x, y), 200, 100) == pytest.approx([share, share], abs=0.02)
