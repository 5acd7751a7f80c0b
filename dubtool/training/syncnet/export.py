"""A trained sync expert as a graph."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch

from dubtool.export.graph import export_module
from dubtool.networks.syncnet import LightSyncNet, SyncNet
from dubtool.training.core.export_job import ExportedFile, ExportJob
from dubtool.training.core.stage import FRAMES
from dubtool.training.syncnet.stage import STEPS, SyncStage
from dubtool.training.syncnet.trainer import trained_syncnet

_FILE = "syncnet.onnx"


def export(job: ExportJob[SyncStage]) -> list[ExportedFile]:
    """Write syncnet.onnx."""
    export_syncnet(trained_syncnet(job.stage, job.checkpoint["net"]), job.stage, job.folder / _FILE)
    return [ExportedFile(_FILE, "sync expert", "judges whether a mouth fits the speech, trained here")]


def export_syncnet(net: SyncNet | LightSyncNet, stage: SyncStage, path: Path) -> None:
    """Write image [B, 15, m, m], audio [B, C, T] -> score [B, 1, h, w], near 1 where they belong together."""
    export_module(
        net,
        {
            "image": torch.zeros(2, 3 * FRAMES, stage.mouth, stage.mouth),
            "audio": torch.zeros(2, net.audio_channels, STEPS),
        },
        path,
        outputs=("score",),
        dynamic={"image": {0: "batch"}, "audio": {0: "batch"}},
        descriptor={"network": "syncnet", "mouth": stage.mouth, "steps": STEPS, "stage": asdict(stage)},
        half_storage=True,
    )
