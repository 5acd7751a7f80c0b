"""Training runs from beginning to end: prepared data in, a run folder with checkpoints, logs and pictures out."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from dubtool.errors import DeviceError, InputError, OutputError, UsageError
from dubtool.face.shape import ShapeModel
from dubtool.training.adasr.data import PortraitSampler
from dubtool.training.adasr.stage import AdasrStage
from dubtool.training.adasr.trainer import AdasrTrainer, new_network
from dubtool.training.adasr.validation import validate_portraits
from dubtool.training.core.config import check_same
from dubtool.training.core.encoder import read_encoder
from dubtool.training.core.plots import plot_run
from dubtool.training.core.stage import Stage
from dubtool.training.core.trainer import LOG, Trainer
from dubtool.training.data.cutouts import CUTOUTS, load_cutouts
from dubtool.training.data.faces import FACES, load_faces
from dubtool.training.data.sounds import SoundClip, load_sounds
from dubtool.training.data.spoken import SECOND, load_spoken
from dubtool.training.g4g.data import HeardSampler, load_heard
from dubtool.training.g4g.stage import G4GStage
from dubtool.training.g4g.trainer import G4GTrainer, new_g4g
from dubtool.training.g4g.validation import validate_g4g
from dubtool.training.generator.data import open_sampler
from dubtool.training.generator.stage import GeneratorStage
from dubtool.training.generator.trainer import GeneratorTrainer, new_generator
from dubtool.training.generator.validation import validate
from dubtool.training.hdtr.stage import HdtrStage
from dubtool.training.hdtr.trainer import HdtrTrainer, new_restorer
from dubtool.training.hdtr.validation import validate_teeth, validation_samples
from dubtool.training.predictor.stage import PredictorStage
from dubtool.training.predictor.trainer import PredictorTrainer, score
from dubtool.training.shapesync.stage import ShapeSyncStage
from dubtool.training.shapesync.trainer import ShapeSyncTrainer, told_apart
from dubtool.training.syncnet.stage import SyncStage
from dubtool.training.syncnet.trainer import SyncPairs, SyncTrainer, accuracy
from dubtool.training.warp_painter.stage import WarpPainterStage
from dubtool.training.warp_painter.trainer import WarpPainterTrainer, new_warp_painter
from dubtool.training.warp_painter.validation import validate_warps, validation_warps
from dubtool.weights.locate import find

Progress = Callable[[int, dict[str, float]], None]

PICTURES = "pictures"
_SHAPE_FILE = "face_shape.npz"


@dataclass(frozen=True)
class Effort:
    """How long a run may go on and what it keeps: minutes (None: to the last step), seconds between checkpoints and
    between looks at validation people, threads that make batches ahead, and the device ("auto", "cpu", "cuda")."""

    minutes: float | None = None
    save_every: float = 180.0
    watch_every: float = 600.0
    workers: int = 0
    device: str = "auto"


@dataclass(frozen=True)
class Given:
    """Files that some networks are trained with. start: the run, or checkpoint, whose weights a new run begins with.
    vgg: the weights of `perception.Vgg19`; without them there is no perception loss. sync: the run of a sync
    expert, for stages that have a sync loss."""

    start: Path | None = None
    vgg: Path | None = None
    sync: Path | None = None


@dataclass(frozen=True)
class _Learner:
    """A trainer, and what looks at its progress on validation people."""

    trainer: Trainer[Any, Any]
    watch: Callable[[], None]


def train(
    data: Path, run: Path, stage: Stage, effort: Effort, given: Given | None = None, *, progress: Progress
) -> int:
    """Train the network that a stage is for, or go on; returns the steps made in all.

    data: a folder of `prepare`.

    Raises:
        UsageError: the run was begun with other settings or another shape model, or `given.start` holds a network of
            other sizes.
        InputError: there is nothing to learn from, or `given.start` is no run.
        WeightsError: `given.vgg` cannot be read.
    """
    given = given or Given()
    check_same(stage, run)
    _keep_shape_model(data, run)
    learner = _LEARNERS[type(stage)](data, run, stage, given, _device(effort.device))
    trainer = learner.trainer
    if not trainer.resume() and given.start is not None:
        trainer.start_from(given.start if given.start.is_file() else given.start / "checkpoint.pt")
    return _train(trainer, run, effort, learner.watch, progress)


def _generator(data: Path, run: Path, stage: GeneratorStage, given: Given, device: str) -> _Learner:
    trainer = GeneratorTrainer(stage, data / "clips", given.vgg, run, device, given.sync)
    people = _if_any(lambda: open_sampler(data / "clips", "val", stage, augment=False))

    def watch() -> None:
        net = new_generator(stage)
        net.load_state_dict(trainer.average)
        (run / PICTURES).mkdir(exist_ok=True)
        if people is not None:
            trainer.note_validation(validate(net, people, stage, run / PICTURES / f"{trainer.step:07d}.png"))

    return _Learner(trainer, watch)


def _g4g(data: Path, run: Path, stage: G4GStage, given: Given, device: str) -> _Learner:
    model = ShapeModel.load(run / _SHAPE_FILE)
    trainer = G4GTrainer(stage, data / "clips", model, given.vgg, run, device, given.sync)
    heard = _if_any(lambda: load_heard(data / "clips", "val", min_natural=0.0))
    people = None if heard is None else HeardSampler(heard, model, replace(stage, rest_share=0.0), augment=False)

    def watch() -> None:
        net = new_g4g(stage)
        net.load_state_dict(trainer.average)
        (run / PICTURES).mkdir(exist_ok=True)
        if people is not None:
            trainer.note_validation(validate_g4g(net, people, stage, run / PICTURES / f"{trainer.step:07d}.png"))

    return _Learner(trainer, watch)


def _predictor(data: Path, run: Path, stage: PredictorStage, given: Given, device: str) -> _Learner:
    model = ShapeModel.load(run / _SHAPE_FILE)
    clips, people = (load_sounds(data / "clips", split) for split in ("train", "val"))
    encoder = read_encoder(find("whisper"))
    trainer = PredictorTrainer(stage, clips, model, encoder, run, device)

    def watch() -> None:
        if people:
            trainer.note_validation(_predictor_scores(trainer, people, model))

    return _Learner(trainer, watch)


def _syncnet(data: Path, run: Path, stage: SyncStage, given: Given, device: str) -> _Learner:
    trainer = SyncTrainer(stage, data / "clips", run, device)
    people = _if_any(lambda: SyncPairs(data / "clips", "val", stage, augment=False))

    def watch() -> None:
        if people is not None:
            trainer.note_validation({"accuracy": accuracy(trainer.net, people)})

    return _Learner(trainer, watch)


def _shapesync(data: Path, run: Path, stage: ShapeSyncStage, given: Given, device: str) -> _Learner:
    clips = load_spoken(data / "clips", "train", augmented=True, layer=SECOND)
    people = load_spoken(data / "clips", "val", augmented=False, layer=SECOND)
    trainer = ShapeSyncTrainer(stage, clips, run, device)

    def watch() -> None:
        if people:
            net = trainer.net.cpu()
            trainer.note_validation({"accuracy": told_apart(net, people)})
            net.to(trainer.device)

    return _Learner(trainer, watch)


def _hdtr(data: Path, run: Path, stage: HdtrStage, given: Given, device: str) -> _Learner:
    trainer = HdtrTrainer(stage, data / "clips", given.vgg, run, device)
    samples = _if_any(lambda: validation_samples(data / "clips", stage))

    def watch() -> None:
        net = new_restorer(stage)
        net.load_state_dict(trainer.average)
        (run / PICTURES).mkdir(exist_ok=True)
        if samples is not None:
            sheet = run / PICTURES / f"{trainer.step:07d}.png"
            trainer.note_validation(validate_teeth(net, samples, stage, sheet))

    return _Learner(trainer, watch)


def _adasr(data: Path, run: Path, stage: AdasrStage, given: Given, device: str) -> _Learner:
    trainer = AdasrTrainer(stage, data / FACES, given.vgg, run, device)
    people = load_faces(data / FACES, "val")

    def watch() -> None:
        net = new_network(stage)
        net.load_state_dict(trainer.average)
        (run / PICTURES).mkdir(exist_ok=True)
        if people:
            sheet = run / PICTURES / f"{trainer.step:07d}.png"
            trainer.note_validation(validate_portraits(net, PortraitSampler(people, stage.side, 0), sheet))

    return _Learner(trainer, watch)


def _warp_painter(data: Path, run: Path, stage: WarpPainterStage, given: Given, device: str) -> _Learner:
    model = ShapeModel.load(run / _SHAPE_FILE)
    trainer = WarpPainterTrainer(stage, data / CUTOUTS, model, given.vgg, run, device)
    samples = _if_any(lambda: validation_warps(load_cutouts(data / CUTOUTS, "val", stage.least_radius), model, stage))

    def watch() -> None:
        net = new_warp_painter(stage)
        net.load_state_dict(trainer.average)
        (run / PICTURES).mkdir(exist_ok=True)
        if samples is not None:
            trainer.note_validation(validate_warps(net, samples, run / PICTURES / f"{trainer.step:07d}.png"))

    return _Learner(trainer, watch)


_LEARNERS: dict[type, Callable[[Path, Path, Any, Given, str], _Learner]] = {
    GeneratorStage: _generator,
    G4GStage: _g4g,
    PredictorStage: _predictor,
    SyncStage: _syncnet,
    ShapeSyncStage: _shapesync,
    HdtrStage: _hdtr,
    AdasrStage: _adasr,
    WarpPainterStage: _warp_painter,
}


T = TypeVar("T")


def _if_any(open_people: Callable[[], T]) -> T | None:
    """What looks at validation people; None where the data has none that the network could be tried on."""
    try:
        return open_people()
    except InputError:
        return None


def _train(trainer: Trainer, run: Path, effort: Effort, watch: Callable[[], None], progress: Progress) -> int:
    def watch_and_draw() -> None:
        watch()
        if (run / LOG).exists():
            plot_run(run)

    try:
        trainer.train(
            save_every=effort.save_every,
            limit=None if effort.minutes is None else 60 * effort.minutes,
            workers=effort.workers,
            watch=watch_and_draw,
            watch_every=effort.watch_every,
            progress=progress,
        )
    except OSError as error:
        raise OutputError(f"{run}: cannot be written ({error.strerror or error})") from error
    return trainer.step


def _predictor_scores(trainer: PredictorTrainer, people: Sequence[SoundClip], model: ShapeModel) -> dict[str, float]:
    """Medians over the validation clips."""
    net, encoder = trainer.averaged(), read_encoder(find("whisper"))
    found = [score(net, encoder, clip, model) for clip in people]
    return {
        name: float(np.median([getattr(each, name) for each in found])) for name in ("opening", "width", "chin", "gain")
    }


def _keep_shape_model(data: Path, run: Path) -> None:
    """A run is of no use without the shape model whose coefficients it learned, nor with another one."""
    source, kept = data / _SHAPE_FILE, run / _SHAPE_FILE
    if not source.is_file():
        raise InputError(f"{data}: is no prepared data (no {_SHAPE_FILE}); run 'dubtool train prepare'")
    if kept.is_file() and (run / "checkpoint.pt").is_file():
        if not _is_same(ShapeModel.load(kept), ShapeModel.load(source)):
            raise UsageError(f"{run}: learned the shapes of another shape model than {data} has; begin a new run")
        return
    try:
        run.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, kept)
    except OSError as error:
        raise OutputError(f"{run}: cannot be written ({error.strerror})") from error


def _is_same(first: ShapeModel, second: ShapeModel) -> bool:
    return np.array_equal(first.mean, second.mean) and np.array_equal(first.basis, second.basis)


def _device(name: str) -> str:
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name.split(":")[0] not in ("cpu", "cuda"):
        raise DeviceError(f"no device is called {name!r}; use auto, cpu, cuda or cuda:N")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise DeviceError(f"{name}: torch finds no usable CUDA device; use --device cpu")
    return name
