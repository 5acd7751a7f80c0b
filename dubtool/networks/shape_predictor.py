"""Speech to mouth shape: a small temporal network over a speech encoder's states.

Ours; the regularisation (heavy dropout, few channels) is what lets it hold on voices it never heard.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ShapePredictor(nn.Module):
    """States [B, L, C, T] of L encoder layers at 50 a second to shape coefficients [B, K, T] at the same times.

    Each layer's states are normalised and mixed with learned weights. Convolutions see `2 * sum(dilations) * 2 + 1`
    steps around each time, with silence-like zero padding at the ends.
    """

    def __init__(
        self,
        modes: int,
        layers: int = 4,
        channels: int = 384,
        hidden: int = 128,
        dilations: tuple[int, ...] = (1, 2, 4),
        input_dropout: float = 0.5,
        dropout: float = 0.4,
    ) -> None:
        super().__init__()
        self.mix = nn.Parameter(torch.zeros(layers))
        self.norm = nn.LayerNorm(channels, elementwise_affine=False)
        self.input_dropout = nn.Dropout1d(input_dropout)
        self.entry = nn.Conv1d(channels, hidden, 1)
        self.blocks = nn.ModuleList(_Block(hidden, dilation, dropout) for dilation in dilations)
        self.exit = nn.Conv1d(hidden, modes, 1)

    def forward(self, states: Tensor) -> Tensor:
        normal = self.norm(states.transpose(2, 3)).transpose(2, 3)
        x = (normal * F.softmax(self.mix, 0)[None, :, None, None]).sum(1)
        x = self.entry(self.input_dropout(x))
        for block in self.blocks:
            x = block(x)
        return self.exit(F.relu(x))


class _Block(nn.Module):
    """x + two convolutions of kernel 5, with channel dropout between."""

    def __init__(self, channels: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(channels, channels, 5, padding=2 * dilation, dilation=dilation)
        self.conv2 = nn.Conv1d(channels, channels, 5, padding=2 * dilation, dilation=dilation)
        self.norm1 = nn.GroupNorm(1, channels)
        self.norm2 = nn.GroupNorm(1, channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(F.relu(self.norm1(x)))
        return x + self.conv2(self.dropout(F.relu(self.norm2(y))))
