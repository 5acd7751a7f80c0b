"""Trained networks to the files that `weights/` ships."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dubtool.engine.export import export_module
from dubtool.engine.export_dinet import export_dinet
from dubtool.face.draw import DRAWING_CHANNELS
from dubtool.networks.dinet import DINet
from dubtool.networks.shape_predictor import ShapePredictor
from dubtool.training.clips import REFERENCES
from dubtool.training.generator import GeneratorStage
from dubtool.training.predictor import PredictorStage

_KERNEL_REACH = 4


def export_predictor(net: ShapePredictor, stage: PredictorStage, path: Path, gain: float = 1.0) -> None:
    """Write states [1, L, C, T] -> shapes [1, K, T]. gain: what the shapes are multiplied by at work."""
    layers, channels, modes = len(net.mix), net.entry.in_channels, net.exit.out_channels
    export_module(
        net,
        {"states": torch.zeros(1, layers, channels, 64)},
        path,
        outputs=("shapes",),
        dynamic={"states": {3: "steps"}},
        descriptor={
            "network": "shape-predictor",
            "modes": modes,
            "gain": gain,
            "reach": _KERNEL_REACH * sum(stage.dilations),
            "stage": asdict(stage),
        },
        half_storage=True,
    )


def load_generator(checkpoint: Path, stage: GeneratorStage) -> DINet:
    """The averaged network of a training run."""
    state: dict[str, Any] = torch.load(checkpoint, weights_only=True, map_location="cpu")
    net = DINet(3 + DRAWING_CHANNELS, 3 * REFERENCES, stage.modes, stage.width)
    average: dict[str, Tensor] = state["average"]
    net.load_state_dict(average)
    return net.eval()


def export_generator(net: DINet, stage: GeneratorStage, once: Path, frame: Path, steps: int) -> None:
    """Write the two graphs of a shape-conditioned generator, trained for `steps` steps."""
    descriptor = {"conditioning": "shape", "hidden": list(stage.mask), "stage": asdict(stage), "steps": steps}
    export_dinet(net, once, frame, mouth=stage.mouth, descriptor=descriptor)
