"""A worker: a process of its own that does one job after another on its share of the machine."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from dubtool.batch.kinds import Kind
from dubtool.batch.table import Job
from dubtool.errors import DubtoolError
from dubtool.jobs.shared.kept import KeptNetworks
from dubtool.jobs.shared.worker_process import Child, Held, serving

_BETWEEN_MESSAGES = 0.5

Progressing = Callable[[str, float, float | None], None]


@dataclass(frozen=True)
class Task:
    """What a worker is sent: a job, and whether it may replace what stands at its output's place."""

    job: Job
    replace: bool


@dataclass(frozen=True)
class Progress:
    """What it sends back on the way. done: of the stage, 0 to 1."""

    stage: str
    done: float


@dataclass(frozen=True)
class Success:
    """What it sends back at the end: the report's values."""

    report: dict[str, Any]


@dataclass(frozen=True)
class Failure:
    """What it sends back instead: one line, the exit code of such an error, and where it is a bug, the traceback."""

    reason: str
    exit_code: int
    detail: str = ""


class Worker:
    """The parent's end of a worker, started at once.

    held: a descriptor that the process keeps open, so that a lock on it lasts as long as the process. `task` is what it
    is at, `stage` and `done` (0 to 1) how far it is.
    """

    def __init__(self, kinds: Mapping[str, Kind], device: str, cores: frozenset[int], held: int) -> None:
        self.task: Task | None = None
        self.stage, self.done = "", 0.0
        self.device, self.cores = device, cores
        self._child = Child(_serve, (kinds, device, Held(held)), cores)
        self.pipe = self._child.pipe
        self.terminate, self.join = self._child.terminate, self._child.join

    def give(self, task: Task) -> None:
        self.task, self.stage, self.done = task, "", 0.0
        self._child.send(task)

    def hear(self) -> Progress | Success | Failure | None:
        """The next message; None when the process has ended."""
        message: Progress | Success | Failure | None = self._child.hear()
        if isinstance(message, Progress):
            self.stage, self.done = message.stage, message.done
        return message

    def exit_reason(self) -> str:
        """Why the process ended."""
        return f"its worker {self._child.exit_reason()}"

    def dismiss(self) -> None:
        """Let it go when it has nothing to do."""
        self._child.send(None)


def _serve(pipe: Connection, kinds: Mapping[str, Kind], device: str, held: Held) -> None:
    """The worker's main loop."""
    kept = KeptNetworks()
    with serving():
        while (task := pipe.recv()) is not None:
            pipe.send(perform(task, kinds[task.job.kind], device, _teller(pipe), kept))


def perform(
    task: Task, kind: Kind, device: str, progress: Progressing, kept: KeptNetworks | None = None
) -> Success | Failure:
    """Do a job here and now, and tell what became of it; `device` counts where the job names none. kept: networks of
    the jobs before it."""
    job = task.job
    options = {"device": device} | job.options
    options["overwrite"] = bool(options.get("overwrite")) or task.replace
    try:
        report = kind.run(**job.inputs, output=job.output, progress=progress, networks=kept, **options)
    except DubtoolError as error:
        return Failure(" ".join(str(error).split()), error.exit_code)
    except Exception as error:
        return Failure(f"unexpected {type(error).__name__}: {error}", 1, traceback.format_exc())
    return Success(report.as_dict())


def _teller(pipe: Connection) -> Progressing:
    stage, at = "", 0.0

    def tell(now: str, done: float, total: float | None) -> None:
        nonlocal stage, at
        if now != stage or time.monotonic() - at > _BETWEEN_MESSAGES:
            stage, at = now, time.monotonic()
            pipe.send(Progress(now, done / total if total else 0.0))

    return tell
