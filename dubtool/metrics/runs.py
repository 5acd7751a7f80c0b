"""Runs of what holds without a break."""

from __future__ import annotations

import numpy as np


def runs(flags: np.ndarray) -> list[slice]:
    """The runs of True in bool [N]."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [slice(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]
