"""Adaptive affine transformation: every feature channel is moved by its own rotation, scale and translation.

DINet (Zhang et al., AAAI 2023), section 3.1.2. The authors' code samples [C, H, W] volumes with a 3-D `grid_sample`
whose depth coordinate lands between channels. That equals a fixed blend of neighbouring channels followed by a 2-D
sampling, which is what stands here: the same numbers, several times faster, and with an ONNX operator.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dubtool.networks.window import Window

# The constant of the authors' code; math.pi would move the grid by up to 3e-6.
_PI = 3.14159


class AdaAT(nn.Module):
    """Transformation of `channels` feature channels steered by a code of `code_channels` numbers."""

    padded_index: Tensor
    lower_share: Tensor
    upper_share: Tensor

    def __init__(self, code_channels: int, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.commn_linear = nn.Sequential(nn.Linear(code_channels, channels), nn.ReLU())
        self.scale = nn.Sequential(nn.Linear(channels, channels), nn.Sigmoid())
        self.rotation = nn.Sequential(nn.Linear(channels, channels), nn.Tanh())
        self.translation = nn.Sequential(nn.Linear(channels, 2 * channels), nn.Tanh())
        # Corner-aligned depth coordinates read without corner alignment: channel c reads position c*C/(C-1) - 1/2.
        index = torch.arange(channels, dtype=torch.float64)
        position = index * channels / (channels - 1) - 0.5
        lower = position.floor()
        share = position - lower
        # Channels -1 and C read as zero: both ends are padded by one, which moves every index up.
        self.register_buffer("padded_index", lower.long() + 1, persistent=False)
        self.register_buffer("lower_share", (1 - share).float().view(1, -1, 1, 1), persistent=False)
        self.register_buffer("upper_share", share.float().view(1, -1, 1, 1), persistent=False)

    def blend(self, features: Tensor) -> Tensor:
        """Each channel of [B, C, H, W] mixed with a neighbour; independent of the code, so once per reference."""
        padded = F.pad(features, (0, 0, 0, 0, 1, 1))
        lower = padded.index_select(1, self.padded_index)
        upper = padded.index_select(1, self.padded_index + 1)
        return lower * self.lower_share + upper * self.upper_share

    def sample(self, blended: Tensor, code: Tensor, window: Window | None = None) -> Tensor:
        """Blended features [1 or B, C, H, W] moved by code [B, code_channels] -> [B, C, h, w].

        Only the positions inside `window` are computed (all by default).
        """
        height, width = blended.shape[2:]
        window = window or Window.whole(height, width)
        batch, channels = code.shape[0], self.channels
        common = self.commn_linear(code)
        scale = 2 * self.scale(common).reshape(-1, 1, 1)
        angle = _PI * self.rotation(common).reshape(-1, 1, 1)
        shift_x, shift_y = self.translation(common).reshape(-1, 2, 1, 1).unbind(1)
        cos, sin = scale * torch.cos(angle), scale * torch.sin(angle)
        x = _corner_aligned(window.left, window.right, width, code).view(1, 1, -1)
        y = _corner_aligned(window.top, window.bottom, height, code).view(1, -1, 1)
        # Both coordinates apart: broadcasting over an innermost axis of two is several times slower.
        grid = torch.stack((cos * x + (shift_x - sin * y), sin * x + (shift_y + cos * y)), dim=-1)
        moved = F.grid_sample(
            blended.expand(batch, -1, -1, -1).reshape(-1, 1, height, width),
            grid,
            mode="bilinear",
            padding_mode="zeros",
            align_corners=False,
        )
        return moved.view(-1, channels, window.height, window.width)

    def forward(self, features: Tensor, code: Tensor) -> Tensor:
        """Features [B, C, H, W] and code [B, code_channels] -> [B, C, H, W]."""
        return self.sample(self.blend(features), code)


def _corner_aligned(start: int, stop: int, size: int, like: Tensor) -> Tensor:
    """2*i/(size-1) - 1 for i in start..stop."""
    index = torch.arange(start, stop, dtype=torch.float32, device=like.device)
    return (2.0 * index / (size - 1) - 1.0).to(like.dtype)
