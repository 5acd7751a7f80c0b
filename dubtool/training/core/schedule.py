"""What trainings of pictures share: how the learning rate falls, a step down, and the average of the weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import Tensor

_WARM = 200
_KEEP = 0.999
_LARGEST_GRADIENT = 5.0


def falling_rate(step: int, steps: int, first: float, last: float) -> float:
    """The learning rate at a step: up from 0 within the first 200, then half a cosine from `first` down to `last`."""
    return float(falling(step, min(step / steps, 1.0), first, last, _WARM))


def falling(step: int, done: float, first: float, last: float, warm: int) -> float:
    """Up from 0 within the first `warm` steps, then half a cosine from `first` to `last` as `done` goes from 0 to 1."""
    cosine = 0.5 * (1 + np.cos(np.pi * done))
    return min(1.0, (step + 1) / warm) * (last + (first - last) * cosine)


def descend(optimiser: torch.optim.Optimizer, loss: Tensor, weights: Iterable[Tensor]) -> None:
    """One step of the optimiser, with the gradients of all `weights` cut to a length of 5."""
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(weights, _LARGEST_GRADIENT)
    optimiser.step()


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
