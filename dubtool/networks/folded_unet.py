"""A small U-Net over pictures folded by two: what is added to a picture, nothing before it is taught."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

FOLD = 2
# Channels of the levels, in widths.
_LEVELS = (1, 2, 3)
# Leaky, since with plain ReLUs all of the last were once found dead.
_SLOPE = 0.1


class _Block(nn.Module):
    """Two convolutions beside a skip, without norms: brightness must pass (Lim et al., EDSR, 2017)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.leaky_relu(self.first(F.leaky_relu(x, _SLOPE)), _SLOPE))


class FoldedUNet(nn.Module):
    """Folding is that of Shi et al. 2016 ("pixel shuffle"); the last layer begins at zero.

    channels: of the pictures. width: of the outermost level. depths: blocks on each of the three levels.
    """

    def __init__(self, channels: int, width: int, depths: Sequence[int]) -> None:
        super().__init__()
        widths = [width * level for level in _LEVELS]
        self.enter = nn.Conv2d(channels * FOLD**2, width, 3, padding=1)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairwise(widths))
        levels = list(zip(widths, depths, strict=True))
        self.coarser = nn.ModuleList(nn.Sequential(*(_Block(each) for _ in range(depth))) for each, depth in levels)
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(widths))
        self.finer = nn.ModuleList(nn.Sequential(*(_Block(each) for _ in range(depth))) for each, depth in levels[:-1])
        self.leave = nn.Conv2d(width, 3 * FOLD**2, 3, padding=1)
        for parameter in self.leave.parameters():
            nn.init.zeros_(parameter)

    def change(self, pictures: Tensor) -> Tensor:
        """[B, 3, S, S] of pictures [B, channels, S, S] around 0, S a multiple of 8."""
        x = self.enter(F.pixel_unshuffle(pictures, FOLD))
        kept = []
        for level, blocks in enumerate(self.coarser):
            x = blocks(x)
            if level < len(self.down):
                kept.append(x)
                x = self.down[level](x)
        for level in reversed(range(len(self.up))):
            x = F.interpolate(self.up[level](x), scale_factor=2.0, mode="nearest") + kept[level]
            x = self.finer[level](x)
        return F.pixel_shuffle(self.leave(F.leaky_relu(x, _SLOPE)), FOLD)
