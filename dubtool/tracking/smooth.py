"""Smoothing without lag: the whole video is known, so every filter looks both ways."""

from __future__ import annotations

import numpy as np


def smooth(values: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian smoothing along the first axis, symmetric (zero lag), edges by odd reflection.

    values: float [N, ...] at equal steps. sigma: in steps; 0 returns a copy. Odd reflection keeps a constant speed
    constant up to the ends, where even reflection would bend it.
    """
    values = np.asarray(values)
    count = len(values)
    if sigma <= 0 or count < 3:
        return values.copy()
    radius = min(int(np.ceil(3 * sigma)), count - 1)
    offsets = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (offsets / sigma) ** 2)
    kernel /= kernel.sum()
    head = 2 * values[:1] - values[radius:0:-1]
    tail = 2 * values[-1:] - values[-2 : -radius - 2 : -1]
    padded = np.concatenate([head, values, tail]).astype(np.float64)
    out = np.zeros(values.shape, np.float64)
    for weight, start in zip(kernel, range(2 * radius + 1), strict=True):
        out += weight * padded[start : start + count]
    return out.astype(values.dtype)
