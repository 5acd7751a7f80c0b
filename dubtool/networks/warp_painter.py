"""A small network that paints over deformed references: it mends what no deformation can (ghosts, teeth, shading).

In the manner of retrieve-warp-refine (Song and others, 2023). A U-Net over pictures folded by two (Shi et al. 2016,
"pixel shuffle"); its last layer begins at zero, so that an untaught network changes nothing.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

# Two warped references, the frame without its mouth, the drawn wanted mouth, and the mask.
CHANNELS = 13
_FOLD = 2
_LEVELS = (1, 2, 3)
_SLOPE = 0.1


class _Block(nn.Module):
    """Two convolutions beside a skip, without norms: brightness must pass."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.leaky_relu(self.first(F.leaky_relu(x, _SLOPE)), _SLOPE))


class WarpPainter(nn.Module):
    """What is to be added to a warped mouth.

    width: of the outermost level. depth: blocks on each level.
    """

    def __init__(self, width: int = 24, depth: int = 1) -> None:
        super().__init__()
        widths = [width * level for level in _LEVELS]
        self.width, self.depth = width, depth
        self.enter = nn.Conv2d(CHANNELS * _FOLD**2, width, 3, padding=1)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairwise(widths))
        self.coarser = nn.ModuleList(nn.Sequential(*(_Block(each) for _ in range(depth))) for each in widths)
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(widths))
        self.finer = nn.ModuleList(nn.Sequential(*(_Block(each) for _ in range(depth))) for each in widths[:-1])
        self.leave = nn.Conv2d(width, 3 * _FOLD**2, 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        assert self.leave.bias is not None
        nn.init.zeros_(self.leave.bias)

    def forward(self, pictures: Tensor) -> Tensor:
        """Change [B, 3, S, S] in units of 0..1.

        pictures [B, 13, S, S], 0..1, S a multiple of 8: RGB of the warped mouth, of the next best one, of the frame
        where it stays, of the drawing, and the mask.
        """
        x = self.enter(F.pixel_unshuffle(pictures * 2 - 1, _FOLD))
        kept = []
        for level, blocks in enumerate(self.coarser):
            x = blocks(x)
            if level < len(self.down):
                kept.append(x)
                x = self.down[level](x)
        for level in reversed(range(len(self.up))):
            x = F.interpolate(self.up[level](x), scale_factor=2.0, mode="nearest") + kept[level]
            x = self.finer[level](x)
        return F.pixel_shuffle(self.leave(F.leaky_relu(x, _SLOPE)), _FOLD)


def painted_over(net: nn.Module, pictures: Tensor) -> Tensor:
    """The warped mouth [B, 3, S, S] with the network's change."""
    return pictures[:, :3] + net(pictures)
