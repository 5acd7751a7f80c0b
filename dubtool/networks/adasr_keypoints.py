"""AdaSR's canonical keypoints: where the face's 3-D keypoints lie, apart from head pose and expression.

The layout is that of one-shot free-view synthesis (Wang et al., CVPR 2021). Submodule names are the checkpoint's.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dubtool.networks.blocks import ConvBlock

_TEMPERATURE = 0.1


def coordinate_grid(size: tuple[int, int, int], like: Tensor) -> Tensor:
    """Corner-aligned coordinates -1..1 of a volume of (depth, height, width): [depth, height, width, (x, y, z)]."""
    z, y, x = (torch.linspace(-1, 1, n, dtype=like.dtype, device=like.device) for n in size)
    grid_z, grid_y, grid_x = torch.meshgrid(z, y, x, indexing="ij")
    return torch.stack((grid_x, grid_y, grid_z), dim=-1)


def channel_steps(width: int, largest: int, blocks: int) -> list[int]:
    """width, 2*width, 4*width, ... (blocks + 1 numbers), none above `largest`."""
    return [min(largest, width * 2**i) for i in range(blocks + 1)]


class AntiAliasedReduction(nn.Module):
    """Gaussian blur of each channel, zeros beyond the border, then every `step`-th pixel."""

    weight: Tensor

    def __init__(self, channels: int, step: int) -> None:
        super().__init__()
        sigma = (step - 1) / 2
        radius = round(4 * sigma)
        offset = torch.arange(-radius, radius + 1, dtype=torch.float32)
        line = torch.exp(-(offset**2) / (2 * sigma**2)) if step > 1 else torch.ones(1)
        kernel = torch.outer(line, line)
        kernel = (kernel / kernel.sum()).expand(channels, 1, -1, -1)
        self.register_buffer("weight", kernel.clone())
        self.step = step

    def forward(self, x: Tensor) -> Tensor:
        blurred = F.conv2d(x, self.weight, padding=self.weight.shape[-1] // 2, groups=x.shape[1])
        return blurred[:, :, :: self.step, :: self.step]


class _Predictor(nn.Module):
    """Image [B, 3, h, w] -> volume of features [B, width, depth, h, w]."""

    def __init__(self, width: int, largest: int, blocks: int, depth: int) -> None:
        super().__init__()
        steps = channel_steps(width, largest, blocks)
        down = zip([3, *steps[1:]], steps[1:], strict=False)
        up = zip(steps[:0:-1], steps[-2::-1], strict=True)
        self.depth = depth
        self.down_blocks = nn.Sequential(
            OrderedDict((f"down{i}", ConvBlock(2, low, high, pool=True)) for i, (low, high) in enumerate(down))
        )
        self.conv = nn.Conv2d(steps[-1], steps[-1] * depth, 1)
        self.up_blocks = nn.Sequential(
            OrderedDict((f"up{i}", ConvBlock(3, high, low, up=True)) for i, (high, low) in enumerate(up))
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(self.down_blocks(x))
        return self.up_blocks(x.unflatten(1, (-1, self.depth)))


class KeypointDetector(nn.Module):
    """`kp_detector`; the defaults are the published sizes. The image's sides are multiples of step * 2**blocks."""

    def __init__(
        self,
        keypoints: int = 15,
        width: int = 32,
        largest: int = 1024,
        blocks: int = 5,
        depth: int = 16,
        step: int = 4,
    ) -> None:
        super().__init__()
        self.predictor = _Predictor(width, largest, blocks, depth)
        self.kp = nn.Conv3d(width, keypoints, 3, padding=1)
        self.down = AntiAliasedReduction(3, step)

    def forward(self, image: Tensor) -> Tensor:
        """image [B, 3, H, W], RGB 0..1 -> canonical keypoints [B, keypoints, (x, y, z)], -1..1."""
        scores = self.kp(self.predictor(self.down(image)))
        grid = coordinate_grid((scores.shape[2], scores.shape[3], scores.shape[4]), scores)
        heatmap = torch.softmax(scores.flatten(2) / _TEMPERATURE, dim=2)
        # Not a matrix product: half a million terms added in a row lose a digit, and TF32 would lose three.
        return (heatmap.unsqueeze(-1) * grid.flatten(0, 2)).sum(dim=2)
