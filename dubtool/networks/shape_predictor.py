"""Speech to mouth shape: small temporal networks over a speech encoder's states and the spectrogram beside them.

Ours; the regularisation (heavy dropout, few channels) is what lets it hold on voices it never heard.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ShapePredictor(nn.Module):
    """States [B, L, C, T] of L encoder layers at 50 a second, and the two log mel frames of each, [B, 2, M, T], to
    shape coefficients [B, K, T] at the same times: the mean of what `members` say, which learn on their own.

    Each member mixes the layers' normalised states with learned weights. Convolutions see `reach` steps on either side
    of each time, with zero padding at the ends; what they see is normalised over all T steps.
    """

    def __init__(
        self,
        modes: int,
        layers: int = 4,
        channels: int = 384,
        bands: int = 80,
        members: int = 2,
        hidden: int = 192,
        dilations: tuple[int, ...] = (1, 2, 4, 8),
        mel_channels: int = 96,
        input_dropout: float = 0.5,
        mel_dropout: float = 0.2,
        dropout: float = 0.4,
    ) -> None:
        super().__init__()
        self.members = nn.ModuleList(
            _Member(
                modes, layers, channels, bands, hidden, dilations, mel_channels, input_dropout, mel_dropout, dropout
            )
            for _ in range(members)
        )
        self.modes, self.layers, self.channels, self.bands = modes, layers, channels, bands
        # Four for each block's two convolutions of kernel 5, three for the spectrogram's.
        self.reach = 4 * sum(dilations) + 3

    def forward(self, states: Tensor, mel: Tensor) -> Tensor:
        return torch.stack(self.each(states, mel)).mean(0)

    def each(self, states: Tensor, mel: Tensor) -> list[Tensor]:
        """What every member says."""
        return [member(states, mel) for member in self.members]

    def standardise(self, states: Tensor, mel: Tensor) -> None:
        """Take the means and deviations of some training speech, [B, L, C, T] and [B, 2, M, T], for what comes in."""
        normal = _normal(states).permute(0, 3, 1, 2).flatten(0, 1)
        frames = mel.permute(0, 1, 3, 2).flatten(0, 2)
        told = {
            "mean": normal.mean(0),
            "std": normal.std(0).clamp(min=0.02),
            "mel_mean": frames.mean(0),
            "mel_std": frames.std(0).clamp(min=0.05),
        }
        for member in self.members:
            for name, buffer in member.named_buffers():
                buffer.copy_(told[name])


class _Member(nn.Module):
    def __init__(
        self,
        modes: int,
        layers: int,
        channels: int,
        bands: int,
        hidden: int,
        dilations: tuple[int, ...],
        mel_channels: int,
        input_dropout: float,
        mel_dropout: float,
        dropout: float,
    ) -> None:
        super().__init__()
        self.mean: Tensor
        self.std: Tensor
        self.mel_mean: Tensor
        self.mel_std: Tensor
        self.register_buffer("mean", torch.zeros(layers, channels))
        self.register_buffer("std", torch.ones(layers, channels))
        self.register_buffer("mel_mean", torch.zeros(bands))
        self.register_buffer("mel_std", torch.ones(bands))
        self.mix = nn.Parameter(torch.zeros(layers))
        self.input_dropout = nn.Dropout1d(input_dropout)
        self.entry = nn.Conv1d(channels, hidden, 1)
        self.mel_dropout = nn.Dropout1d(mel_dropout)
        # Plosives are shorter than the encoder's steps: the spectrogram comes in at its own rate.
        self.mel1 = nn.Conv1d(bands, mel_channels, 5, padding=2)
        self.mel2 = nn.Conv1d(mel_channels, mel_channels, 5, padding=2)
        self.mel3 = nn.Conv1d(mel_channels, hidden, 4, stride=2, padding=1)
        self.blocks = nn.ModuleList(_Block(hidden, dilation, dropout) for dilation in dilations)
        self.exit = nn.Conv1d(hidden, modes, 1)

    def forward(self, states: Tensor, mel: Tensor) -> Tensor:
        normal = (_normal(states) - self.mean[..., None]) / self.std[..., None]
        x = (normal * F.softmax(self.mix, 0)[None, :, None, None]).sum(1)
        x = self.entry(self.input_dropout(x))
        # [B, 2, M, T] -> [B, M, 2 T]
        frames = mel.permute(0, 2, 3, 1).flatten(2)
        frames = self.mel_dropout((frames - self.mel_mean[:, None]) / self.mel_std[:, None])
        x = x + self.mel3(F.gelu(self.mel2(F.gelu(self.mel1(frames)))))
        for block in self.blocks:
            x = block(x)
        return self.exit(F.relu(x))


def _normal(states: Tensor) -> Tensor:
    """Every vector with mean 0 and deviation 1."""
    return F.layer_norm(states.transpose(2, 3), states.shape[2:3]).transpose(2, 3)


class _Block(nn.Module):
    """x + two convolutions of kernel 5, with dropout between."""

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
