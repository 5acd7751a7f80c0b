"""A batch on several machines: the same jobs as tasks of a Ray cluster (the extra `ray`), over a shared file system.

Ray says where and when a task runs, and runs it again elsewhere when its machine is lost. What became of it is written
down here alone.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import tempfile
import threading
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from dubtool.batch.kinds import KINDS, Kind
from dubtool.batch.run import PATIENCE, Begun, Finished, Outcome, Tell, begun
from dubtool.batch.state import identity
from dubtool.batch.table import JobList
from dubtool.batch.worker import Failure, Success, Task, perform
from dubtool.errors import DeviceError, DubtoolError, UsageError
from dubtool.file_lock import alone
from dubtool.jobs.shared.cores import default_workers, pinned, usable
from dubtool.media.temporary_output import remove_abandoned

log = logging.getLogger(__name__)

# How often Ray runs a task anew whose process or machine was lost. What a job itself says is final.
_RETRIES = 3
_POLL = 1.0
_GRACE = 10.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Where weights and tracks are kept; the same everywhere, if it is named.
_PASSED_ON = ("DUBTOOL_WEIGHTS", "XDG_CACHE_HOME")


def run_on_ray(
    listed: JobList,
    *,
    address: str,
    device: str = "auto",
    workers: int | None = None,
    retry_failed: bool = False,
    kinds: Mapping[str, Kind] = KINDS,
    finished: Finished = lambda job, entry: None,
    progress: Tell = lambda done, total: None,
    patience: float = PATIENCE,
) -> Outcome:
    """`run_batch` on the Ray cluster at `address` ("local" starts one on this machine, for this batch).

    device: each job takes a GPU ("cuda"), or a core ("cpu"); "auto" takes GPUs where the cluster has any. workers: jobs
    at a time at most; by default what the cluster has room for.

    Raises:
        what `run_batch` raises; DubtoolError: Ray is not installed. DeviceError: no such cluster, or it has no GPU.
    """
    with begun(listed, kinds, retry_failed, patience) as batch:
        if batch.tasks:
            try:
                with _connected(address) as ray:
                    _Driver(ray, batch, kinds, _resource(ray, address, device), workers, finished, progress).run()
            finally:
                # What a lost machine had begun. By now nobody is at work any more.
                for folder in {task.job.output.parent for task in batch.tasks}:
                    remove_abandoned(folder)
    return Outcome(batch.steps, batch.ledger)


@contextlib.contextmanager
def _connected(address: str) -> Iterator[Any]:
    """Ray, connected to a cluster; it speaks to nobody else, and not to the terminal."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray
    except ImportError as error:
        raise DubtoolError('--ray needs Ray: pip install "dubtool[ray]", here and on every machine') from error
    own: dict[str, Any] = {"num_cpus": default_workers(["cpu"]), "include_dashboard": False}
    try:
        with _own_signals():
            ray.init(
                address, log_to_driver=False, logging_level=logging.CRITICAL, **(own if address == "local" else {})
            )
    except Exception as error:
        log.debug("ray.init", exc_info=True)
        if address == "local":
            raise DeviceError(f"Ray does not start on this machine: {_line(error)}") from error
        hint = "start one by 'ray start --head', or use --ray local"
        raise DeviceError(f"no Ray cluster answers at {address}: {_line(error)}; {hint}") from error
    try:
        yield ray
    finally:
        with _own_signals():
            ray.shutdown()


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Ray puts handlers of its own in place of the command's; put those back."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _resource(ray: Any, address: str, device: str) -> Literal["GPU", "CPU"]:
    """What a task takes one of."""
    gpus = ray.cluster_resources().get("GPU", 0) >= 1
    if device == "cuda" and not gpus:
        raise DeviceError(f"the Ray cluster at {address} has no GPU; use --devices cpu")
    return "GPU" if gpus and device != "cpu" else "CPU"


