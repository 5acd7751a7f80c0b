"""DINet's patch discriminator: single frames with 3 channels, five-frame stacks with 15."""

from __future__ import annotations

import itertools

from torch import Tensor, nn
from torch.nn import functional as F

_WIDTHS = (128, 256, 256, 256)


class Discriminator(nn.Module):
    """Four unpadded 4x4 convolutions with leaky ReLU 0.2 and average pools between them, then a 1x1 to one score.

    Input [B, channels, H, W], RGB 0..1; output scores [B, 1, h, w], trained towards 1 for real and 0 for made.
    `width` scales the paper's channel counts (64 = the paper's).
    """

    def __init__(self, channels: int = 3, width: int = 64) -> None:
        super().__init__()
        sizes = [channels, *(size * width // 64 for size in _WIDTHS)]
        self.blocks = nn.ModuleList(nn.Conv2d(low, high, 4) for low, high in itertools.pairwise(sizes))
        self.score = nn.Conv2d(sizes[-1], 1, 1)

    def features(self, x: Tensor) -> list[Tensor]:
        """What each of the four convolutions finds, for feature matching (Wang et al. 2018)."""
        found: list[Tensor] = []
        for block in self.blocks:
            x = F.leaky_relu(block(F.avg_pool2d(x, 2) if found else x), 0.2)
            found.append(x)
        return found

    def forward(self, x: Tensor) -> Tensor:
        return self.score(self.features(x)[-1])
