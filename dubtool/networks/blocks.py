"""Convolution blocks that the networks share, in one, two and three dimensions.

Submodule names (`conv`, `norm`, `conv1`, ...) are those of the published checkpoints.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional as F

Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d

_CONV: dict[int, type[Convolution]] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
_NORM: dict[int, type[nn.Module]] = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
# Volumes are resized in height and width only; their depth stays.
_FACTOR: dict[int, tuple[float, ...]] = {1: (2.0,), 2: (2.0, 2.0), 3: (1.0, 2.0, 2.0)}


def conv(dims: int, in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> Convolution:
    """A convolution over `dims` dimensions, padded so that stride 1 keeps the size."""
    return _CONV[dims](in_channels, out_channels, kernel, stride=stride, padding=kernel // 2)


def batch_norm(dims: int, channels: int) -> nn.Module:
    return _NORM[dims](channels)


class ConvBlock(nn.Module):
    """[nearest x2] - convolution - [batch norm] - (leaky) ReLU - [average pool 2].

    Input [B, in, *size], output [B, out, *size'], where size' is doubled by `up`, divided by `stride` and halved by
    `pool`. With `slope` > 0 the activation is a leaky ReLU.
    """

    foldable: ClassVar[tuple[tuple[str, str], ...]] = (("conv", "norm"),)

    def __init__(
        self,
        dims: int,
        in_channels: int,
        out_channels: int,
        kernel: int = 3,
        *,
        stride: int = 1,
        up: bool = False,
        pool: bool = False,
        norm: bool = True,
        slope: float = 0.0,
    ) -> None:
        super().__init__()
        self.conv = conv(dims, in_channels, out_channels, kernel, stride)
        self.norm = batch_norm(dims, out_channels) if norm else nn.Identity()
        self.dims, self.up, self.pool, self.slope = dims, up, pool, slope
        self.radius = kernel // 2

    def forward(self, x: Tensor) -> Tensor:
        if self.up:
            x = F.interpolate(x, scale_factor=_FACTOR[self.dims], mode="nearest")
        return self.activate(self.norm(self.conv(x)))

    def activate(self, x: Tensor) -> Tensor:
        """The part after the batch norm."""
        x = F.leaky_relu(x, self.slope) if self.slope else F.relu(x)
        if self.pool:
            size = [int(factor) for factor in _FACTOR[self.dims]]
            x = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[self.dims - 1](x, size)
        return x


class ResBlock(nn.Module):
    """x + conv2(ReLU(norm2(conv1(ReLU(norm1(x)))))); a 1x1 `channel_conv` on the skip when the widths differ.

    Input [B, in, *size], output [B, out, *size].
    """

    foldable: ClassVar[tuple[tuple[str, str], ...]] = (("conv1", "norm2"),)

    def __init__(
        self, dims: int, in_channels: int, out_channels: int | None = None, kernel: int = 3, *, norm: bool = True
    ) -> None:
        super().__init__()
        out = in_channels if out_channels is None else out_channels
        self.conv1 = conv(dims, in_channels, out, kernel)
        self.conv2 = conv(dims, out, out, kernel)
        self.norm1 = batch_norm(dims, in_channels) if norm else nn.Identity()
        self.norm2 = batch_norm(dims, out) if norm else nn.Identity()
        if out != in_channels:
            self.channel_conv = conv(dims, in_channels, out, 1)
        self.widens = out != in_channels
        self.radius = 2 * (kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        skip = self.channel_conv(x) if self.widens else x
        x = self.conv1(F.relu(self.norm1(x)))
        return skip + self.conv2(F.relu(self.norm2(x)))
