"""Training runs from beginning to end: prepared data in, a run folder with checkpoints, logs and pictures out."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dubtool.errors import InputError, OutputError, UsageError
from dubtool.face.shape import ShapeModel
from dubtool.training.core.config import check_same
from dubtool.training.core.device import training_device
from dubtool.training.core.plots import plot_run
from dubtool.training.core.recipe import SHAPE_FILE, Given, TrainingJob
from dubtool.training.core.stage import Stage
from dubtool.training.core.trainer import LOG, Trainer
from dubtool.training.recipes import recipe_of

Progress = Callable[[int, dict[str, float]], None]


@dataclass(frozen=True)
class Effort:
    """How long a run may go on and what it keeps: minutes (None: to the last step), seconds between checkpoints and
    between looks at validation people, threads that make batches ahead, and the device ("auto", "cpu", "cuda")."""

    minutes: float | None = None
    save_every: float = 180.0
    watch_every: float = 600.0
    workers: int = 0
    device: str = "auto"


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
    job = TrainingJob(data, run, stage, given, training_device(effort.device))
    trainer, validate = recipe_of(stage.network).open(job)
    if not trainer.resume() and given.start is not None:
        trainer.start_from(given.start if given.start.is_file() else given.start / "checkpoint.pt")
    return _train(trainer, run, effort, validate, progress)


def _train(trainer: Trainer, run: Path, effort: Effort, validate: Callable[[], None], progress: Progress) -> int:
    def validate_and_draw() -> None:
        validate()
        if (run / LOG).exists():
            plot_run(run)

    try:
        trainer.train(
            save_every=effort.save_every,
            limit=None if effort.minutes is None else 60 * effort.minutes,
            workers=effort.workers,
            watch=validate_and_draw,
            watch_every=effort.watch_every,
            progress=progress,
        )
    except OSError as error:
        raise OutputError(f"{run}: cannot be written ({error.strerror or error})") from error
    return trainer.step


def _keep_shape_model(data: Path, run: Path) -> None:
    """A run is of no use without the shape model whose coefficients it learned, nor with another one."""
    source, kept = data / SHAPE_FILE, run / SHAPE_FILE
    if not source.is_file():
        raise InputError(f"{data}: is no prepared data (no {SHAPE_FILE}); run 'dubtool train prepare'")
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
