"""HDTR-Net as two ONNX graphs: `once` for what a mouth is compared with, `frame` for the mouth itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dubtool.export.graph import Part, PartOf, export_pair
from dubtool.networks.batchnorm_folding import fold_batch_norm
from dubtool.networks.hdtr import HDTRNet

SIDE = 96


class _Once(PartOf[HDTRNet]):
    def forward(self, reference: Tensor) -> Tensor:
        return self.network.encode_reference(reference)


class _Frame(PartOf[HDTRNet]):
    def forward(self, mask: Tensor, contour: Tensor, features: Tensor) -> Tensor:
        return self.network.decode(self.network.encode_mouth(mask, contour), features)


class _Corrected(_Frame):
    def forward(self, mask: Tensor, contour: Tensor, features: Tensor, crop: Tensor) -> Tensor:  # type: ignore[override]
        return self.network.correct(super().forward(mask, contour, features), crop).clamp(0, 1)


def export_hdtr(
    network: HDTRNet,
    once: Path,
    frame: Path,
    *,
    descriptor: Mapping[str, Any],
    side: int = SIDE,
    reach: float = 1.0,
    lower_face: bool = False,
    half_storage: bool = True,
) -> None:
    """Write the two graphs for crops of `side` pixels; every size but B is fixed. Pictures are BGR, 0..1.

    reach, lower_face: as in `models.restorer.Restorer`, which is told of them.

    once: reference [B, 3, side, side] -> features [B, 4*width, s, s], s = side / 8 / shrink of the network. One
    reference may serve a whole video.
    frame: mask [B, 3, side, side], contour [B, 3, side, side], features -> mouth [B, 3, side, side]. A network with a
    detail head also takes the crop [B, 3, side, side].
    Both describe themselves by `descriptor`, the network's sizes, and "corrects": whether it has that head.
    """
    folded = fold_batch_norm(network).cpu().float()
    corrects = network.detail is not None
    sizes = {"network": "hdtr", "side": side, "width": network.width, "corrects": corrects}
    sizes |= {"reach": reach, "lower_face": lower_face}
    picture = torch.zeros(2, 3, side, side)
    inputs = {name: picture.clone() for name in ("mask", "contour", *(("crop",) if corrects else ()))}
    export_pair(
        Part(_Once(folded), {"reference": picture}, ("features",), ("reference",)),
        Part(_Corrected(folded) if corrects else _Frame(folded), inputs, ("mouth",), (*inputs, "features")),
        (once, frame),
        {**descriptor, **sizes},
        half_storage=half_storage,
    )
