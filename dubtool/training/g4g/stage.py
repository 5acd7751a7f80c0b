"""The settings of G4G's training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dubtool.training.core.stage import MouthStage


@dataclass(frozen=True, kw_only=True)
class G4GStage(MouthStage):
    """One stage of G4G's training.

    width: 64 is the paper's. group: so many samples are moments of one clip. align_steps: first so many steps train the
    alignment alone, on align_batch single frames in groups of align_group. rest_share: of samples whose landmarks show
    the mouth at rest, so that the sound alone tells; 1: of all, and so at work. attribute, contrast: weights of further
    losses, where the paper has one weight for both adversaries, and one for contrast and sync expert. drawn: landmarks
    go beside the source, too (ours, not the paper's). alignment, multi_scale, fusion: False for the paper's ablations.
    """

    network: ClassVar[str] = "g4g"
    mask: tuple[float, float, float, float] = (0.42, 2.0, -0.9, 0.9)
    batch: int = 3
    group: int = 2
    align_steps: int = 0
    align_batch: int = 32
    align_group: int = 4
    learning_rate: float = 1e-4
    final_rate: float = 1e-5
    rest_share: float = 0.3
    attribute: float = 1.0
    feature: float = 2.0
    adversarial: float = 3.0
    pixel: float = 4.0
    contrast: float = 5.0
    drawn: bool = False
    alignment: bool = True
    multi_scale: bool = True
    fusion: bool = True
