"""What a sync expert says of made mouths, as a loss (Prajwal et al. 2020, with DINet's least squares)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dubtool.training.syncnet import FRAMES


def stacked(pictures: Tensor) -> Tensor:
    """Pictures [B * 5, 3, m, m] -> stacks of five on channels [B, 15, m, m]."""
    return pictures.unflatten(0, (-1, FRAMES)).flatten(1, 2)


def out_of_sync(expert: nn.Module, side: int, stacks: Tensor, sounds: Tensor) -> Tensor:
    """How far the expert's scores are from 1, squared and averaged.

    stacks: [B, 15, m, m], resized to the expert's mouths of `side` px. sounds: [B, C, T], what belongs to them.
    """
    if stacks.shape[-1] != side:
        stacks = F.interpolate(stacks, (side, side), mode="bilinear", antialias=True)
    with torch.autocast(stacks.device.type, torch.bfloat16):
        scores = expert(stacks, sounds)
    return (scores.float() - 1).square().mean()
