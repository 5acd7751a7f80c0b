"""The settings of HDTR-Net's training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dubtool.training.core.stage import GanStage


@dataclass(frozen=True, kw_only=True)
class HdtrStage(GanStage):
    """One stage of training.

    side: of the crop, px. width: of the network, 64 is the paper's. detail: width of the head that corrects the crop by
    what was drawn; 0: what was drawn is the result, as in the paper. pixel, drawn: weights of L1 and its square, of the
    result and of what was drawn. min_natural: least size of the mouth box in the source pictures, px; min_sharpness: of
    its clip. own: how often a frame is its own reference. fusion, reference: False for the paper's ablations without
    channel fusion and without reference branch; feature 0 is the one without perception.
    """

    network: ClassVar[str] = "hdtr"
    side: int = 96
    width: int = 16
    detail: int = 64
    steps: int = 1500
    learning_rate: float = 6e-4
    final_rate: float = 4e-5
    min_natural: float = 75.0
    min_sharpness: float = 0.055
    drawn: float = 3.0
    adversarial: float = 0.1
    own: float = 0.5
    fusion: bool = True
    reference: bool = True
