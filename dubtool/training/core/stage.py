"""The settings of a stage of training: what all have, and what those of networks that draw share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from dubtool.errors import UsageError

NETWORK = "network"
# Of a clip, 1/25 s apart: what the sync expert, and the discriminator of clips, judge at a time.
FRAMES = 5


class Stage(Protocol):
    """What every stage's settings hold: how many steps, and what all chance comes from. Dataclasses, all of them.
    network: what the stage trains, the value of that key in its files."""

    __dataclass_fields__: ClassVar[dict[str, Any]]
    network: ClassVar[str]

    @property
    def steps(self) -> int: ...
    @property
    def seed(self) -> int: ...


@dataclass(frozen=True, kw_only=True)
class GanStage:
    """What `GanTrainer` and the trainings of networks that draw ask of their stages, whose own defaults come first.

    batch: samples of a step. learning_rate, final_rate: at the first step and at the last. pixel, feature, adversarial:
    weights of L1, VGG-19 and LS-GAN. judge_width: the discriminators', 64 is the paper's.
    """

    network: ClassVar[str]
    batch: int = 8
    steps: int = 100_000
    learning_rate: float = 3e-4
    final_rate: float = 2e-5
    pixel: float = 10.0
    feature: float = 1.0
    adversarial: float = 0.0
    judge_width: int = 32
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class MouthStage(GanStage):
    """What the stages of generators share, which draw mouths.

    mouth: side of the mouth box, px. width: the network's. mask: part of the unit crop (top, bottom, left, right in
    radii) hidden from the network; the whole mouth box is (0, 2, -1, 1). frames: of each sample, 1/25 s apart.
    min_natural: least size of the mouth in the source pictures, px. adversarial_clip, sync: weights of LS-GAN on stacks
    of five frames, and of the sync expert.
    """

    mouth: int = 64
    width: int = 32
    mask: tuple[float, float, float, float] = (0.5, 2.0, -1.0, 1.0)
    frames: int = 1
    min_natural: float = 40.0
    adversarial_clip: float = 0.0
    sync: float = 0.0

    def __post_init__(self) -> None:
        if (self.adversarial_clip or self.sync) and self.frames != FRAMES:
            raise UsageError(f"adversarial_clip and sync judge {FRAMES} frames; set frames = {FRAMES}")
