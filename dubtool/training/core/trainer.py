"""What all trainings share: a run folder with a log, checkpoints written whole, and a resume that changes nothing.

Everything random in a step comes from the stage's seed and the step's number, so a run that was cut short and resumed
ends with the weights of one that was not; and batches may be made ahead by threads without changing any.
"""

from __future__ import annotations

import itertools
import json
import logging
import math
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from dubtool.errors import DubtoolError, InputError, UsageError
from dubtool.training.core.stage import NETWORK, Stage

log = logging.getLogger(__name__)

LOG = "log.jsonl"
VALIDATION = "validation.jsonl"
_AHEAD = 2

S = TypeVar("S", bound=Stage)
B = TypeVar("B")


class Trainer(ABC, Generic[S, B]):
    """One stage of training in a run folder; without a folder nothing is kept.

    Subclasses make the batch of a step (any thread may call `make`), learn from it, and tell their state.
    """

    def __init__(self, stage: S, run: Path | None, device: str = "cpu") -> None:
        self.stage, self.run, self.device = stage, run, torch.device(device)
        self.step, self.seconds = 0, 0.0
        torch.manual_seed(stage.seed)
        if run is not None:
            run.mkdir(parents=True, exist_ok=True)
            (run / "stage.json").write_text(json.dumps({NETWORK: stage.network} | asdict(stage), indent=1))

    @abstractmethod
    def make(self, step: int) -> B:
        """The batch of step number `step`, which must depend on nothing else."""

    @abstractmethod
    def learn(self, batch: B) -> dict[str, Tensor]:
        """One update; returns its losses, detached."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """All that learning has changed."""

    @abstractmethod
    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave."""

    def start_from(self, checkpoint: Path) -> None:
        """Begin a new run with what another one learned.

        Raises:
            InputError: there is no such checkpoint. UsageError: it holds a network of other sizes, or this kind of
            network always begins afresh.
        """
        raise UsageError(f"a {self.stage.network} always begins afresh; leave out --from {checkpoint}")

    @property
    def checkpoint(self) -> Path | None:
        return None if self.run is None else self.run / "checkpoint.pt"

    def save(self) -> None:
        """Write the checkpoint whole or not at all."""
        if self.checkpoint is None:
            return
        part = self.checkpoint.with_suffix(".part")
        torch.save({"step": self.step, "seconds": self.seconds} | self.state(), part)
        part.replace(self.checkpoint)

    def resume(self) -> bool:
        """Go on from the run's checkpoint, if there is one."""
        if self.checkpoint is None or not self.checkpoint.exists():
            return False
        state = read_checkpoint(self.checkpoint, self.device)
        self.restore(state)
        self.step, self.seconds = int(state["step"]), float(state.get("seconds", 0.0))
        self._forget_later_rows()
        return True

    def train(
        self,
        *,
        save_every: float = 180.0,
        report_every: int = 25,
        limit: float | None = None,
        workers: int = 0,
        watch: Callable[[], None] | None = None,
        watch_every: float = 600.0,
        progress: Callable[[int, dict[str, float]], None] = lambda step, losses: None,
    ) -> None:
        """Run to the stage's last step, or for `limit` seconds.

        report_every: steps between rows of the log and calls of `progress`. workers: threads that make batches ahead.
        watch: called every `watch_every` seconds and at the end, to look at what was learned.

        Raises:
            DubtoolError: a loss is NaN or infinite; the last good checkpoint stays.
        """
        started = saved = watched = time.monotonic()
        before = self.seconds
        losses = _Losses()
        with closing(self._batches(workers)) as batches:
            while self.step < self.stage.steps and (limit is None or time.monotonic() - started < limit):
                losses.add(self.learn(next(batches)))
                self.step += 1
                now = time.monotonic()
                self.seconds = before + now - started
                if self.step % report_every == 0:
                    means = losses.take(self.step)
                    self._append(LOG, {"step": self.step, "seconds": round(self.seconds, 1)} | means)
                    progress(self.step, means)
                if now - saved > save_every:
                    losses.check(self.step)
                    self.save()
                    saved = time.monotonic()
                if watch is not None and now - watched > watch_every:
                    watch()
                    watched = time.monotonic()
        losses.check(self.step)
        self.save()
        if watch is not None:
            watch()

    def note_validation(self, scores: Mapping[str, float]) -> None:
        """Add a row of scores on validation people to the run's folder."""
        self._append(VALIDATION, {"step": self.step} | {name: round(value, 5) for name, value in scores.items()})

    def _batches(self, workers: int) -> Generator[B, None, None]:
        """The batches from the present step on, without end."""
        if workers <= 0:
            yield from map(self.make, itertools.count(self.step))
            return
        pool = ThreadPoolExecutor(workers, thread_name_prefix="batches")
        steps = itertools.count(self.step)
        coming: deque[Future[B]] = deque(pool.submit(self.make, next(steps)) for _ in range(workers * _AHEAD))
        try:
            while True:
                batch = coming.popleft().result()
                coming.append(pool.submit(self.make, next(steps)))
                yield batch
        finally:
            pool.shutdown(cancel_futures=True)

    def _append(self, name: str, row: Mapping[str, Any]) -> None:
        if self.run is not None:
            with (self.run / name).open("a") as lines:
                lines.write(json.dumps(row) + "\n")

    def _forget_later_rows(self) -> None:
        """Drop what was logged after the checkpoint: those steps are made again."""
        assert self.run is not None
        for name in (LOG, VALIDATION):
            path = self.run / name
            kept = [row for row in read_rows(path) if row["step"] <= self.step]
            if path.exists():
                part = path.with_suffix(".part")
                part.write_text("".join(json.dumps(row) + "\n" for row in kept))
                part.replace(path)


class _Losses:
    """Sums of losses since the last report; they stay on the device until somebody reads them."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._count = 0

    def add(self, losses: Mapping[str, Tensor]) -> None:
        for name, value in losses.items():
            self._sums[name] = self._sums[name] + value if name in self._sums else value
        self._count += 1

    def check(self, step: int) -> None:
        for name, value in self._sums.items():
            if not math.isfinite(float(value)):
                raise DubtoolError(
                    f"the loss {name!r} is no number at step {step}; begin a new run --from this one, whose last "
                    "checkpoint is good, with a smaller learning_rate"
                )

    def take(self, step: int) -> dict[str, float]:
        """Means since the last time, and begin anew."""
        self.check(step)
        means = {name: round(float(value) / self._count, 5) for name, value in self._sums.items()}
        self._sums, self._count = {}, 0
        return means


def read_checkpoint(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """A checkpoint's content.

    Raises:
        InputError: it is missing or damaged.
    """
    try:
        return dict(torch.load(path, weights_only=True, map_location=device))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such checkpoint; give the folder of a training run") from error
    except Exception as error:
        raise InputError(f"{path}: not a readable checkpoint; delete it to begin anew") from error


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a log; a last line that was cut short is passed over. Empty if there is no log."""
    rows = []
    if path.exists():
        for line in path.read_text().splitlines():
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError:
                log.debug("%s: an unreadable line", path)
    return rows
