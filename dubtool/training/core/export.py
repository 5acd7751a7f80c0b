"""Trained networks to the files that `weights/` ships."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dubtool.errors import OutputError, UsageError
from dubtool.export.dinet import export_dinet
from dubtool.export.g4g import export_g4g
from dubtool.export.graph import export_module
from dubtool.networks.dinet import DINet
from dubtool.networks.shape_predictor import ShapePredictor
from dubtool.networks.shapesync import ShapeSync
from dubtool.networks.syncnet import LightSyncNet, SyncNet
from dubtool.training.adasr.stage import AdasrStage
from dubtool.training.adasr.trainer import export_reenactor
from dubtool.training.core.config import stage_of_run
from dubtool.training.core.trainer import read_checkpoint
from dubtool.training.g4g.stage import G4GStage
from dubtool.training.g4g.trainer import hidden_mask, new_g4g
from dubtool.training.generator.stage import GeneratorStage
from dubtool.training.generator.trainer import new_generator
from dubtool.training.hdtr.stage import HdtrStage
from dubtool.training.hdtr.trainer import export_restorer
from dubtool.training.predictor.stage import PredictorStage
from dubtool.training.predictor.trainer import new_predictor
from dubtool.training.shapesync.stage import ShapeSyncStage
from dubtool.training.shapesync.trainer import new_shapesync
from dubtool.training.syncnet.stage import FRAMES, STEPS, SyncStage
from dubtool.training.syncnet.trainer import trained_syncnet
from dubtool.training.warp_painter.stage import WarpPainterStage
from dubtool.training.warp_painter.trainer import export_painter
from dubtool.weights.locate import find
from dubtool.weights.registry import Entry, add_local, registry
from dubtool.weights.verify import sha256_of


def export_predictor(net: ShapePredictor, stage: PredictorStage, path: Path) -> None:
    """Write states [1, L, C, T], mel [1, 2, M, T] -> shapes [1, K, T]."""
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
            "reach": net.reach,
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


def export_generator(
    net: DINet, stage: GeneratorStage, once: Path, frame: Path, steps: int, sharpen: float = 0.0
) -> None:
    """Write the two graphs of a generator, trained for `steps` steps. sharpen: see `export_run`."""
    descriptor = {
        "conditioning": stage.conditioning,
        "hidden": list(stage.mask),
        "stage": asdict(stage),
        "steps": steps,
        "sharpen": sharpen,
    }
    export_dinet(net, once, frame, mouth=stage.mouth, descriptor=descriptor)


def export_run(run: Path, out: Path, name: str, *, sharpen: float = 0.0) -> list[Path]:
    """Export what a training run has learned so far into `out`, and register it there.

    A generator becomes the graphs NAME_once.onnx and NAME_frame.onnx, a predictor speech_shapes.onnx, a sync expert
    syncnet.onnx, a sync judge shapesync.onnx. With $DUBTOOL_WEIGHTS naming `out`, dubtool uses them: the generator as
    `--model NAME`. The run's shape model goes along if it is not the shipped one.

    sharpen: amount of unsharp masking of every mouth that a generator or a G4G draws (`face.generator`).

    Raises:
        InputError: the folder is no training run, or its checkpoint is missing or damaged.
        OutputError: `out` cannot be written. UsageError: `sharpen` of something else, or the files'
        names are taken.
    """
    stage = stage_of_run(run)
    export: Callable[..., Made] = _EXPORTS[type(stage)]
    if type(stage) in (GeneratorStage, G4GStage):
        export = partial(export, sharpen=sharpen)
    elif sharpen:
        raise UsageError(f"{run}: only what draws mouths can sharpen them, and this is a {stage.network}")
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".export.", dir=out) as work:
            made = export(run, stage, Path(work), name)
            shape = run / "face_shape.npz"
            if shape.is_file() and shape.read_bytes() != find("face_shape").read_bytes():
                shutil.copyfile(shape, Path(work) / shape.name)
                made.append((shape.name, "shape model", "mean head and modes of mouth movement of one's own corpus"))
            for file, _, _ in made:
                _check_free(file)
            entries = [_entry(Path(work) / file, kind, purpose) for file, kind, purpose in made]
            for entry in entries:
                (Path(work) / entry.file).replace(out / entry.file)
    except OSError as error:
        raise OutputError(f"{out}: cannot be written ({error.strerror or error})") from error
    add_local(out, *entries)
    return [out / entry.file for entry in entries]


def _check_free(file: str) -> None:
    """Raise UsageError if dubtool knows `file` as another network's: what lies in its place would never pass for it."""
    for entry in registry().values():
        if entry.file == file and entry.name != Path(file).stem:
            raise UsageError(f"{file} is what dubtool calls {entry.name}; choose another --name")


