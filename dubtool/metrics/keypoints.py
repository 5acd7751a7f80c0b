"""AKD: whether a made face has the pose and expression of the true one, by where its landmarks lie."""

from __future__ import annotations

import numpy as np

# Pictures of the papers have this side; distances are told in its px whatever the side here.
_SIDE = 256.0


def average_keypoint_distance(made: np.ndarray, truth: np.ndarray, side: int) -> float:
    """Mean distance of landmarks [K, 2 or more] found in a made and in the true crop of `side` px, in px of 256.

    mean_k |p_k - q_k| * 256 / side (Siarohin et al., "Animating arbitrary objects via deep motion transfer", CVPR 2019,
    section 4). They take the 68 points of Bulat and Tzimiropoulos's detector; here it is all of MediaPipe's, so numbers
    are comparable among themselves.
    """
    apart = np.linalg.norm(np.asarray(made, np.float64)[:, :2] - np.asarray(truth, np.float64)[:, :2], axis=1)
    return float(apart.mean() * _SIDE / side)
