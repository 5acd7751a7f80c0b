"""A batch at work: jobs handed to workers, and what became of them written down."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait

from dubtool.batch.kinds import KINDS, Kind
from dubtool.batch.plan import Step, plan
from dubtool.batch.state import Entry, Ledger
from dubtool.batch.table import Job, JobList
from dubtool.batch.worker import Failure, Success, Task, Worker
from dubtool.errors import OutputError
from dubtool.file_lock import alone
from dubtool.jobs.shared.cores import share
from dubtool.media.temporary_output import remove_abandoned

log = logging.getLogger(__name__)

# Workers that outlive a killed batch clean up first, and hold its lock until they have.
PATIENCE = 12.0

Finished = Callable[[Job, Entry], None]
Tell = Callable[[float, int], None]


@dataclass(frozen=True)
class Outcome:
    """What was to be done, and what became of it."""

    steps: list[Step]
    ledger: Ledger

    @property
    def exit_code(self) -> int:
        """0 if all jobs are done, else that of the first one, in the order of the list, that is not."""
        entries = (self.ledger.latest[step.job.key] for step in self.steps)
        return next((entry.exit_code or 1 for entry in entries if entry.state != "done"), 0)


def run_batch(
    listed: JobList,
    *,
    devices: Sequence[str],
    workers: int,
    retry_failed: bool = False,
    kinds: Mapping[str, Kind] = KINDS,
    finished: Finished = lambda job, entry: None,
    progress: Tell = lambda done, total: None,
    patience: float = PATIENCE,
) -> Outcome:
    """Do what is left of the jobs; a second run on the same list, or after a kill, does only what is missing.

    devices: where workers run, in turn. finished: called with each job that has just ended and what became of it.
    progress: called with how many of how many jobs are done. patience: seconds to wait for another batch's end.

    Returns:
        the plan it followed, and the state as it is now.

    Raises:
        UsageError: another batch is at the same list. OutputError: the state cannot be written.
        Whatever ends it (Ctrl-C, too) ends its workers first, in good order.
    """
    with begun(listed, kinds, retry_failed, patience) as batch:
        _Batch(batch, kinds, finished, progress).run(devices, min(workers, len(batch.tasks)))
    return Outcome(batch.steps, batch.ledger)


@dataclass(frozen=True)
class Begun:
    """A batch under way. held: the descriptor of its lock; tasks: what is left to do."""

    steps: list[Step]
    ledger: Ledger
    tasks: list[Task]
    held: int

    def note(self, task: Task, message: Success | Failure) -> None:
        """Write down what became of a task."""
        if isinstance(message, Success):
            self.ledger.done(task.job, message.report)
        else:
            log.debug("%s", message.detail or message.reason)
            self.ledger.failed(task.job, message.reason, message.exit_code)


@contextlib.contextmanager
def begun(listed: JobList, kinds: Mapping[str, Kind], retry_failed: bool, patience: float) -> Iterator[Begun]:
    """Keep other batches off the list, see what is left to do, and clear what a killed run left."""
    lock = listed.state.with_name(listed.state.name + ".lock")
    with contextlib.ExitStack() as stack:
        try:
            held = stack.enter_context(alone(lock, patience))
        except OSError as error:
            raise OutputError(f"{lock} cannot be made or locked: {error.strerror}") from error
        ledger = Ledger(listed.state)
        steps = plan(listed.jobs, ledger, kinds, retry_failed=retry_failed)
        for step in steps:
            if step.do == "record":
                ledger.done(step.job, {})
        tasks = [Task(step.job, step.replace) for step in steps if step.do == "run"]
        for folder in {task.job.output.parent for task in tasks}:
            remove_abandoned(folder)
        yield Begun(steps, ledger, tasks, held)


class _Batch:
    def __init__(self, batch: Begun, kinds: Mapping[str, Kind], finished: Finished, progress: Tell) -> None:
        self._batch, self._ledger, self._kinds = batch, batch.ledger, kinds
        self._waiting, self._total = list(batch.tasks), len(batch.tasks)
        self._finished, self._progress = finished, progress
        self._ended = 0
        self._workers: list[Worker] = []

    def run(self, devices: Sequence[str], workers: int) -> None:
        try:
            for number in range(workers):
                self._start(devices[number % len(devices)], share(number, workers))
            while self._waiting or any(worker.task for worker in self._workers):
                self._assign()
                ready = wait([worker.pipe for worker in self._workers])
                for worker in [one for one in self._workers if one.pipe in ready]:
                    self._listen(worker)
            for worker in self._workers:
                worker.dismiss()
        except BaseException:
            for worker in self._workers:
                worker.terminate()
            raise
        finally:
            for worker in self._workers:
                worker.join()

    def _start(self, device: str, cores: frozenset[int]) -> None:
        self._workers.append(Worker(self._kinds, device, cores, self._batch.held))

    def _assign(self) -> None:
        for worker in [one for one in self._workers if one.task is None]:
            task = self._next()
            if task is not None:
                self._waiting.remove(task)
                self._ledger.running(task.job, task.replace)
                worker.give(task)

    def _next(self) -> Task | None:
        """The first job that would not look for the same faces as another worker does just now."""
        busy = {self._looked_at(one.task.job) for one in self._workers if one.task and self._is_looking(one)}
        return next((task for task in self._waiting if self._looked_at(task.job) not in busy), None)

    def _is_looking(self, worker: Worker) -> bool:
        assert worker.task is not None
        return worker.stage in ("", self._kinds[worker.task.job.kind].stages[0])

    def _looked_at(self, job: Job) -> object:
        picture = job.inputs[self._kinds[job.kind].video]
        return picture.resolve() if job.options.get("cache", True) else job.key

    def _listen(self, worker: Worker) -> None:
        message = worker.hear()
        task = worker.task
        if message is None:
            self._workers.remove(worker)
            if task is not None:
                remove_abandoned(task.job.output.parent)
            message = Failure(worker.exit_reason(), 1)
            worker.join()
            if self._waiting:
                self._start(worker.device, worker.cores)
        if isinstance(message, Success | Failure) and task is not None:
            self._batch.note(task, message)
            worker.task = None
            self._ended += 1
            self._finished(task.job, self._ledger.latest[task.job.key])
        self._progress(self._ended + sum(self._part(one) for one in self._workers), self._total)

    def _part(self, worker: Worker) -> float:
        """How much of its job a worker has done, 0 to 1, as if stages took equally long."""
        if worker.task is None:
            return 0.0
        stages = self._kinds[worker.task.job.kind].stages
        return (stages.index(worker.stage) + worker.done) / len(stages) if worker.stage in stages else 0.0
