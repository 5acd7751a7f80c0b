"""The settings of G4G's training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dubtool.errors import UsageError
from dubtool.training.core.stage import GanStage
from dubtool.training.syncnet.stage import FRAMES


@dataclass(frozen=True, kw_only=True)
class G4GStage(GanStage):
    """One stage of G4G's training.

    mouth: side of the mouth box, px. width: the network's, 64 is the paper's. mask: part of the unit crop (top, bottom,
    left, right in radii) hidden from the network. frames: of each sample, 1/25 s apart; each `group` samples are
    moments of one clip. align_steps: first so many steps train the alignment alone, on align_batch single frames in
    groups of align_group. min_natural: least size of the mouth in the source pictures, px. rest_share: of samples whose
    landmarks show the mouth at rest, so that the sound alone tells; 1: of all, and so at work. attribute,
    adversarial_clip, contrast, sync: weights of further losses, where the paper has one weight for both adversaries,
    and one for contrast and sync expert. drawn: landmarks go beside the source, too (ours, not the paper's). alignment,
    multi_scale, fusion: False for the paper's ablations.
    """

    network: ClassVar[str] = "g4g"
    mouth: int = 64
    width: int = 32
    mask: tuple[float, float, float, float] = (0.42, 2.0, -0.9, 0.9)
    batch: int = 3
    group: int = 2
    frames: int = 1
    align_steps: int = 0
    align_batch: int = 32
    align_group: int = 4
    learning_rate: float = 1e-4
    final_rate: float = 1e-5
    min_natural: float = 40.0
    rest_share: float = 0.3
    attribute: float = 1.0
    feature: float = 2.0
    adversarial: float = 3.0
    adversarial_clip: float = 0.0
    pixel: float = 4.0
    contrast: float = 5.0
    sync: float = 0.0
    drawn: bool = False
    alignment: bool = True
    multi_scale: bool = True
    fusion: bool = True

    def __post_init__(self) -> None:
        if (self.adversarial_clip or self.sync) and self.frames != FRAMES:
            raise UsageError(f"adversarial_clip and sync judge {FRAMES} frames; set frames = {FRAMES}")
