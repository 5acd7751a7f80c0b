"""The settings of a generator's training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dubtool.errors import UsageError
from dubtool.training.core.stage import MouthStage

# What a generator may be driven by: whether a mouth is drawn for it, or the speech itself is heard.
CONDITIONINGS = {"shape": True, "whisper": False}


@dataclass(frozen=True, kw_only=True)
class GeneratorStage(MouthStage):
    """One stage of generator training.

    conditioning: "shape", drawn mouths and their shape coefficients, or "whisper", the speech itself, as in the paper.
    modes: length K of a conditioning vector. speaking: only clips whose sound is in sync. lips: how much more the lips
    weigh in L1.
    """

    network: ClassVar[str] = "generator"
    modes: int = 12
    conditioning: str = "shape"
    batch: int = 12
    learning_rate: float = 2e-4
    speaking: bool = False
    lips: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.conditioning not in CONDITIONINGS:
            raise UsageError(f"conditioning {self.conditioning!r} is unknown; use {', '.join(CONDITIONINGS)}")

    @property
    def drawing(self) -> bool:
        """Whether a drawn mouth goes in beside the source."""
        return CONDITIONINGS[self.conditioning]
