"""Wav2Lip as one ONNX graph: the reference enters with the first layer, so that nothing can be made of it once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dubtool.export.graph import PartOf, export_module
from dubtool.networks.batchnorm_folding import fold_batch_norm
from dubtool.networks.wav2lip import MEL_BANDS, MEL_STEPS, SIDE, Wav2Lip

# Of this mouth box, px, the crop is 100 x 130: what the network's square has of it is kept.
_MOUTH = 80
# The lower half of that crop, in radii.
_HIDDEN = (0.625, 2.25, -1.25, 1.25)
# The paper's training gives a frame the 16 steps that begin one frame of 1/25 s before it.
_LEAD = (MEL_STEPS - 1) / 2 / 80 - 1 / 25


class _Frame(PartOf[Wav2Lip]):
    def forward(self, source: Tensor, reference: Tensor, mel: Tensor) -> Tensor:
        return self.network(source, reference.expand(source.shape[0], -1, -1, -1), mel)


def export_wav2lip(network: Wav2Lip, frame: Path, *, descriptor: Mapping[str, Any], half_storage: bool = True) -> None:
    """Write the graph; every size but B is fixed. Pictures are BGR, 0..1.

    frame: source [B, 3, 96, 96], reference [1, 3, 96, 96], mel [B, 1, 80, 16] -> face [B, 3, 96, 96].
    It describes itself by `descriptor`, the network's sizes, and what it wants.
    """
    picture = torch.zeros(2, 3, SIDE, SIDE)
    export_module(
        _Frame(fold_batch_norm(network).cpu().float()),
        {"source": picture, "reference": picture[:1].clone(), "mel": torch.zeros(2, 1, MEL_BANDS, MEL_STEPS)},
        frame,
        outputs=("face",),
        dynamic={name: {0: "batch"} for name in ("source", "mel")},
        descriptor={
            **descriptor,
            "network": "wav2lip",
            "graph": "frame",
            "side": SIDE,
            "width": network.width,
            "mouth": _MOUTH,
            "hidden": _HIDDEN,
            "conditioning": "mel",
            "audio_steps": MEL_STEPS,
            "lead": _LEAD,
            "reference_channels": 3,
        },
        half_storage=half_storage,
    )
