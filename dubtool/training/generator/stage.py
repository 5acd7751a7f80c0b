"""The settings of a generator's training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dubtool.errors import UsageError
from dubtool.training.core.stage import GanStage
from dubtool.training.syncnet.stage import FRAMES

# What a generator may be driven by: whether a mouth is drawn for it, or the speech itself is heard.
CONDITIONINGS = {"shape": True, "whisper": False}


@dataclass(frozen=True, kw_only=True)
class GeneratorStage(GanStage):
    """One stage of generator training.

    mouth: side of the mouth box, px. width: DINet's base width. conditioning: "shape", drawn mouths and their shape
    coefficients, or "whisper", the speech itself, as in the paper. modes: length K of a conditioning vector. mask: part
    of the unit crop (top, bottom, left, right in radii) hidden from the network; the whole mouth box is (0, 2, -1, 1).
    frames: of each sample, 1/25 s apart. speaking: only clips whose sound is in sync. min_natural: least size of the
    mouth in the source pictures, px. lips: how much more the lips weigh in L1. adversarial_clip, sync: weights of
    LS-GAN on stacks of five frames, and of the sync expert.
    """

    network: ClassVar[str] = "generator"
    mouth: int = 64
    width: int = 32
    modes: int = 12
    conditioning: str = "shape"
    mask: tuple[float, float, float, float] = (0.5, 2.0, -1.0, 1.0)
    batch: int = 12
    frames: int = 1
    learning_rate: float = 2e-4
    speaking: bool = False
    min_natural: float = 40.0
    lips: float = 2.0
    adversarial_clip: float = 0.0
    sync: float = 0.0

    def __post_init__(self) -> None:
        if self.conditioning not in CONDITIONINGS:
            raise UsageError(f"conditioning {self.conditioning!r} is unknown; use {', '.join(CONDITIONINGS)}")
        if (self.adversarial_clip or self.sync) and self.frames != FRAMES:
            raise UsageError(f"adversarial_clip and sync judge {FRAMES} frames; set frames = {FRAMES}")

    @property
    def drawing(self) -> bool:
        """Whether a drawn mouth goes in beside the source."""
        return CONDITIONINGS[self.conditioning]
