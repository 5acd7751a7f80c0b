"""G4G as two ONNX graphs: `once` runs once per video, `frame` once per batch of frames."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dubtool.export.graph import Part, PartOf, export_pair
from dubtool.networks.batchnorm_folding import fold_batch_norm
from dubtool.networks.dinet import crop_size, mouth_window
from dubtool.networks.g4g import G4G, smooth_mask
from dubtool.networks.polyphase import with_polyphase_tail
from dubtool.networks.window import Window, apply_within, needed

# How far the blend network looks, px: 3 + 1 at full resolution, two residual blocks of 2 and an edge at half, 1 + 3.
_BLEND_REACH = 20
MEL_STEPS = 16


class _Once(PartOf[G4G]):
    """References to what AdaAT samples, and to their embedding."""

    def forward(self, reference: Tensor) -> tuple[Tensor, Tensor]:
        network = self.network
        features = network.reference_encoder(reference)
        return network.adaat.blend(network.before(features)), network.alignment.reference(features)


class _Frame(nn.Module):
    """Everything that changes from frame to frame, computed only as far as the mouth box depends on it."""

    soft: Tensor

    def __init__(self, network: G4G, hidden: Tensor) -> None:
        super().__init__()
        self.network = network
        height, width = hidden.shape[2:]
        self.register_buffer("soft", smooth_mask(hidden), persistent=False)
        self.picture = Window.whole(height, width)
        self.box = mouth_window(height, width)
        self.seen = self.box.grown(_BLEND_REACH)
        rows, columns = self.soft[0, 0].amax(1).nonzero(), self.soft[0, 0].amax(0).nonzero()
        self.redrawn = _even(
            Window(int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1, height, width)
        )

    def forward(self, source: Tensor, landmarks: Tensor, mel: Tensor, features: Tensor, embedding: Tensor) -> Tensor:
        network = self.network
        source_features = network.encode_source(source, landmarks)
        embeddings = network.alignment.with_reference(source_features, embedding, landmarks, mel)
        decoded = self._decoded(source_features, features, network.code(embeddings))
        whole, redrawn, seen = self.picture, self.redrawn, self.seen
        soft = redrawn.cut_from(self.soft, whole)
        change = soft * (decoded - redrawn.cut_from(source, whole))
        margins = (redrawn.left, whole.right - redrawn.right, redrawn.top, whole.bottom - redrawn.bottom)
        composite = source + F.pad(change, margins)
        if network.blend is None:
            return self.box.cut_from(composite, whole)
        mask = seen.cut_from(self.soft, whole).expand(source.shape[0], -1, -1, -1)
        return self.box.cut_from(network.blend(seen.cut_from(composite, whole), mask), seen)

    def _decoded(self, source_features: Tensor, features: Tensor, code: Tensor) -> Tensor:
        """The decoded face inside the window that is redrawn."""
        network = self.network
        frame = Window.whole(*source_features.shape[2:])
        decoded = needed(network.decoder, self.redrawn)[0]
        sampled = needed(network.after, decoded)[0]
        deformed = apply_within(network.after, network.adaat.sample(features, code, sampled), sampled, decoded)
        both = torch.cat((decoded.cut_from(source_features, frame), deformed), dim=1)
        return apply_within(network.decoder, both, decoded, self.redrawn)


def export_g4g(
    network: G4G,
    once: Path,
    frame: Path,
    *,
    mouth: int,
    hidden: Tensor,
    descriptor: Mapping[str, Any],
    half_storage: bool = True,
) -> None:
    """Write the two graphs for a mouth box of `mouth` pixels, whose crop is H x W; every size but B is fixed.

    hidden: [1, 1, H, W], 1 where the source is blanked.
    once: reference [1, R, H, W] -> features [1, 4*width, H/4, W/4], embedding [1, 4*width].
    frame: source [B, 3, H, W], landmarks [B, L, H, W], mel [B, 16, 80], features, embedding -> mouth [B, 3, mouth,
    mouth], 0..1. Both describe themselves by `descriptor` and the network's sizes.
    """
    folded = fold_batch_norm(network).cpu().float()
    folded.decoder = with_polyphase_tail(folded.decoder)
    height, width = crop_size(mouth)
    sizes = {
        "network": "g4g",
        "mouth": mouth,
        "width": network.width,
        "reference_channels": network.reference_channels,
        "landmark_channels": network.landmark_channels,
        "audio_channels": network.mel_bands,
        "audio_steps": MEL_STEPS,
    }
    reference = torch.zeros(1, network.reference_channels, height, width)
    export_pair(
        Part(_Once(folded), {"reference": reference}, ("features", "embedding")),
        Part(
            _Frame(folded, hidden),
            {
                "source": torch.zeros(2, 3, height, width),
                "landmarks": torch.zeros(2, network.landmark_channels, height, width),
                "mel": torch.zeros(2, MEL_STEPS, network.mel_bands),
            },
            ("mouth",),
            ("source", "landmarks", "mel"),
        ),
        (once, frame),
        {**descriptor, **sizes},
        half_storage=half_storage,
    )


def _even(window: Window) -> Window:
    """The smallest window with even edges that covers this one: upsampling makes pixels in pairs."""
    return window.halved().doubled()
