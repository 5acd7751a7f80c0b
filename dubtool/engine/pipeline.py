"""Threads and bounded queues: decoder, network and encoder at the same time, in memory that does not grow."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextvars import copy_context
from types import TracebackType
from typing import Generic, TypeVar

from dubtool.engine.malloc import give_back
from dubtool.trace import span

T = TypeVar("T")

# How often a blocked thread looks whether it should stop.
_POLL = 0.1
# After so many frames, a second or more of work, what they left free in the heap is given back.
_TIDIED = 32


class _End:
    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def prefetched(items: Iterable[T], depth: int) -> Generator[T, None, None]:
    """The same items, made by another thread, "reader", at most `depth` ahead. Its errors are raised here; closing ends
    it.

    Meant for frames: what was done with the last ones is taken out of the heap every now and then.
    """
    channel: queue.Queue[T | _End] = queue.Queue(depth)
    stop = threading.Event()

    def put(item: T | _End) -> bool:
        with span("wait: enough is read"):
            while not stop.is_set():
                try:
                    channel.put(item, timeout=_POLL)
                except queue.Full:
                    continue
                return True
        return False

    def produce() -> None:
        try:
            for item in items:
                if not put(item):
                    return
            put(_End())
        except BaseException as error:
            put(_End(error))

    thread = threading.Thread(target=copy_context().run, args=(produce,), name="dubtool-reader", daemon=True)
    thread.start()
    try:
        for number in itertools.count(1):
            with span("wait: for the reader"):
                item = channel.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
            if number % _TIDIED == 0:
                give_back()
    finally:
        stop.set()
        thread.join()


class Background(Generic[T]):
    """Calls `consume` for each item on another thread, "writer", at most `depth` items behind.

    An error of the consumer is raised by the next `put`, or at the end of the `with` block, which waits for all items.
    When the block itself fails, what is still queued is dropped.
    """

    def __init__(self, consume: Callable[[T], None], depth: int) -> None:
        self._consume = consume
        self._channel: queue.Queue[T | None] = queue.Queue(depth)
        self._error: BaseException | None = None
        self._stop = threading.Event()
        run = copy_context().run
        self._thread = threading.Thread(target=run, args=(self._run,), name="dubtool-writer", daemon=True)

    def __enter__(self) -> Background[T]:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._stop.set()
        while self._thread.is_alive():
            try:
                self._channel.put(None, timeout=_POLL)
                break
            except queue.Full:
                continue
        with span("wait: for the writer"):
            self._thread.join()
        if kind is None and self._error is not None:
            raise self._error

    def put(self, item: T) -> None:
        with span("wait: for the writer"):
            while self._error is None:
                try:
                    self._channel.put(item, timeout=_POLL)
                    return
                except queue.Full:
                    continue
        raise self._error

    def _run(self) -> None:
        while (item := self._next()) is not None:
            if self._stop.is_set():
                continue
            try:
                self._consume(item)
            except BaseException as error:
                self._error = error
                return

    def _next(self) -> T | None:
        with span("wait: for frames"):
            return self._channel.get()


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` items, the last one perhaps shorter."""
    batch: list[T] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
