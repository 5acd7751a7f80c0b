"""How far eyes and mouth are open: pairs of opposite landmarks on the edges of lids and lips.

What must meet when a face closes its eyes or lips; MediaPipe's mesh points, (upper, lower) from the picture's left.
"""

from __future__ import annotations

import numpy as np

from dubtool.face.topology import tracked

RIGHT_LIDS = ((246, 7), (161, 163), (160, 144), (159, 145), (158, 153), (157, 154), (173, 155))
LEFT_LIDS = ((398, 382), (384, 381), (385, 380), (386, 374), (387, 373), (388, 390), (466, 249))
LIPS = ((191, 95), (80, 88), (81, 178), (82, 87), (13, 14), (312, 317), (311, 402), (310, 318), (415, 324))
# Inner and outer corner do not part: (left, right) in the picture.
RIGHT_EYE_CORNERS, LEFT_EYE_CORNERS, LIP_CORNERS = (33, 133), (362, 263), (78, 308)

# Of each eye, the pairs and corners that tracks hold too.
_EYES = (((160, 144), (158, 153)), ((385, 380), (387, 373)))
_CORNERS = (RIGHT_EYE_CORNERS, LEFT_EYE_CORNERS)
# A closed eye's edges in MediaPipe's mesh lie at most so far apart, and an open one's at least, in widths of the eye.
_MOST_CLOSED, _LEAST_OPEN = 0.13, 0.18


def ring(pairs: tuple[tuple[int, int], ...], corners: tuple[int, int]) -> list[int]:
    """The closed outline of an opening: along the upper edge, back along the lower one."""
    return [corners[0], *(upper for upper, _ in pairs), corners[1], *(lower for _, lower in reversed(pairs))]


def eye_openings(points: np.ndarray, *, of_track: bool = False) -> np.ndarray:
    """Opening of the right and left eye over its width [N, 2]: about 0.28 open, 0.1 closed.

    points: [N, 478, 2 or more], or the landmarks of a track [N, P, 2 or more].
    """

    def at(indices: tuple[int, ...]) -> np.ndarray:
        return points[:, tracked(indices) if of_track else list(indices)]

    found = []
    for pairs, corners in zip(_EYES, _CORNERS, strict=True):
        upper, lower = at(tuple(pair[0] for pair in pairs)), at(tuple(pair[1] for pair in pairs))
        ends = at(corners)
        width = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=-1)
        found.append(np.linalg.norm(upper - lower, axis=-1).mean(axis=1) / np.maximum(width, 1e-6))
    return np.stack(found, axis=1)


def eye_range(openings: np.ndarray) -> np.ndarray:
    """A person's own closed and open state of each eye, from openings over time [N, 2]: [2 (closed, open), 2].

    Who never blinks within the take is given the usual closed eye.
    """
    opened = np.maximum(np.median(openings, axis=0), _LEAST_OPEN)
    closed = np.minimum(np.quantile(openings, 0.002, axis=0), _MOST_CLOSED)
    return np.stack([np.minimum(closed, 0.6 * opened), opened])
