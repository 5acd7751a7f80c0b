"""Processes of our own that work beside this one on their share of the machine, and never outlive it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from multiprocessing.reduction import DupFd
from types import FrameType
from typing import Any

from dubtool.engine.malloc import share_heap
from dubtool.jobs.shared.cores import pinned

_GRACE = 10.0
# Ctrl-C and a closed terminal reach every process of the terminal; the parent alone is to hear them.
_FOR_THE_PARENT = {signal.SIGINT, signal.SIGHUP}


class Child:
    """The parent's end of a process that runs `serve(pipe, *arguments)`, started at once on `cores`; `pipe` is ours."""

    def __init__(self, serve: Callable[..., None], arguments: tuple[Any, ...], cores: frozenset[int]) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, far = context.Pipe()
        self._process = context.Process(target=serve, args=(far, *arguments), daemon=True)
        # It unblocks signals behind our back when it starts with the first process.
        resource_tracker.ensure_running()
        unmasked = signal.pthread_sigmask(signal.SIG_BLOCK, _FOR_THE_PARENT)
        try:
            with pinned(cores):
                self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, unmasked)
        far.close()

    def send(self, message: Any) -> None:
        # One that has died shows when it is listened to.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.pipe.send(message)

    def hear(self) -> Any:
        """The next message; None when the process has ended."""
        try:
            return self.pipe.recv()
        except (EOFError, ConnectionResetError):
            return None

    def exit_reason(self) -> str:
        """How the process ended: "ended with status 1", "was ended by SIGKILL (out of memory?)"."""
        self._process.join(_GRACE)
        code = self._process.exitcode or 0
        if code >= 0:
            return f"ended with status {code}"
        name = signal.Signals(-code).name
        return f"was ended by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    def is_alive(self) -> bool:
        """Whether it still runs; it does not once it was joined."""
        try:
            return self._process.is_alive()
        except ValueError:
            return False

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


class Held:
    """A descriptor that travels into a new process among its arguments."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __reduce__(self) -> tuple[Any, ...]:
        return (_held, (DupFd(self.descriptor),))


def _held(sent: Any) -> Held:
    return Held(sent.detach())


class _Ended(BaseException):
    """SIGTERM was heard."""


@contextlib.contextmanager
def serving() -> Iterator[None]:
    """A child works in this block: SIGTERM and the parent's end, whatever its cause, end it and clean up on the way."""
    share_heap()
    signal.signal(signal.SIGTERM, _end)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    with contextlib.suppress(_Ended, EOFError, BrokenPipeError, ConnectionResetError):
        yield


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