class _Driver:
    """Hands tasks to Ray and writes down what becomes of them."""

    def __init__(
        self,
        ray: Any,
        batch: Begun,
        kinds: Mapping[str, Kind],
        resource: Literal["GPU", "CPU"],
        workers: int | None,
        finished: Finished,
        progress: Tell,
    ) -> None:
        self._ray, self._batch, self._kinds = ray, batch, kinds
        self._resource, self._workers = resource, workers
        self._finished, self._progress = finished, progress
        self._waiting = deque(spread(batch.tasks, kinds))
        self._given: dict[Any, Task] = {}
        taken = {"num_cpus": 1, "num_gpus": int(resource == "GPU")}
        self._remote = ray.remote(**taken, max_retries=_RETRIES)(attempt)
        self._environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}

    def run(self) -> None:
        try:
            while self._waiting or self._given:
                while self._waiting and len(self._given) < self._most():
                    self._give(self._waiting.popleft())
                ready, _ = self._ray.wait(list(self._given), timeout=_POLL)
                for reference in ready:
                    self._end(self._given.pop(reference), self._outcome(reference))
                self._progress(len(self._batch.tasks) - len(self._waiting) - len(self._given), len(self._batch.tasks))
        except BaseException:
            self._cancel()
            raise

    def _most(self) -> int:
        """How many tasks Ray may hold: what it has room for, also on machines that have just joined, and as many again
        that wait there, so that it knows what it is for."""
        return self._workers or 2 * max(1, int(self._ray.cluster_resources().get(self._resource, 0)))

    def _give(self, task: Task) -> None:
        self._batch.ledger.running(task.job, task.replace)
        before = self._batch.ledger.latest[task.job.key].before
        device = "cuda" if self._resource == "GPU" else "cpu"
        kind = self._kinds[task.job.kind]
        self._given[self._remote.remote(task, kind, device, before, self._environment)] = task

    def _outcome(self, reference: Any) -> Success | Failure:
        try:
            made: Success | Failure = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            log.debug("%s", error)
            return Failure(f"Ray could not run it: {_line(error)}", 1)
        return made

    def _end(self, task: Task, message: Success | Failure) -> None:
        self._batch.note(task, message)
        self._finished(task.job, self._batch.ledger.latest[task.job.key])

    def _cancel(self) -> None:
        """End what is at work in good order."""
        for reference in self._given:
            self._ray.cancel(reference)
        if self._given:
            self._ray.wait(list(self._given), num_returns=len(self._given), timeout=_GRACE)


def spread(tasks: Sequence[Task], kinds: Mapping[str, Kind]) -> list[Task]:
    """In an order in which jobs on one video do not follow each other, so that they seldom wait for its tracks."""
    seen: Counter[Path] = Counter()

    def turn(task: Task) -> int:
        picture = task.job.inputs[kinds[task.job.kind].video]
        seen[picture] += 1
        return seen[picture]

    return sorted(tasks, key=turn)


def attempt(
    task: Task, kind: Kind, device: str, before: list[int] | None, environment: Mapping[str, str]
) -> Success | Failure:
    """Do a job on a machine of the cluster, unless an earlier attempt, which was lost after it, had done it.

    before: what stood at the output's place when the job was given to Ray.
    """
    os.environ.update(environment)
    job = task.job
    remove_abandoned(job.output.parent)
    now = identity(job.output)
    made = now is not None and now != before
    if made and all(file.exists() for file in kind.files(job.output, job.options)):
        return Success({})
    with _own_core() if device == "cpu" else contextlib.nullcontext():
        return perform(replace(task, replace=task.replace or made), kind, device, lambda stage, done, total: None)


@contextlib.contextmanager
def _own_core() -> Iterator[None]:
    """Keep to a core of this machine that no other task keeps to: Ray counts cores, but names none."""
    folder = Path(tempfile.gettempdir())
    with contextlib.ExitStack() as stack:
        for core in sorted(usable()):
            try:
                stack.enter_context(alone(folder / f"dubtool-core-{core}.lock", 0.0))
            except (UsageError, OSError):
                continue
            stack.enter_context(pinned(frozenset({core})))
            break
        yield


def _line(error: BaseException) -> str:
    """The first line of an error, without its full stop."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else type(error).__name__
