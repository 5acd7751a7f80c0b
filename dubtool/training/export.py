"""Trained networks to the files that `weights/` ships."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dubtool.engine.export import export_module
from dubtool.engine.export_dinet import export_dinet
from dubtool.errors import OutputError
from dubtool.networks.dinet import DINet
from dubtool.networks.shape_predictor import ShapePredictor
from dubtool.networks.syncnet import SyncNet
from dubtool.training.config import AnyStage, stage_of_run
from dubtool.training.generator import GeneratorStage, new_generator
from dubtool.training.predictor import PredictorStage, new_predictor
from dubtool.training.syncnet import FRAMES, STEPS, SyncStage, new_syncnet
from dubtool.training.trainer import read_checkpoint
from dubtool.weights.locate import find
from dubtool.weights.registry import Entry, add_local
from dubtool.weights.verify import sha256_of

_KERNEL_REACH = 4


def export_predictor(net: ShapePredictor, stage: PredictorStage, path: Path) -> None:
    """Write states [1, L, C, T] -> shapes [1, K, T]."""
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
            "gain": stage.gain,
            "reach": _KERNEL_REACH * sum(stage.dilations),
            "stage": asdict(stage),
        },
        half_storage=True,
    )


def load_generator(checkpoint: Path, stage: GeneratorStage) -> DINet:
    """The averaged network of a training run."""
    net = new_generator(stage)
    average: dict[str, Tensor] = read_checkpoint(checkpoint)["average"]
    net.load_state_dict(average)
    return net.eval()


def export_generator(net: DINet, stage: GeneratorStage, once: Path, frame: Path, steps: int) -> None:
    """Write the two graphs of a shape-conditioned generator, trained for `steps` steps."""
    descriptor = {"conditioning": "shape", "hidden": list(stage.mask), "stage": asdict(stage), "steps": steps}
    export_dinet(net, once, frame, mouth=stage.mouth, descriptor=descriptor)


def export_run(run: Path, out: Path, name: str) -> list[Path]:
    """Export what a training run has learned so far into `out`, and register it there.

    A generator becomes the graphs NAME_once.onnx and NAME_frame.onnx, a predictor speech_shapes.onnx, a sync expert
    syncnet.onnx. With $DUBTOOL_WEIGHTS naming `out`, dubtool uses them: the generator as `--model NAME`. The run's
    shape model goes along if it is not the shipped one.

    Raises:
        InputError: the folder is no training run, or its checkpoint is missing or damaged.
        OutputError: `out` cannot be written.
    """
    stage = stage_of_run(run)
    checkpoint = run / "checkpoint.pt"
    state = read_checkpoint(checkpoint)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".export.", dir=out) as work:
            made = _exported(stage, checkpoint, state, Path(work), name)
            shape = run / "face_shape.npz"
            if shape.is_file() and shape.read_bytes() != find("face_shape").read_bytes():
                shutil.copyfile(shape, Path(work) / shape.name)
                made.append((shape.name, "shape model", "mean head and modes of mouth movement of one's own corpus"))
            entries = [_entry(Path(work) / file, kind, purpose) for file, kind, purpose in made]
            for entry in entries:
                (Path(work) / entry.file).replace(out / entry.file)
    except OSError as error:
        raise OutputError(f"{out}: cannot be written ({error.strerror or error})") from error
    add_local(out, *entries)
    return [out / entry.file for entry in entries]


def _exported(
    stage: AnyStage, checkpoint: Path, state: Mapping[str, Any], work: Path, name: str
) -> list[tuple[str, str, str]]:
    """Write the graphs of a run; (file, kind, purpose) of each."""
    if isinstance(stage, GeneratorStage):
        once, frame = f"{name}_once.onnx", f"{name}_frame.onnx"
        export_generator(load_generator(checkpoint, stage), stage, work / once, work / frame, int(state["step"]))
        purpose = f"a generator trained here, mouths of {stage.mouth} px: what runs"
        return [(once, "generator", f"{purpose} once per video"), (frame, "generator", f"{purpose} per frame")]
    weights: dict[str, Tensor] = state["net"]
    if isinstance(stage, PredictorStage):
        channels, modes = weights["entry.weight"].shape[1], weights["exit.weight"].shape[0]
        predictor = new_predictor(stage, modes, len(weights["mix"]), channels)
        predictor.load_state_dict(weights)
        export_predictor(predictor.eval(), stage, work / "speech_shapes.onnx")
        return [("speech_shapes.onnx", "shape predictor", "speech states to mouth shapes, trained here")]
    expert = new_syncnet(stage, weights["audio_encoder.audio_conv.0.conv.weight"].shape[1])
    expert.load_state_dict(weights)
    export_syncnet(expert.eval(), stage, work / "syncnet.onnx")
    return [("syncnet.onnx", "sync expert", "judges whether a mouth fits the speech, trained here")]


def export_syncnet(net: SyncNet, stage: SyncStage, path: Path) -> None:
    """Write image [B, 15, m, m], audio [B, C, T] -> score [B, 1, m/32, m/32], near 1 where they belong together."""
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


def _entry(file: Path, kind: str, purpose: str) -> Entry:
    return Entry(
        file.stem,
        file.name,
        kind,
        purpose,
        author="trained on this machine",
        licence="as its training data allows",
        size=file.stat().st_size,
        sha256=sha256_of(file),
    )
