"""Convolutions with fewer products: by the Fourier transform for large kernels, by Winograd's for 3x3 ones.

A CPU takes as long as there are products: 121 a pixel for an 11x11 kernel. In tiles of 22 px its Fourier transform
needs a tenth of them (Mathieu, Henaff and LeCun 2014), and F(4x4, 3x3) of Lavin and Gray (2016) a quarter of what a 3x3
kernel does. The numbers are the same but for rounding. Both are written as products of matrices, which ONNX Runtime is
fast at. Transformed kernels are constants that are made when a graph is loaded: files do not grow.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Tiles that took least for a kernel, px: larger ones need more memory for the kernels.
_TILES = {7: 14, 11: 22}
# With fewer channels the transforms take what the products gain.
_CHANNELS = 128

_WINOGRAD_IN = (
    (4, 0, -5, 0, 1, 0), (0, -4, -4, 1, 1, 0), (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0), (0, 2, -1, -2, 1, 0), (0, 4, 0, -5, 0, 1),
)  # fmt: skip
_WINOGRAD_KERNEL = (
    (1 / 4, 0, 0), (-1 / 6, -1 / 6, -1 / 6), (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6), (1 / 24, -1 / 12, 1 / 6), (0, 0, 1),
)  # fmt: skip
_WINOGRAD_OUT = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))


class FourierConvolution(nn.Module):
    """Stands for a convolution of stride 1 that keeps the size: [B, C, H, W] -> [B, O, H, W]."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.size = convolution.kernel_size[0]
        self.weight, self.bias = convolution.weight, convolution.bias
        tile = self.tile = _TILES[self.size]
        step, half = tile - self.size + 1, tile // 2 + 1
        angle = 2 * math.pi / tile * torch.arange(tile, dtype=torch.float64)
        # Real numbers -> half of the frequencies, real parts first.
        across = torch.arange(half, dtype=torch.float64)[:, None] * angle
        self._keep("across", torch.cat([across.cos(), -across.sin()]))
        turn = torch.arange(tile, dtype=torch.float64)[:, None] * angle
        self._keep("down", _complex(turn.cos(), -turn.sin()))
        back = turn[:step]
        self._keep("up", _complex(back.cos(), back.sin()) / tile)
        twice = torch.full((half,), 2.0, dtype=torch.float64)
        twice[0] = 1
        if tile % 2 == 0:
            twice[-1] = 1
        home = across.T[:step]
        self._keep("home", torch.cat([home.cos() * twice, -home.sin() * twice], 1) / tile)

    def _keep(self, name: str, values: Tensor) -> None:
        self.register_buffer(name, values.float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        tile, size, channels = self.tile, self.size, x.shape[1]
        height, width = x.shape[2:]
        step, half = tile - size + 1, tile // 2 + 1
        rows, columns = -(-height // step), -(-width // step)
        # Channels last: what is moved then lies together.
        x = F.pad(x, _padding(height, width, rows, columns, step, size)).permute(0, 2, 3, 1)
        x = x[:, :, _places(columns, step, tile)].unflatten(2, (columns, tile))
        x = self.get_buffer("across") @ x
        x = x[:, _places(rows, step, tile)].flatten(3)
        x = x.unflatten(1, (rows, tile)).unflatten(4, (2, half * channels))
        x = self.get_buffer("down") @ x.permute(0, 1, 3, 4, 2, 5).flatten(3, 4)
        x = x.unflatten(3, (2, tile)).unflatten(5, (half, channels)).flatten(4, 5).flatten(0, 2)
        x = x.permute(2, 0, 1, 3).flatten(2) @ self._frequencies(channels)
        x = x.unflatten(0, (tile, half)).unflatten(3, (2, -1)).permute(2, 3, 0, 1, 4)
        x = self.get_buffer("up") @ x.flatten(3).flatten(1, 2)
        x = x.unflatten(1, (2, step)).unflatten(3, (half, -1)).transpose(1, 2).flatten(2, 3)
        x = (self.get_buffer("home") @ x).unflatten(0, (-1, rows, columns))
        x = x.permute(0, 5, 1, 3, 2, 4).flatten(4).flatten(2, 3)[:, :, :height, :width]
        return x if self.bias is None else x + self.bias[:, None, None]

    def _frequencies(self, channels: int) -> Tensor:
        """The kernels' [frequency, 2 * C, 2 * O], conjugated, since convolutions of networks are correlations."""
        tile, half, size = self.tile, self.tile // 2 + 1, self.size
        across, down = self.get_buffer("across")[:, :size], self.get_buffer("down")
        # [C, O, size, size] -> [C, O, size, 2, half] -> real and imaginary parts [C, O, tile, half].
        kernel = (self.weight.transpose(0, 1) @ across.T).unflatten(3, (2, half))
        kernel = torch.cat([kernel[..., 0, :], kernel[..., 1, :]], dim=2)
        taps = torch.cat([down[:, :size], down[:, tile : tile + size]], dim=1)
        real, imaginary = (taps @ kernel).flatten(3).unflatten(2, (2, tile)).unbind(2)
        real, imaginary = (each.permute(2, 3, 0, 1).flatten(0, 1) for each in (real, -imaginary))
        return torch.cat([torch.cat([real, imaginary], 2), torch.cat([-imaginary, real], 2)], 1)


class WinogradConvolution(nn.Module):
    """Stands for a 3x3 convolution of stride 1 that keeps the size: [B, C, H, W] -> [B, O, H, W]."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.weight, self.bias = convolution.weight, convolution.bias
        into, out = torch.tensor(_WINOGRAD_IN), torch.tensor(_WINOGRAD_OUT)
        tiles = torch.einsum("at,bu->abtu", into, into).reshape(36, 1, 6, 6).float()
        self.register_buffer("into", tiles, persistent=False)
        self.register_buffer("kernel", torch.tensor(_WINOGRAD_KERNEL), persistent=False)
        self.register_buffer("out", torch.einsum("pa,qb->pqab", out, out).reshape(16, 36).float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        channels, (height, width) = x.shape[1], x.shape[2:]
        rows, columns = -(-height // 4), -(-width // 4)
        x = F.pad(x, _padding(height, width, rows, columns, 4, 3))
        x = F.conv2d(x.flatten(0, 1)[:, None], self.get_buffer("into"), stride=4)
        x = x.unflatten(0, (-1, channels)).permute(2, 1, 0, 3, 4).flatten(2)
        x = (self._kernels() @ x).transpose(0, 1)
        x = (self.get_buffer("out") @ x).unflatten(1, (4, 4)).unflatten(3, (-1, rows, columns))
        x = x.permute(3, 0, 4, 1, 5, 2).flatten(4).flatten(2, 3)[:, :, :height, :width]
        return x if self.bias is None else x + self.bias[:, None, None]

    def _kernels(self) -> Tensor:
        """[36, O, C]."""
        kernel = self.get_buffer("kernel")
        return (kernel @ self.weight @ kernel.T).permute(2, 3, 0, 1).flatten(0, 1)


def with_quick_convolutions(module: nn.Module) -> None:
    """Replace, in place, every convolution inside that is quicker so on CPUs."""
    for name, child in module.named_children():
        if isinstance(child, nn.Conv2d):
            setattr(module, name, _quick(child))
        else:
            with_quick_convolutions(child)


def _quick(convolution: nn.Conv2d) -> nn.Module:
    size = convolution.kernel_size[0]
    keeps = convolution.kernel_size == (size, size) and convolution.padding == (size // 2, size // 2)
    plain = convolution.stride == convolution.dilation == (1, 1) and convolution.groups == 1
    channels = min(convolution.in_channels, convolution.out_channels)
    if not keeps or not plain or channels < _CHANNELS:
        return convolution
    if size in _TILES:
        return FourierConvolution(convolution)
    return WinogradConvolution(convolution) if size == 3 else convolution


def _complex(real: Tensor, imaginary: Tensor) -> Tensor:
    """The matrix that multiplies real parts above imaginary ones as a complex one would."""
    return torch.cat([torch.cat([real, -imaginary], 1), torch.cat([imaginary, real], 1)])


def _padding(height: int, width: int, rows: int, columns: int, step: int, size: int) -> tuple[int, int, int, int]:
    """Left, right, top, bottom: a border of half a kernel, and whole tiles."""
    reach = size // 2
    return reach, columns * step + reach - width, reach, rows * step + reach - height


def _places(count: int, step: int, tile: int) -> Tensor:
    """Where `count` tiles lie that overlap, one after the other [count * tile]."""
    return (torch.arange(count)[:, None] * step + torch.arange(tile)).flatten()