Made = list[tuple[str, str, str]]


def _generator(run: Path, stage: GeneratorStage, work: Path, name: str, sharpen: float = 0.0) -> Made:
    checkpoint = run / "checkpoint.pt"
    once, frame = f"{name}_once.onnx", f"{name}_frame.onnx"
    steps = int(read_checkpoint(checkpoint)["step"])
    export_generator(load_generator(checkpoint, stage), stage, work / once, work / frame, steps, sharpen)
    purpose = f"a generator trained here, mouths of {stage.mouth} px: what runs"
    return [(once, "generator", f"{purpose} once per video"), (frame, "generator", f"{purpose} per frame")]


def _g4g(run: Path, stage: G4GStage, work: Path, name: str, sharpen: float = 0.0) -> Made:
    state = read_checkpoint(run / "checkpoint.pt")
    net = new_g4g(stage)
    net.load_state_dict(state["average"])
    descriptor = {
        "conditioning": "mel",
        "landmarks": "rest" if stage.rest_share == 1 else "spoken",
        "hidden": list(stage.mask),
        "stage": asdict(stage),
        "steps": int(state["step"]),
        "sharpen": sharpen,
    }
    once, frame = f"{name}_once.onnx", f"{name}_frame.onnx"
    export_g4g(net, work / once, work / frame, mouth=stage.mouth, hidden=hidden_mask(stage), descriptor=descriptor)
    purpose = f"a G4G trained here, mouths of {stage.mouth} px: what runs"
    return [(once, "generator", f"{purpose} once per video"), (frame, "generator", f"{purpose} per frame")]


def _predictor(run: Path, stage: PredictorStage, work: Path, name: str) -> Made:
    weights: dict[str, Tensor] = read_checkpoint(run / "checkpoint.pt")["average"]
    (layers, channels), (bands,) = weights["members.0.mean"].shape, weights["members.0.mel_mean"].shape
    net = new_predictor(stage, weights["members.0.exit.weight"].shape[0], layers, channels, bands)
    net.load_state_dict(weights)
    export_predictor(net.eval(), stage, work / "speech_shapes.onnx")
    return [("speech_shapes.onnx", "shape predictor", "speech to mouth shapes, trained here")]


def _syncnet(run: Path, stage: SyncStage, work: Path, name: str) -> Made:
    weights: dict[str, Tensor] = read_checkpoint(run / "checkpoint.pt")["net"]
    export_syncnet(trained_syncnet(stage, weights), stage, work / "syncnet.onnx")
    return [("syncnet.onnx", "sync expert", "judges whether a mouth fits the speech, trained here")]


def _shapesync(run: Path, stage: ShapeSyncStage, work: Path, name: str) -> Made:
    state = read_checkpoint(run / "checkpoint.pt")
    weights: dict[str, Tensor] = state["net"]
    channels = weights["sound_layers.1.weight"].shape[1]
    net = new_shapesync(stage, len(weights["spread"]), channels)
    net.load_state_dict(weights)
    export_shapesync(net.eval(), stage, work / "shapesync.onnx")
    return [("shapesync.onnx", "sync judge", "judges whether mouth shapes fit the speech, trained here")]


def _hdtr(run: Path, stage: HdtrStage, work: Path, name: str) -> Made:
    once, frame = f"{name}_once.onnx", f"{name}_frame.onnx"
    export_restorer(run, stage, work / once, work / frame)
    purpose = f"restores teeth, trained here on mouths of {stage.side} px: the"
    return [(once, "teeth restoration", f"{purpose} reference"), (frame, "teeth restoration", f"{purpose} mouth")]


def _adasr(run: Path, stage: AdasrStage, work: Path, name: str) -> Made:
    once, frame = f"{name}_once.onnx", f"{name}_frame.onnx"
    export_reenactor(run, stage, work / once, work / frame)
    purpose = f"makes portraits move, trained here on heads of {stage.side} px: what runs"
    return [(once, "reenactment", f"{purpose} once per portrait"), (frame, "reenactment", f"{purpose} per frame")]


def _warp_painter(run: Path, stage: WarpPainterStage, work: Path, name: str) -> Made:
    file = "warp_painter.onnx"
    export_painter(run, stage, work / file)
    return [(file, "painter", f"paints over deformed references, trained here on mouths of {stage.side} px")]


# Each writes the graphs of a run into a folder, and tells (file, kind, purpose) of each.
_EXPORTS: dict[type, Callable[[Path, Any, Path, str], Made]] = {
    GeneratorStage: _generator,
    G4GStage: _g4g,
    PredictorStage: _predictor,
    SyncStage: _syncnet,
    ShapeSyncStage: _shapesync,
    HdtrStage: _hdtr,
    AdasrStage: _adasr,
    WarpPainterStage: _warp_painter,
}


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
