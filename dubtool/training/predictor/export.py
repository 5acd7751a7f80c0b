"""A trained shape predictor as a graph."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from dubtool.export.graph import export_module
from dubtool.face.shape import ShapeModel
from dubtool.networks.shape_predictor import ShapePredictor
from dubtool.training.core.export_job import ExportedFile, ExportJob
from dubtool.training.core.recipe import SHAPE_FILE
from dubtool.training.predictor.stage import PredictorStage
from dubtool.training.predictor.trainer import new_predictor

_FILE = "speech_shapes.onnx"


def export(job: ExportJob[PredictorStage]) -> list[ExportedFile]:
    """Write speech_shapes.onnx."""
    weights: dict[str, Tensor] = job.checkpoint["average"]
    (layers, channels), (bands,) = weights["members.0.mean"].shape, weights["members.0.mel_mean"].shape
    net = new_predictor(job.stage, weights["members.0.exit.weight"].shape[0], layers, channels, bands)
    model = ShapeModel.load(job.run / SHAPE_FILE)
    export_predictor(job.averaged(net), job.stage, model, job.folder / _FILE)
    return [ExportedFile(_FILE, "shape predictor", "speech to mouth shapes, trained here")]


def export_predictor(net: ShapePredictor, stage: PredictorStage, model: ShapeModel, path: Path) -> None:
    """Write states [1, L, C, T], mel [1, 2, M, T] -> shapes [1, K, T].

    model: the one whose coefficients the network has learned.
    """
    export_module(
        net,
        {"states": torch.zeros(1, net.layers, net.channels, 64), "mel": torch.zeros(1, 2, net.bands, 64)},
        path,
        outputs=("shapes",),
        dynamic={"states": {3: "steps"}, "mel": {3: "steps"}},
        descriptor={
            "network": "shape-predictor",
            "modes": net.modes,
            "bands": net.bands,
            "gain": stage.gain,
            "closing": {"below": stage.closing, "opening": [round(float(each), 6) for each in model.opening]},
            "reach": net.reach,
            "stage": asdict(stage),
        },
        half_storage=True,
    )
