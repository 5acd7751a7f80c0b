"""Training runs from beginning to end: prepared data in, a run folder with checkpoints, logs and pictures out."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from dubtool.errors import DeviceError, InputError, OutputError
from dubtool.face.shape import ShapeModel
from dubtool.training.clips import load_clips
from dubtool.training.config import check_same
from dubtool.training.generator import GeneratorStage, GeneratorTrainer, new_generator
from dubtool.training.pictures import validate
from dubtool.training.plots import plot_run
from dubtool.training.predictor import PredictorStage, PredictorTrainer, SpokenClip, load_spoken, score
from dubtool.training.syncnet import SyncPairs, SyncStage, SyncTrainer, accuracy
from dubtool.training.trainer import LOG, Trainer

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


def train_generator(
    data: Path,
    run: Path,
    stage: GeneratorStage,
    effort: Effort,
    *,
    start: Path | None = None,
    vgg: Path | None = None,
    progress: Progress,
) -> int:
    """Train a generator, or go on; returns the steps made in all.

    data: a folder of `prepare`. start: the run whose averaged weights a new run begins with. vgg: the weights of
    `perception.Vgg19`; without them there is no perception loss.

    Raises:
        UsageError: the run was begun with other settings, or `start` holds a network of other sizes.
        InputError: there is nothing to learn from, or `start` is no run. WeightsError: `vgg` cannot be read.
    """
    check_same(stage, run)
    _keep_shape_model(data, run)
    trainer = GeneratorTrainer(stage, data / "clips", vgg, run, _device(effort.device))
    if not trainer.resume() and start is not None:
        trainer.start_from(start if start.is_file() else start / "checkpoint.pt")
    people = load_clips(data / "clips", "val")

    def watch() -> None:
        net = new_generator(stage)
        net.load_state_dict(trainer.average)
        (run / PICTURES).mkdir(exist_ok=True)
        if people:
            trainer.note_validation(validate(net, people, stage, run / PICTURES / f"{trainer.step:07d}.png"))

    return _train(trainer, run, effort, watch, progress)


def train_predictor(data: Path, run: Path, stage: PredictorStage, effort: Effort, *, progress: Progress) -> int:
    """Train a shape predictor, or go on; returns the steps made in all. Raises as `train_generator`."""
    check_same(stage, run)
    _keep_shape_model(data, run)
    model = ShapeModel.load(run / _SHAPE_FILE)
    clips = load_spoken(data / "clips", "train", augmented=True)
    people = load_spoken(data / "clips", "val", augmented=False)
    quiet = data / "silence.npy"
    silence = np.load(quiet) if quiet.exists() else None
    trainer = PredictorTrainer(stage, clips, model, run, _device(effort.device), silence)
    trainer.resume()

    def watch() -> None:
        if people:
            trainer.note_validation(_predictor_scores(trainer, people, model))

    return _train(trainer, run, effort, watch, progress)


def train_syncnet(data: Path, run: Path, stage: SyncStage, effort: Effort, *, progress: Progress) -> int:
    """Train the lip-sync expert, or go on; returns the steps made in all. Raises as `train_generator`."""
    check_same(stage, run)
    trainer = SyncTrainer(stage, data / "clips", run, _device(effort.device))
    trainer.resume()
    try:
        people = SyncPairs(data / "clips", "val", stage, augment=False)
    except InputError:
        people = None

    def watch() -> None:
        if people is not None:
            trainer.note_validation({"accuracy": accuracy(trainer.net, people)})

    return _train(trainer, run, effort, watch, progress)


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


def _predictor_scores(trainer: PredictorTrainer, people: Sequence[SpokenClip], model: ShapeModel) -> dict[str, float]:
    """Medians over the validation clips."""
    net = trainer.net.eval().cpu()
    found = [score(net, clip, model) for clip in people]
    trainer.net.to(trainer.device)
    return {
        name: float(np.median([getattr(each, name) for each in found])) for name in ("opening", "width", "chin", "gain")
    }


def _keep_shape_model(data: Path, run: Path) -> None:
    """A run is of no use without the shape model whose coefficients it learned."""
    source = data / _SHAPE_FILE
    if not source.is_file():
        raise InputError(f"{data}: is no prepared data (no {_SHAPE_FILE}); run 'dubtool train prepare'")
    try:
        run.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, run / _SHAPE_FILE)
    except OSError as error:
        raise OutputError(f"{run}: cannot be written ({error.strerror})") from error


def _device(name: str) -> str:
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name.split(":")[0] not in ("cpu", "cuda"):
        raise DeviceError(f"no device is called {name!r}; use auto, cpu, cuda or cuda:N")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise DeviceError(f"{name}: torch finds no usable CUDA device; use --device cpu")
    return name
