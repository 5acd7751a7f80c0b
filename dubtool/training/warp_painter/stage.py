"""The settings of the training of the painter over deformed references."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dubtool.training.core.stage import GanStage


@dataclass(frozen=True, kw_only=True)
class WarpPainterStage(GanStage):
    """One stage of training.

    side: of the mouth box, px. width, depth: of the network. least_radius: of the faces it learns from, px: an enlarged
    picture teaches softness.
    """

    network: ClassVar[str] = "warp-painter"
    side: int = 160
    width: int = 24
    depth: int = 1
    steps: int = 4000
    pixel: float = 4.0
    least_radius: float = 64.0
