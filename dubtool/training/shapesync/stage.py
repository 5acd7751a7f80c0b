"""The settings of the training of the sync judge on mouth shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class ShapeSyncStage:
    """frames: window of shapes, 1/25 s apart. window: of speech states, 1/50 s apart. hidden, size, input_dropout,
    dropout: the network's. clips, moments: a batch is so many clips with so many moments each. balance: exponent by
    which a person's share grows with their minutes."""

    network: ClassVar[str] = "shapesync"
    frames: int = 9
    window: int = 21
    hidden: int = 128
    size: int = 64
    input_dropout: float = 0.5
    dropout: float = 0.3
    clips: int = 24
    moments: int = 8
    steps: int = 800
    learning_rate: float = 2e-3
    weight_decay: float = 0.1
    balance: float = 0.5
    seed: int = 0
