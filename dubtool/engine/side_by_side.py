"""Calls that are under way at the same time, on threads of this process."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import cache, partial
from types import TracebackType
from typing import TypeVar

T = TypeVar("T")

# Results are asked for in order: while one call takes long, the other threads go on with so many each.
_AHEAD = 3


class SideBySide:
    """Runs calls on `count` threads, "worker_0" and so on, within a `with` block; with one, where and when results
    are asked for.

    What has not begun when the block ends is dropped, what has begun is waited for. Worth it for calls that spend their
    time outside of Python: two threads of one network each do more than one network on two threads.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._threads: ThreadPoolExecutor | None = None

    def __enter__(self) -> SideBySide:
        if self.count > 1:
            self._threads = ThreadPoolExecutor(self.count, "dubtool-worker")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
            self._threads = None

    @property
    def ahead(self) -> int:
        """How many calls are worth having begun before the result of the first is asked for."""
        return _AHEAD * self.count if self.count > 1 else 0

    def start(self, call: Callable[..., T], *arguments: object) -> Callable[[], T]:
        """Begin a call. What is returned waits for its end, and gives its result or raises its error."""
        if self._threads is None:
            return cache(partial(call, *arguments))
        return self._threads.submit(copy_context().run, call, *arguments).result

    def each(self, call: Callable[..., T], items: Iterable[Sequence[object]]) -> Iterator[T]:
        """What `call` gives for each of many arguments, in order; few are taken ahead."""
        under_way: deque[Callable[[], T]] = deque()
        for arguments in items:
            under_way.append(self.start(call, *arguments))
            if len(under_way) > self.ahead:
                yield under_way.popleft()()
        while under_way:
            yield under_way.popleft()()
