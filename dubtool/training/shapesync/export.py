"""A trained sync judge on mouth shapes as a graph."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from dubtool.export.graph import export_module
from dubtool.networks.shapesync import ShapeSync
from dubtool.training.core.export_job import ExportedFile, ExportJob
from dubtool.training.shapesync.stage import ShapeSyncStage
from dubtool.training.shapesync.trainer import new_shapesync

_FILE = "shapesync.onnx"


def export(job: ExportJob[ShapeSyncStage]) -> list[ExportedFile]:
    """Write shapesync.onnx."""
    weights: dict[str, Tensor] = job.checkpoint["net"]
    net = new_shapesync(job.stage, len(weights["spread"]), weights["sound_layers.1.weight"].shape[1])
    net.load_state_dict(weights)
    export_shapesync(net.eval(), job.stage, job.folder / _FILE)
    return [ExportedFile(_FILE, "sync judge", "judges whether mouth shapes fit the speech, trained here")]


def export_shapesync(net: ShapeSync, stage: ShapeSyncStage, path: Path) -> None:
    """Write shapes [N, K, F], states [M, C, T] -> unit vectors mouth [N, D], sound [M, D]."""
    export_module(
        net,
        {"shapes": torch.zeros(2, net.modes, net.frames), "states": torch.zeros(3, net.channels, net.steps)},
        path,
        outputs=("mouth", "sound"),
        dynamic={"shapes": {0: "mouths"}, "states": {0: "sounds"}},
        descriptor={
            "network": "shapesync",
            "modes": net.modes,
            "frames": net.frames,
            "steps": net.steps,
            "stage": asdict(stage),
        },
        half_storage=True,
    )
