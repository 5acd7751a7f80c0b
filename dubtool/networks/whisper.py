"""The audio encoder of Whisper (Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak Supervision").

Two convolutions (the second halves the rate to 50 vectors a second), sinusoidal positions stored as a table, then
pre-norm transformer blocks. Parameter names are those of OpenAI's files, less their prefix "encoder.".
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SelfAttention(nn.Module):
    """Multi-head self-attention over time, without a mask; the key projection has no bias."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, width] -> [B, T, width]."""
        query, key, value = (
            proj(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for proj in (self.query, self.key, self.value)
        )
        weights = torch.softmax(query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5, dim=-1)
        return self.out((weights @ value).transpose(1, 2).flatten(-2))


class Block(nn.Module):
    """One pre-norm transformer block: attention, then a two-layer perceptron four times as wide."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attn_ln = nn.LayerNorm(width)
        self.attn = SelfAttention(width, heads)
        self.mlp_ln = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.attn_ln(x))
        return x + self.mlp(self.mlp_ln(x))


class WhisperEncoder(nn.Module):
    """Log-mel frames to hidden states. The defaults are Whisper tiny.

    Args:
        mels: bands of the log-mel input.
        context: longest input in output vectors (1500 = 30 s).
        width, heads, layers: of the transformer.
    """

    def __init__(self, mels: int = 80, context: int = 1500, width: int = 384, heads: int = 6, layers: int = 4) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(mels, width, kernel_size=3, padding=1)
        self.conv2 = nn.Conv1d(width, width, kernel_size=3, stride=2, padding=1)
        self.positional_embedding: Tensor
        self.register_buffer("positional_embedding", torch.zeros(context, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.ln_post = nn.LayerNorm(width)

    def forward(self, mel: Tensor) -> tuple[Tensor, ...]:
        """[B, mels, 2 T] -> the state after each block, then the normalised last one; each [B, T, width].

        T is at most `context`: a shorter window takes the first T positions, as if the rest had been cut off.
        """
        return self.at(mel, 0)

    def at(self, mel: Tensor, position: int) -> tuple[Tensor, ...]:
        """As `forward`, with the T positions from `position` on; position + T is at most `context`."""
        x = F.gelu(self.conv1(mel))
        x = F.gelu(self.conv2(x)).transpose(1, 2)
        x = x + self.positional_embedding[position : position + x.shape[1]]
        states = []
        for block in self.blocks:
            x = block(x)
            states.append(x)
        return (*states, self.ln_post(x))
