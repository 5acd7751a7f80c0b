"""AdaSR's decoder: residual blocks whose norms the warped features modulate (SPADE, Park et al., CVPR 2019)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dubtool.networks.spectral import SpectralConv2d

_SLOPE = 0.2


class _Spade(nn.Module):
    """Instance norm, then a scale and a shift that `condition` draws for every pixel."""

    def __init__(self, channels: int, condition_channels: int, hidden: int) -> None:
        super().__init__()
        self.mlp_shared = nn.Sequential(nn.Conv2d(condition_channels, hidden, 3, padding=1), nn.ReLU())
        self.mlp_gamma = nn.Conv2d(hidden, channels, 3, padding=1)
        self.mlp_beta = nn.Conv2d(hidden, channels, 3, padding=1)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        shared = self.mlp_shared(condition)
        return F.instance_norm(x) * (1 + self.mlp_gamma(shared)) + self.mlp_beta(shared)


class SpadeResBlock(nn.Module):
    """Two convolutions with a skip, [B, in, h, w] -> [B, out, h, w]; `condition`, resized, modulates their norms."""

    def __init__(self, in_channels: int, out_channels: int, condition_channels: int, hidden: int) -> None:
        super().__init__()
        middle = min(in_channels, out_channels)
        self.conv_0 = SpectralConv2d(in_channels, middle)
        self.conv_1 = SpectralConv2d(middle, out_channels)
        self.norm_0 = _Spade(in_channels, condition_channels, hidden)
        self.norm_1 = _Spade(middle, condition_channels, hidden)
        self.changes_width = in_channels != out_channels
        if self.changes_width:
            self.conv_s = SpectralConv2d(in_channels, out_channels, 1, bias=False)
            self.norm_s = _Spade(in_channels, condition_channels, hidden)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        condition = F.interpolate(condition, size=x.shape[2:], mode="nearest")
        skip = self.conv_s(self.norm_s(x, condition)) if self.changes_width else x
        x = self.conv_0(F.leaky_relu(self.norm_0(x, condition), _SLOPE))
        return skip + self.conv_1(F.leaky_relu(self.norm_1(x, condition), _SLOPE))


class SpadeDecoder(nn.Module):
    """Warped features [B, 4*width, h, w] -> image [B, 3, 4h, 4w] in 0..1."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        features, hidden = 4 * width, 2 * width
        self.fc = nn.Conv2d(features, 2 * features, 3, padding=1)
        self.G_middle_0 = SpadeResBlock(2 * features, 2 * features, features, hidden)
        self.G_middle_1 = SpadeResBlock(2 * features, 2 * features, features, hidden)
        self.G_middle_2 = SpadeResBlock(2 * features, 2 * features, features, hidden)
        self.G_middle_3 = SpadeResBlock(2 * features, 2 * features, features, hidden)
        self.G_middle_4 = SpadeResBlock(2 * features, 2 * features, features, hidden)
        self.G_middle_5 = SpadeResBlock(2 * features, 2 * features, features, hidden)
        self.up_0 = SpadeResBlock(2 * features, features, features, hidden)
        self.up_1 = SpadeResBlock(features, width, features, hidden)
        self.conv_img = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        x = self.fc(features)
        for block in (
            self.G_middle_0,
            self.G_middle_1,
            self.G_middle_2,
            self.G_middle_3,
            self.G_middle_4,
            self.G_middle_5,
        ):
            x = block(x, features)
        x = self.up_0(F.interpolate(x, scale_factor=2, mode="nearest"), features)
        x = self.up_1(F.interpolate(x, scale_factor=2, mode="nearest"), features)
        return torch.sigmoid(self.conv_img(F.leaky_relu(x, _SLOPE)))
