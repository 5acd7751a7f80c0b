"""One file on several devices: batches of frames go to worker processes, and come back to the one encoder in order.

No frame depends on its neighbours but through what is computed once, before the work is shared out (tracks, motion,
easing, references, finish) or here on the way (what the speech asks for). So the batches may be dealt out as they come,
with the very frames in each that one process alone would put there, and the result is the same to the last bit: there
is no seam that would have to be laid into a cut or a silence, and nothing to join.
"""

from __future__ import annotations

import queue
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any, Protocol

import numpy as np

from dubtool.engine.device import resolve
from dubtool.errors import DeviceError, DubtoolError, UsageError
from dubtool.jobs.shared.cores import default_devices, default_workers, keep_to, share, usable
from dubtool.jobs.shared.frame_output import FrameOutput
from dubtool.jobs.shared.frame_plan import FramePlan
from dubtool.jobs.shared.frame_stream import Batch
from dubtool.jobs.shared.shared_frames import SharedFrames
from dubtool.jobs.shared.worker_process import Child, Held, serving
from dubtool.media.frame import Frame
from dubtool.trace import span

# One that is worked on, and one that waits, so that no worker does.
_PLACES = 2

Tiles = dict[int, Sequence[np.ndarray]]


class Work(Protocol):
    """What the workers do. It travels to them without its networks, which each of them loads for itself."""

    def equip(self, device: str) -> None: ...
    def change(self, batch: Batch, wanted: Any, outputs: Shown) -> None: ...


class Shown(Protocol):
    """Where single frames are shown: a `FrameOutput`, or in a worker their stand-in."""

    def wants(self, number: int) -> bool: ...
    def show(self, number: int, before: Frame, after: Frame, tiles: Callable[[], Sequence[np.ndarray]]) -> None: ...


def assign_devices(device: str, devices: Sequence[str], workers: int | None) -> list[str]:
    """The device of each worker; a single one where this process is to do the work itself.

    device: of a job that is not shared out. devices: where workers run, in turn. workers: how many; by default one a
    GPU, or one a CPU core. With neither of these the job is not shared out.

    Raises:
        UsageError: they contradict each other. DeviceError: a device is not there.
    """
    if not devices and workers is None:
        return [device]
    if workers is not None and workers < 1:
        raise UsageError(f"workers {workers} is not 1 or more")
    if devices and device != "auto":
        raise UsageError("give one device, or several, but not both")
    found = [resolve(name) for name in devices or ([device] if device != "auto" else default_devices())]
    if len({one.kind for one in found}) > 1:
        raise UsageError("one file cannot be shared between the CPU and GPUs: their frames would differ")
    names = [str(one) for one in found]
    count = default_workers(names) if workers is None else workers
    return [names[number % len(names)] for number in range(count)]


@dataclass(frozen=True)
class _Piece:
    """What a worker is sent: frames in its memory, what they are to show, and whose tiles are wanted."""

    place: int
    plans: list[FramePlan]
    frames: list[Frame]
    wanted: Any
    shown: frozenset[int]


@dataclass(frozen=True)
class _Made:
    """What it sends back."""

    place: int
    tiles: Tiles


@dataclass(frozen=True)
class _Failure:
    """What it sends back instead. error: one of ours; else `text` and a traceback tell of a bug."""

    error: DubtoolError | None
    text: str
    detail: str


@dataclass
class _Member:
    """A worker as the parent knows it: its free places, and the frames and the ticket at each of the others."""

    device: str
    child: Child
    memory: SharedFrames
    free: list[int]
    busy: dict[int, tuple[int, list[Frame]]] = field(default_factory=dict)


