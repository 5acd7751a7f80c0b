"""The settings of the lip-sync expert's training, and the windows that it compares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

# Vectors of one window: 0.2 s, as long as its frames.
STEPS = 11


@dataclass(frozen=True)
class SyncStage:
    """mouth: side of the mouth box, px. light: `LightSyncNet` instead of the paper's. hidden: the network's width, 128
    in the paper. batch: clips, each with so many moments; every mouth of a batch is held against every sound, so that
    most of the hard questions, the same voice at another time, come for free. contrast, shape: weights of the encoders'
    own losses beside the scores'. min_natural: least size of the mouth in the source pictures, px."""

    network: ClassVar[str] = "syncnet"
    mouth: int = 64
    light: bool = False
    hidden: int = 128
    batch: int = 8
    moments: int = 4
    steps: int = 20_000
    learning_rate: float = 1e-3
    final_rate: float = 1e-5
    weight_decay: float = 1e-2
    contrast: float = 1.0
    shape: float = 1.0
    min_natural: float = 40.0
    seed: int = 0
