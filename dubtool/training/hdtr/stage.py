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
    channel fusion and without reference branch; feature 0 is the one without perception. drawing: False for the
    head alone, which sees nothing drawn.

    lower_face: tools have made all of it, so what is learned from are cut-outs of faces of `least_radius` px and more
    instead of mouths, in crops `reach` times as wide. sharp_reference: how often another frame, as a reference, is one
    that was filmed. deep: the head is a U-Net. shrink: by how much the mouth is drawn smaller than the crop.
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
    drawing: bool = True
    lower_face: bool = False
    least_radius: float = 90.0
    reach: float = 1.0
    sharp_reference: float = 0.5
    deep: bool = False
    shrink: int = 1
