"""The settings of AdaSR's training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dubtool.training.core.stage import GanStage


@dataclass(frozen=True, kw_only=True)
class AdasrStage(GanStage):
    """One stage of training.

    side: of the crop, px. width, middle, high_frequency: of the network (`LandmarkAdaSR`); high_frequency 0 is the
    paper's ablation. clean: share of sources that are not degraded. fine: how much more mouth and eyes weigh in L1;
    moved: weight of L1 of the source moved by the network's own motion, at a quarter of the size. scales: halvings at
    which VGG-19 compares. matching: weight of what the discriminator finds in both pictures.
    """

    network: ClassVar[str] = "adasr"
    side: int = 128
    width: int = 32
    middle: int = 2
    high_frequency: int = 4
    batch: int = 6
    steps: int = 10_000
    clean: float = 0.5
    fine: float = 4.0
    moved: float = 5.0
    scales: int = 3
    matching: float = 0.0
