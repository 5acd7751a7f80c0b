"""AdaSR with learned keypoints, as its authors trained it, as three ONNX graphs.

`keypoints` sees the pose of any picture; `once` runs once per portrait, `frame` once per batch of frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dubtool.export.graph import Part, export_module, export_pair
from dubtool.networks.adasr import AdaSR
from dubtool.networks.adasr_pose import degrees, rotation_matrix
from dubtool.networks.batchnorm_folding import fold_batch_norm
from dubtool.networks.spectral import bake_spectral_norm

NETWORK = "adasr-learned"
SIDE = 256


class _Keypoints(nn.Module):
    def __init__(self, network: AdaSR) -> None:
        super().__init__()
        self.he_estimator = network.he_estimator

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        pose = self.he_estimator(image)
        angles = torch.stack([degrees(scores) for scores in (pose.yaw, pose.pitch, pose.roll)], dim=1)
        return angles, pose.translation, pose.expression.unflatten(1, (-1, 3))


class _Once(nn.Module):
    def __init__(self, network: AdaSR) -> None:
        super().__init__()
        self.kp_detector, self.generator = network.kp_detector, network.generator

    def forward(self, image: Tensor, angles: Tensor, translation: Tensor, expression: Tensor) -> tuple[Tensor, ...]:
        canonical = self.kp_detector(image)
        rotation = rotation_matrix(*angles.unbind(dim=1))
        source = canonical @ rotation.transpose(1, 2) + translation[:, None] + expression
        volume = self.generator.encode_source(image)
        compressed, heatmaps = self.generator.dense_motion_network.encode_source(volume, source)
        return canonical, source, volume, compressed, heatmaps


class _Frame(nn.Module):
    def __init__(self, network: AdaSR) -> None:
        super().__init__()
        self.generator = network.generator

    def forward(self, source: Tensor, volume: Tensor, compressed: Tensor, heatmaps: Tensor, driven: Tensor) -> Tensor:
        batch = driven.shape[0]
        volume, compressed, heatmaps = (each.expand(batch, -1, -1, -1, -1) for each in (volume, compressed, heatmaps))
        source = source.expand(batch, -1, -1)
        motion = self.generator.dense_motion_network.move(compressed, heatmaps, source, driven)
        return self.generator.decode(volume, *motion)


def export_learned_adasr(
    network: AdaSR,
    keypoints: Path,
    once: Path,
    frame: Path,
    *,
    descriptor: Mapping[str, Any],
    side: int = SIDE,
    half_storage: bool = True,
) -> None:
    """Write the three graphs for crops of `side` pixels; every size but B is fixed. Pictures are RGB, 0..1.

    keypoints: image [B, 3, side, side] -> angles [B, (yaw, pitch, roll)] degrees, translation [B, 3], expression
    [B, K, 3].
    once: image [1, 3, side, side], its angles, translation, expression -> canonical [1, K, 3], source [1, K, 3],
    volume [1, C, D, side/4, side/4], compressed [1, c, D, side/4, side/4], heatmaps [1, K, D, side/4, side/4].
    frame: source, volume, compressed, heatmaps, driven [B, K, 3] -> picture [B, 3, side, side].
    All describe themselves by `descriptor`, the side and the number of keypoints.
    """
    plain = bake_spectral_norm(fold_batch_norm(network)).cpu().float()
    count = plain.kp_detector.kp.out_channels
    sizes = {**descriptor, "network": NETWORK, "side": side, "keypoints": count}
    image = torch.zeros(2, 3, side, side)
    posed, drawn = ("angles", "translation", "expression"), ("source", "volume", "compressed", "heatmaps")
    export_module(
        _Keypoints(plain),
        {"image": image},
        keypoints,
        outputs=posed,
        dynamic={"image": {0: "batch"}},
        descriptor={**sizes, "graph": "keypoints"},
        half_storage=half_storage,
    )
    pose = dict(zip(posed, (torch.zeros(1, 3), torch.zeros(1, 3), torch.zeros(1, count, 3)), strict=True))
    export_pair(
        Part(_Once(plain), {"image": image[:1], **pose}, ("canonical", *drawn)),
        Part(_Frame(plain), {"driven": torch.zeros(2, count, 3)}, ("picture",), ("driven",)),
        (once, frame),
        sizes,
        half_storage=half_storage,
    )
