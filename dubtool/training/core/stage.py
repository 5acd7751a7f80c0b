"""The settings of a stage of training: what all have, and what those of networks that draw share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

NETWORK = "network"


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
