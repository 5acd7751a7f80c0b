"""Whether a mouth's movement fits a speech: two encoders into one space, after SyncNet (Chung and Zisserman 2016), but
for mouth shapes instead of pictures."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ShapeSync(nn.Module):
    """Shapes [N, K, frames] and speech states [M, C, steps] to unit vectors [N, size] and [M, size]: the nearer a pair,
    the better it fits. Windows are centred on one moment; only relative times inside them matter.

    spread [K]: standard deviations of the shapes, which are divided by them.
    """

    spread: Tensor
    # Differences from frame to frame are small beside the shapes themselves.
    _SPEED = 3.0

    def __init__(
        self,
        modes: int,
        channels: int = 384,
        frames: int = 9,
        steps: int = 21,
        hidden: int = 128,
        size: int = 64,
        input_dropout: float = 0.5,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.frames, self.steps, self.channels, self.modes = frames, steps, channels, modes
        self.register_buffer("spread", torch.ones(modes))
        self.mouth_layers = _layers(2 * modes, hidden, 3, dropout)
        self.mouth_exit = nn.Linear(hidden * frames, size)
        self.norm = nn.LayerNorm(channels, elementwise_affine=False)
        self.sound_layers = nn.Sequential(nn.Dropout(input_dropout), *_layers(channels, hidden, 1, dropout))
        self.sound_exit = nn.Linear(hidden * steps, size)

    def mouth(self, shapes: Tensor) -> Tensor:
        x = shapes / self.spread[None, :, None]
        speed = F.pad(x[:, :, 1:] - x[:, :, :-1], (1, 0))
        x = self.mouth_layers(torch.cat([x, self._SPEED * speed], dim=1))
        return F.normalize(self.mouth_exit(x.flatten(1)), dim=1)

    def sound(self, states: Tensor) -> Tensor:
        x = self.sound_layers(self.norm(states.transpose(1, 2)).transpose(1, 2))
        return F.normalize(self.sound_exit(x.flatten(1)), dim=1)

    def forward(self, shapes: Tensor, states: Tensor) -> tuple[Tensor, Tensor]:
        return self.mouth(shapes), self.sound(states)


def _layers(channels: int, hidden: int, kernel: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(channels, hidden, kernel, padding=kernel // 2),
        nn.GELU(),
        nn.Dropout(dropout),
        nn.Conv1d(hidden, hidden, 3, padding=1),
        nn.GELU(),
        nn.Dropout(dropout),
    )
