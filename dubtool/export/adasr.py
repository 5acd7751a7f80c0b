"""The landmark-driven AdaSR as two ONNX graphs: `once` runs once per portrait, `frame` once per batch of frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dubtool.export.graph import Part, PartOf, export_pair
from dubtool.networks.adasr_landmarks import LandmarkAdaSR
from dubtool.networks.batchnorm_folding import fold_batch_norm
from dubtool.networks.spectral import bake_spectral_norm


class _Once(PartOf[LandmarkAdaSR]):
    def forward(self, image: Tensor, drawing: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.network.encode_source(image, drawing)


class _Frame(PartOf[LandmarkAdaSR]):
    def forward(
        self,
        features: Tensor,
        detail: Tensor,
        small: Tensor,
        source: Tensor,
        driven: Tensor,
        drawing: Tensor,
        warped: Tensor,
    ) -> Tensor:
        batch = driven.shape[0]
        features, detail, small = (each.expand(batch, -1, -1, -1) for each in (features, detail, small))
        source = source.expand(batch, -1, -1)
        return self.network.animate((features, detail, small), source, driven, drawing, warped)[0]


def export_adasr(
    network: LandmarkAdaSR,
    once: Path,
    frame: Path,
    *,
    side: int,
    keypoints: Sequence[int],
    descriptor: Mapping[str, Any],
    half_storage: bool = True,
) -> None:
    """Write the two graphs for crops of `side` pixels; every size but B is fixed. Pictures are RGB, 0..1.

    once: image [1, 3, side, side], drawing [1, D, side, side] -> features [1, 4*width, side/4, side/4], detail
    [1, width, side/2, side/2], small [1, 3, side/4, side/4].
    frame: features, detail, small, source [1, K, 2], driven [B, K, 2], drawing [B, D, side, side], warped [B, 3, side,
    side] -> picture [B, 3, side, side].
    keypoints: the landmarks' numbers. Both graphs describe themselves by `descriptor`, those and the sizes.
    """
    plain = bake_spectral_norm(fold_batch_norm(network)).cpu().float()
    sizes = {
        "network": "adasr-landmarks",
        "side": side,
        "keypoints": list(keypoints),
        "drawing_channels": network.drawing_channels,
    }
    image = torch.zeros(1, 3, side, side)
    drawing = torch.zeros(1, network.drawing_channels, side, side)
    source = torch.linspace(-0.5, 0.5, 2 * network.keypoints).view(1, -1, 2)
    varying = {
        "driven": source.repeat(2, 1, 1),
        "drawing": drawing.repeat(2, 1, 1, 1),
        "warped": image.repeat(2, 1, 1, 1),
    }
    export_pair(
        Part(_Once(plain), {"image": image, "drawing": drawing}, ("features", "detail", "small")),
        Part(_Frame(plain), {"source": source, **varying}, ("picture",), tuple(varying)),
        (once, frame),
        {**descriptor, **sizes},
        half_storage=half_storage,
    )
