"""What trainings of pictures share: how the learning rate falls, and the average of the weights that is kept."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

_WARM = 200
_KEEP = 0.999


def falling_rate(step: int, steps: int, first: float, last: float) -> float:
    """The learning rate at a step: up from 0 within the first 200, then half a cosine from `first` down to `last`."""
    cosine = 0.5 * (1 + np.cos(np.pi * min(step / steps, 1.0)))
    return float(min(1.0, (step + 1) / _WARM) * (last + (first - last) * cosine))


def fold_into_average(
    average: Mapping[str, Tensor], weights: Mapping[str, Tensor], step: int, *, keep: float = _KEEP
) -> None:
    """Move `average` towards `weights`, in place, keeping `keep` of it; less in the beginning.

    Weights averaged so measure better than the last ones (Polyak and Juditsky 1992).
    """
    keep = min(keep, (1 + step) / (10 + step))
    with torch.no_grad():
        for name, value in weights.items():
            held = average[name]
            if held.is_floating_point():
                held.lerp_(value, 1 - keep)
            else:
                held.copy_(value)
