"""An addition to HDTR-Net: what it has drawn corrects the crop, instead of replacing it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dubtool.networks.folded_unet import FoldedUNet

_BLOCKS = 3
_SHRINK = 2
# Blocks on the levels of the U-Net, and the reach of `local_mean`, px.
_DEPTHS = (1, 1, 2)
_LOCAL = 16


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


class DeepDetailHead(FoldedUNet):
    """The same as a U-Net, for crops that hold more than lips; S a multiple of 8.

    What a tool has blurred over many pixels is told from what lies around it, which eight convolutions do not see. Only
    detail is added: the mean over `local_mean`'s square stays what it is, as colours are matched where it is used.
    """

    def __init__(self, width: int) -> None:
        super().__init__(6, width, _DEPTHS)

    def forward(self, drawn: Tensor, crop: Tensor) -> Tensor:
        change = self.change(torch.cat((crop, drawn), dim=1) - 0.5)
        return crop + change - local_mean(change)


def local_mean(picture: Tensor) -> Tensor:
    """The mean over 33 x 33 px around each of a picture [B, C, S, S], as far as they lie within it."""
    size = 2 * _LOCAL + 1
    across = F.avg_pool2d(picture, (1, size), stride=1, padding=(0, _LOCAL), count_include_pad=False)
    return F.avg_pool2d(across, (size, 1), stride=1, padding=(_LOCAL, 0), count_include_pad=False)
