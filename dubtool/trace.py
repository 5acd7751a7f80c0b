"""What every thread does when, written as it happens in Chrome's Trace Event Format.

A trace belongs to the context that it was begun in; threads that are to be seen in it are run in a copy of that. Where
none was begun, `span` costs a look-up.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from contextvars import ContextVar
from types import TracebackType
from typing import IO, TypeVar

T = TypeVar("T")

_current: ContextVar[Trace | None] = ContextVar("trace", default=None)
_NO_SPAN = contextlib.nullcontext()
_END = object()


def span(name: str) -> AbstractContextManager[None]:
    """Within the block, this thread does what `name` says. No `yield` may be inside: blocks of a thread must nest."""
    trace = _current.get()
    return _NO_SPAN if trace is None else _Span(trace, name)


def spans(name: str, items: Iterable[T]) -> Iterator[T]:
    """The same items; what it takes to get each is a span."""
    coming = iter(items)
    try:
        while True:
            with span(name):
                item = next(coming, _END)
            if item is _END:
                return
            yield item  # type: ignore[misc]  # what else is an item
    finally:
        # What holds a file open is closed when nobody goes on.
        close = getattr(coming, "close", None)
        if close is not None:
            close()


@contextlib.contextmanager
def tracing(out: IO[str]) -> Iterator[Trace]:
    """Write what happens in the block, and in threads that run in a copy of its context, to `out`.

    https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU: complete events ("X"), `ts` and
    `dur` in microseconds, and metadata that names the threads.
    """
    trace = Trace(out)
    token = _current.set(trace)
    try:
        yield trace
    finally:
        _current.reset(token)
        trace.close()


class _Span(AbstractContextManager[None]):
    __slots__ = ("_begun", "_name", "_trace")

    def __init__(self, trace: Trace, name: str) -> None:
        self._trace, self._name = trace, name

    def __enter__(self) -> None:
        self._begun = time.perf_counter_ns()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._trace.add(self._name, self._begun, time.perf_counter_ns())


class Trace:
    """A trace that is being written. error: why it is not whole; what was traced goes on without it.

    Events go to the file at once: those of a long film would take more memory than its frames.
    """

    def __init__(self, out: IO[str]) -> None:
        self._out, self._lock, self._own = out, threading.Lock(), threading.local()
        self._threads, self._open = 0, True
        self.error: OSError | None = None
        self._began, self._process = time.perf_counter_ns(), os.getpid()
        self._write('{"displayTimeUnit":"ms","traceEvents":[\n')
        self._put({"name": "process_name", "ph": "M", "tid": 0, "args": {"name": "dubtool"}}, before="")

    def add(self, name: str, begun: int, ended: int) -> None:
        """One span of the thread that calls. begun, ended: by `time.perf_counter_ns`."""
        thread: int | None = getattr(self._own, "number", None)
        with self._lock:
            if not self._open:
                return
            if thread is None:
                # Numbers of the system's are given again to later threads.
                thread = self._own.number = self._threads
                self._threads += 1
                self._put({"name": "thread_name", "ph": "M", "tid": thread, "args": {"name": _thread_name()}})
            stamp, length = (begun - self._began) / 1000, (ended - begun) / 1000
            self._put({"name": name, "ph": "X", "ts": stamp, "dur": length, "tid": thread})

    def close(self) -> None:
        with self._lock:
            self._open = False
            self._write("\n]}\n")

    def _put(self, event: dict[str, object], before: str = ",\n") -> None:
        self._write(before + json.dumps({**event, "pid": self._process}, separators=(",", ":")))

    def _write(self, text: str) -> None:
        if self.error is None:
            try:
                self._out.write(text)
            except OSError as error:
                self.error = error


def _thread_name() -> str:
    thread = threading.current_thread()
    return "main" if thread is threading.main_thread() else thread.name.removeprefix("dubtool-")
