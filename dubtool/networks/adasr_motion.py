"""AdaSR's dense motion: which keypoint moves which part of the feature volume, and what was hidden before."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dubtool.networks.adasr_keypoints import channel_steps, coordinate_grid
from dubtool.networks.blocks import ConvBlock
from dubtool.networks.volume import sample_volume

_VARIANCE = 0.01


class _Encoder(nn.Module):
    def __init__(self, in_channels: int, steps: list[int]) -> None:
        super().__init__()
        pairs = zip([in_channels, *steps[1:]], steps[1:], strict=False)
        self.down_blocks = nn.ModuleList(ConvBlock(3, low, high, pool=True) for low, high in pairs)

    def forward(self, x: Tensor) -> list[Tensor]:
        scales = [x]
        for block in self.down_blocks:
            scales.append(block(scales[-1]))
        return scales


class _Decoder(nn.Module):
    foldable: ClassVar[tuple[tuple[str, str], ...]] = (("conv", "norm"),)

    def __init__(self, in_channels: int, steps: list[int]) -> None:
        super().__init__()
        self.up_blocks = nn.ModuleList()
        for i in range(len(steps) - 1, 0, -1):
            joined = 1 if i == len(steps) - 1 else 2
            self.up_blocks.append(ConvBlock(3, joined * steps[i], steps[i - 1], up=True))
        self.out_channels = steps[0] + in_channels
        self.conv = nn.Conv3d(self.out_channels, self.out_channels, 3, padding=1)
        self.norm = nn.BatchNorm3d(self.out_channels)

    def forward(self, scales: list[Tensor]) -> Tensor:
        x = scales[-1]
        for block, skip in zip(self.up_blocks, scales[-2::-1], strict=True):
            x = torch.cat((block(x), skip), dim=1)
        return F.relu(self.norm(self.conv(x)))


class _Hourglass(nn.Module):
    def __init__(self, in_channels: int, width: int, largest: int, blocks: int) -> None:
        super().__init__()
        steps = channel_steps(width, largest, blocks)
        self.encoder = _Encoder(in_channels, steps)
        self.decoder = _Decoder(in_channels, steps)

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.encoder(x))


class DenseMotion(nn.Module):
    """Where every place of the driven volume comes from in the source's volume, as a mix of the keypoints' motions."""

    foldable: ClassVar[tuple[tuple[str, str], ...]] = (("compress", "norm"),)

    def __init__(
        self, keypoints: int, channels: int, depth: int, width: int, largest: int, blocks: int, compressed: int
    ) -> None:
        super().__init__()
        self.hourglass = _Hourglass((keypoints + 1) * (compressed + 1), width, largest, blocks)
        out = self.hourglass.decoder.out_channels
        self.mask = nn.Conv3d(out, keypoints + 1, 7, padding=3)
        self.compress = nn.Conv3d(channels, compressed, 1)
        self.norm = nn.BatchNorm3d(compressed)
        self.occlusion = nn.Conv2d(out * depth, 1, 7, padding=3)

    def forward(self, volume: Tensor, source: Tensor, driving: Tensor) -> tuple[Tensor, Tensor]:
        """volume [B, C, D, h, w], source and driving keypoints [B, K, 3].

        Returns the sampling grid [B, D, h, w, (x, y, z)] and the occlusion map [B, 1, h, w] (1: seen in the source).
        """
        return self.move(*self.encode_source(volume, source), source, driving)

    def encode_source(self, volume: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
        """What depends on the source alone: the compressed volume [B, c, D, h, w], its heatmaps [B, K, D, h, w]."""
        depth, height, width = volume.shape[2:]
        heatmaps = _heatmaps(coordinate_grid((depth, height, width), volume), source)
        return F.relu(self.norm(self.compress(volume))), heatmaps

    def move(self, compressed: Tensor, heatmaps: Tensor, source: Tensor, driving: Tensor) -> tuple[Tensor, Tensor]:
        """As `forward`, from what `encode_source` gave."""
        depth, height, width = compressed.shape[2:]
        grid = coordinate_grid((depth, height, width), compressed)
        motions = self._sparse_motions(grid, source, driving)
        deformed = self._deform(compressed, motions)
        heatmaps = F.pad(_heatmaps(grid, driving) - heatmaps, (0, 0, 0, 0, 0, 0, 1, 0))
        x = torch.cat((heatmaps.unsqueeze(2), deformed), dim=2)
        x = self.hourglass(x.flatten(1, 2))
        mask = torch.softmax(self.mask(x), dim=1)
        deformation = (mask.unsqueeze(-1) * motions).sum(dim=1)
        return deformation, torch.sigmoid(self.occlusion(x.flatten(1, 2)))

    def _sparse_motions(self, grid: Tensor, source: Tensor, driving: Tensor) -> Tensor:
        """[B, 1 + K, D, h, w, 3]: the background stays, each keypoint carries the volume along."""
        shift = F.pad(source - driving, (0, 0, 1, 0))
        return grid + shift[:, :, None, None, None]

    def _deform(self, volume: Tensor, motions: Tensor) -> Tensor:
        """The volume [B, C, D, h, w] sampled by every motion -> [B, 1 + K, C, D, h, w]."""
        sampled = sample_volume(volume, motions.flatten(1, 2))
        return sampled.unflatten(2, motions.shape[1:3]).transpose(1, 2)


def _heatmaps(grid: Tensor, keypoints: Tensor) -> Tensor:
    """A Gaussian around each keypoint: [B, K, D, h, w]."""
    distance = (grid - keypoints[:, :, None, None, None]).square().sum(dim=-1)
    return torch.exp(-0.5 * distance / _VARIANCE)