class WorkerPool:
    """Workers that change frames side by side, started with the first batch; to be used in a `with` block."""

    def __init__(self, work: Work, devices: Sequence[str], batch_size: int) -> None:
        self._work, self._devices, self._batch_size = work, devices, batch_size
        # While the batch that is next to be written is under way, each worker may end two others.
        self.ahead = (_PLACES + 1) * len(devices)
        self._members: list[_Member] = []
        self._made: dict[int, Tiles] = {}
        self._tickets = 0

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for member in self._members:
            if kind is None:
                member.child.send(None)
            else:
                member.child.terminate()
        for member in self._members:
            member.child.join()
            member.memory.close()

    def change(self, batch: Batch, wanted: Any, outputs: FrameOutput) -> Callable[[], None]:
        """Give a batch to a worker as soon as one can take it. The call that is returned waits until it is changed."""
        if not self._members:
            self._start(batch[0][1])
        numbers = [plan.number for plan, _ in batch]
        before = {plan.number: frame.copy() for plan, frame in batch if outputs.wants(plan.number)}
        shown = frozenset(number for number in numbers if outputs.draws(number))
        ticket = self._give([plan for plan, _ in batch], [frame for _, frame in batch], wanted, shown)

        def finish() -> None:
            tiles = self._wait_for(ticket)
            for plan, frame in batch:
                if plan.number in before:
                    outputs.show(
                        plan.number,
                        before[plan.number],
                        frame,
                        partial(tiles.__getitem__, plan.number),
                    )

        return finish

    def _start(self, sample: Frame) -> None:
        for number, device in enumerate(self._devices):
            memory = SharedFrames(_PLACES, self._batch_size, sample)
            arguments = (self._work, device, memory, Held(memory.descriptor), usable())
            try:
                child = Child(_serve, arguments, share(number, len(self._devices)))
            except BaseException:
                memory.close()
                raise
            self._members.append(_Member(device, child, memory, list(range(_PLACES))))

    def _give(self, plans: list[FramePlan], frames: list[Frame], wanted: Any, shown: frozenset[int]) -> int:
        while not any(member.free for member in self._members):
            self._listen()
        member = max(self._members, key=lambda one: len(one.free))
        place = member.free.pop()
        self._tickets += 1
        member.busy[place] = self._tickets, frames
        member.child.send(_Piece(place, plans, member.memory.write(place, frames), wanted, shown))
        return self._tickets

    def _wait_for(self, ticket: int) -> Tiles:
        while ticket not in self._made:
            self._listen()
        return self._made.pop(ticket)

    def _listen(self) -> None:
        """Take in what the workers have ended, one thing at least."""
        with span("wait: for the workers"):
            ready = wait([member.child.pipe for member in self._members])
        for member in [one for one in self._members if one.child.pipe in ready]:
            message = member.child.hear()
            if message is None:
                raise DeviceError(f"a worker on {member.device} {member.child.exit_reason()}; use fewer --workers")
            if isinstance(message, _Failure):
                raise message.error or RuntimeError(f"{message.text} in a worker on {member.device}\n{message.detail}")
            ticket, frames = member.busy.pop(message.place)
            member.memory.read(message.place, frames)
            member.free.append(message.place)
            self._made[ticket] = message.tiles


class _Kept:
    """Keeps the tiles of the frames that are to be shown."""

    def __init__(self, numbers: frozenset[int]) -> None:
        self._numbers = numbers
        self.tiles: Tiles = {}

    def wants(self, number: int) -> bool:
        return number in self._numbers

    def show(self, number: int, before: Frame, after: Frame, tiles: Callable[[], Sequence[np.ndarray]]) -> None:
        self.tiles[number] = tiles()


def _serve(pipe: Connection, work: Work, device: str, memory: SharedFrames, held: Held, cores: frozenset[int]) -> None:
    """Worker main loop. cores: of the machine; until now it has seen its share of them alone."""
    with serving():
        try:
            memory.enter(held.descriptor)
            work.equip(device)
            # Its networks have as many threads as its share has cores. One slow core would hold up all workers, since
            # frames are written in order: where the threads run is best left to the system.
            keep_to(cores)
            for piece in _pieces(pipe):
                kept = _Kept(piece.shown)
                frames = memory.view(piece.place, piece.frames)
                work.change(list(zip(piece.plans, frames, strict=True)), piece.wanted, kept)
                pipe.send(_Made(piece.place, kept.tiles))
        except DubtoolError as error:
            pipe.send(_Failure(error, "", ""))
        except Exception as error:
            pipe.send(_Failure(None, f"{type(error).__name__}: {error}", traceback.format_exc()))


def _pieces(pipe: Connection) -> Iterator[_Piece]:
    """What is sent, until the end; read by a thread, so that the parent never waits for a worker that is at work."""
    pieces: queue.SimpleQueue[_Piece | None] = queue.SimpleQueue()

    def read() -> None:
        try:
            while (piece := pipe.recv()) is not None:
                pieces.put(piece)
        except (EOFError, ConnectionResetError):
            pass
        pieces.put(None)

    threading.Thread(target=read, daemon=True).start()
    while (piece := pieces.get()) is not None:
        yield piece
