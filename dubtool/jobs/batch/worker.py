"""A worker: a process of its own that does one job after another on its share of the machine."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import DupFd
from types import FrameType
from typing import Any

from dubtool.errors import DubtoolError
from dubtool.jobs.batch.cores import pinned
from dubtool.jobs.batch.kinds import Kind
from dubtool.jobs.batch.table import Job

_BETWEEN_MESSAGES = 0.5
_GRACE = 10.0
# Ctrl-C and a closed terminal reach every process of the terminal; the parent alone is to hear them.
_FOR_THE_PARENT = {signal.SIGINT, signal.SIGHUP}


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
        context = multiprocessing.get_context("spawn")
        self.pipe, far = context.Pipe()
        self._process = context.Process(target=_serve, args=(far, kinds, device, _Held(held)), daemon=True)
        # It unblocks signals behind our back when it starts with the first process.
        resource_tracker.ensure_running()
        unmasked = signal.pthread_sigmask(signal.SIG_BLOCK, _FOR_THE_PARENT)
        try:
            with pinned(cores):
                self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, unmasked)
        far.close()

    def give(self, task: Task) -> None:
        self.task, self.stage, self.done = task, "", 0.0
        # A worker that has died shows when it is listened to.
        with contextlib.suppress(BrokenPipeError):
            self.pipe.send(task)

    def hear(self) -> Progress | Success | Failure | None:
        """The next message; None when the process has ended."""
        try:
            message: Progress | Success | Failure = self.pipe.recv()
        except (EOFError, ConnectionResetError):
            return None
        if isinstance(message, Progress):
            self.stage, self.done = message.stage, message.done
        return message

    def last_words(self) -> str:
        """Why the process ended."""
        self._process.join(_GRACE)
        code = self._process.exitcode or 0
        if code >= 0:
            return f"its worker ended with status {code}"
        name = signal.Signals(-code).name
        return f"its worker was ended by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")

    def dismiss(self) -> None:
        """Let it go when it has nothing to do."""
        with contextlib.suppress(BrokenPipeError):
            self.pipe.send(None)

    def terminate(self) -> None:
        """Ask it to clean up and go."""
        self._process.terminate()

    def join(self) -> None:
        """Wait until it is gone, with force after a while."""
        self._process.join(_GRACE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self.pipe.close()


class _Held:
    """A descriptor that travels into a new process."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __reduce__(self) -> tuple[Any, ...]:
        return (_held, (DupFd(self.descriptor),))


def _held(sent: Any) -> _Held:
    return _Held(sent.detach())


class _Ended(BaseException):
    """SIGTERM was heard."""


def _serve(pipe: Connection, kinds: Mapping[str, Kind], device: str, held: _Held) -> None:
    """The worker's own life."""
    signal.signal(signal.SIGTERM, _end)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    with contextlib.suppress(_Ended, EOFError, BrokenPipeError, ConnectionResetError):
        while (task := pipe.recv()) is not None:
            pipe.send(_do(task, kinds[task.job.kind], device, pipe))


def _end(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)
    raise _Ended


def _leave_with_parent() -> None:
    """A parent that was killed cannot say so; without it nobody would write down what is done here."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE)
    os._exit(1)


def _do(task: Task, kind: Kind, device: str, pipe: Connection) -> Success | Failure:
    job = task.job
    options = {"device": device} | job.options
    options["overwrite"] = bool(options.get("overwrite")) or task.replace
    try:
        report = kind.run(**job.inputs, output=job.output, progress=_teller(pipe), **options)
    except DubtoolError as error:
        return Failure(" ".join(str(error).split()), error.exit_code)
    except Exception as error:
        return Failure(f"unexpected {type(error).__name__}: {error}", 1, traceback.format_exc())
    return Success(report.as_dict())


def _teller(pipe: Connection) -> Any:
    stage, at = "", 0.0

    def tell(now: str, done: float, total: float | None) -> None:
        nonlocal stage, at
        if now != stage or time.monotonic() - at > _BETWEEN_MESSAGES:
            stage, at = now, time.monotonic()
            pipe.send(Progress(now, done / total if total else 0.0))

    return tell
