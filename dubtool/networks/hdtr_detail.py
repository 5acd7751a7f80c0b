"""A shallow addition to HDTR-Net: what it has drawn corrects the crop, instead of replacing it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_BLOCKS = 3
_SHRINK = 2


class DetailHead(nn.Module):
    """Crop and drawn mouth, both [B, 3, S, S] in 0..1 with S even, to the corrected crop [B, 3, S, S], not clamped.

    Residual blocks at half the size (pixel unshuffle, Shi et al. 2016), without norms (Lim et al., EDSR, 2017).
    An untrained head gives back the crop: what is sharp already need not pass HDTR-Net's narrow middle of S/8.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.enter = nn.Conv2d(6 * _SHRINK**2, width, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1))
            for _ in range(_BLOCKS)
        )
        self.leave = nn.Conv2d(width, 3 * _SHRINK**2, 3, padding=1)
        for parameter in self.leave.parameters():
            nn.init.zeros_(parameter)

    def forward(self, drawn: Tensor, crop: Tensor) -> Tensor:
        x = F.relu(self.enter(F.pixel_unshuffle(torch.cat((crop, drawn), dim=1), _SHRINK)))
        for block in self.blocks:
            x = x + block(x)
        return crop + F.pixel_shuffle(self.leave(F.relu(x)), _SHRINK)
