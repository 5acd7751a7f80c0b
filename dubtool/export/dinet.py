"""DINet as two ONNX graphs: `once` runs once per video, `frame` once per batch of frames."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dubtool.export.graph import Part, PartOf, export_pair
from dubtool.networks.batchnorm_folding import fold_batch_norm
from dubtool.networks.dinet import DINet, crop_size
from dubtool.networks.polyphase import with_polyphase_tail
from dubtool.networks.quick_convolution import with_quick_convolutions


class _Once(PartOf[DINet]):
    def forward(self, reference: Tensor) -> tuple[Tensor, Tensor]:
        return self.network.encode_reference(reference)


class _Frame(PartOf[DINet]):
    def forward(self, source: Tensor, audio: Tensor, features: Tensor, alignment: Tensor) -> Tensor:
        return self.network.generate(source, audio, features, alignment, mouth_only=True)


def export_dinet(
    network: DINet,
    once: Path,
    frame: Path,
    *,
    mouth: int,
    descriptor: Mapping[str, Any],
    audio_steps: int = 5,
    half_storage: bool = True,
    on_cpu: Path | None = None,
) -> None:
    """Write the two graphs for a mouth box of `mouth` pixels, whose crop is H x W; every size but B is fixed.

    on_cpu: where the frame's graph is also written with quick convolutions, which GPUs have of their own.

    once: reference [1, R, H, W] -> features [1, 4*width, H/4, W/4], alignment [1, 2*width, H/4, W/4].
    frame: source [B, S, H, W], audio [B, K, audio_steps], features, alignment -> mouth [B, 3, mouth, mouth], 0..1.
    Both describe themselves by `descriptor` and the network's sizes.
    """
    folded = fold_batch_norm(network).cpu().float()
    folded.out_conv = with_polyphase_tail(folded.out_conv)
    height, width = crop_size(mouth)
    sizes = {
        "network": "dinet",
        "mouth": mouth,
        "width": network.width,
        "source_channels": network.source_channels,
        "reference_channels": network.reference_channels,
        "audio_channels": network.audio_channels,
        "audio_steps": audio_steps,
    }
    reference = torch.zeros(1, network.reference_channels, height, width)
    export_pair(
        Part(_Once(folded), {"reference": reference}, ("features", "alignment")),
        Part(
            _Frame(folded),
            {
                "source": torch.zeros(2, network.source_channels, height, width),
                "audio": torch.zeros(2, network.audio_channels, audio_steps),
            },
            ("mouth",),
            ("source", "audio"),
        ),
        (once, frame),
        {**descriptor, **sizes},
        half_storage=half_storage,
        again=None if on_cpu is None else (_Frame(_quick(folded)), on_cpu),
    )


def _quick(network: DINet) -> DINet:
    """The same network for a CPU."""
    quick = copy.deepcopy(network)
    for part in (quick.trans_conv, quick.appearance_conv_list, quick.out_conv):
        with_quick_convolutions(part)
    return quick
