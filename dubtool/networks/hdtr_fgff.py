"""The fine-grained feature fusion encoder of HDTR-Net: channel fusion blocks and an hourglass that keeps the size."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ChannelFusion(nn.Module):
    """Three 3x3 convolutions in a row, all three results stacked, plus a skip: [B, in, h, w] -> [B, out, h, w]."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        half, quarter = out_channels // 2, out_channels // 4
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, half, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(half)
        self.conv2 = nn.Conv2d(half, quarter, 3, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(quarter)
        self.conv3 = nn.Conv2d(quarter, quarter, 3, padding=1, bias=False)
        self.downsample = (
            nn.Identity()
            if in_channels == out_channels
            else nn.Sequential(
                nn.BatchNorm2d(in_channels), nn.ReLU(), nn.Conv2d(in_channels, out_channels, 1, bias=False)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        first = self.conv1(F.relu(self.bn1(x)))
        second = self.conv2(F.relu(self.bn2(first)))
        third = self.conv3(F.relu(self.bn3(second)))
        return torch.cat((first, second, third), dim=1) + self.downsample(x)


class HourGlass(nn.Module):
    """Nested context: each level reads a window one pixel larger (max pool of 2, stride 1), the size stays."""

    def __init__(self, channels: int, depth: int = 3) -> None:
        super().__init__()
        self.depth = depth
        for level in range(depth, 0, -1):
            self.add_module(f"b1_{level}", ChannelFusion(channels, channels))
            self.add_module(f"b2_{level}", ChannelFusion(channels, channels))
            self.add_module(f"b3_{level}", ChannelFusion(channels, channels))
        self.b2_plus_1 = ChannelFusion(channels, channels)
        self.dropout = nn.Dropout()

    def forward(self, x: Tensor) -> Tensor:
        return self._level(self.depth, x)

    def _level(self, level: int, x: Tensor) -> Tensor:
        up = self.dropout(self.get_submodule(f"b1_{level}")(x))
        low = self.get_submodule(f"b2_{level}")(F.max_pool2d(x, 2, stride=1))
        low = self._level(level - 1, low) if level > 1 else self.b2_plus_1(low)
        low = self.get_submodule(f"b3_{level}")(low)
        return up + F.interpolate(low, size=up.shape[2:], mode="bilinear", align_corners=False)


class FeatureFusion(nn.Module):
    """[B, in, S, S] -> [B, 4*width, S/2, S/2]."""

    foldable: ClassVar[tuple[tuple[str, str], ...]] = (("conv1", "bn1"), ("conv_last0", "bn_end0"))

    def __init__(self, in_channels: int, width: int) -> None:
        super().__init__()
        out = 4 * width
        self.conv1 = nn.Conv2d(in_channels, width, 7, stride=2, padding=3)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = ChannelFusion(width, 2 * width)
        self.conv3 = ChannelFusion(2 * width, 2 * width)
        self.conv4 = ChannelFusion(2 * width, out)
        self.m0 = HourGlass(out)
        self.top_m_0 = ChannelFusion(out, out)
        self.conv_last0 = nn.Conv2d(out, out, 1)
        self.bn_end0 = nn.BatchNorm2d(out)
        self.l0 = nn.Conv2d(out, out, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.conv4(self.conv3(self.conv2(x)))
        x = self.top_m_0(self.m0(x))
        return self.l0(F.relu(self.bn_end0(self.conv_last0(x))))
