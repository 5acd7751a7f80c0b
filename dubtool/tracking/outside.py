"""How much of a mouth lies beyond the frame's border: landmarks are found there, too, but no pixels."""

from __future__ import annotations

import numpy as np

from dubtool.face.topology import OUTER_LIP, tracked
from dubtool.tracking.track import FaceTrack

# Rows that are worked on at once, so that hours of track need no more memory than minutes.
_BLOCK = 4096


def share_outside(track: FaceTrack, width: int, height: int) -> np.ndarray:
    """Share of the outer lips' landmarks beyond the border of a picture width x height: float32 [N], 0..1."""
    lips = tracked(OUTER_LIP)
    found = [np.empty(0, np.float32)]
    for start in range(0, len(track.frames), _BLOCK):
        points = track.points(slice(start, start + _BLOCK))[:, lips, :2]
        beyond = (points < -0.5) | (points > np.array([width, height]) - 0.5)
        found.append(beyond.any(axis=-1).mean(axis=-1).astype(np.float32))
    return np.concatenate(found)
