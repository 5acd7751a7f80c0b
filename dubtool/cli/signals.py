"""Ctrl-C, `kill` and a closed terminal end a command in good order: everything is cleaned up first.

Python hears a signal only between its own steps. Where a library computes or waits on, the process is ended from a
thread beside it, after what it must not leave behind is gone.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType

from dubtool import leftovers

# A closed terminal has no name on Windows.
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_GRACE = 5.0
# Seconds that a command has to end by itself.
_PATIENCE = 1.0


class Stopped(BaseException):
    """A signal asked to stop. The exit code is the shells' custom: 128 and the signal's number (130 for Ctrl-C)."""

    def __init__(self, number: int) -> None:
        super().__init__("interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}")
        self.exit_code = 128 + number


class Stop:
    """What was heard in a `stopping` block.

    An exception that a signal raises may be lost: a finaliser drops it, the import of an extension module turns it into
    an ImportError. What was heard is therefore kept, and `check` raises it again.
    """

    def __init__(self) -> None:
        self.heard: Stopped | None = None
        self._quiet_until = float("-inf")

    def check(self) -> None:
        """Raise `Stopped` if a signal was heard."""
        if self.heard is not None:
            raise self.heard

    def handle(self, number: int, frame: FrameType | None) -> None:
        """The signal handler: a second signal within the first seconds does not tear up the cleaning."""
        if time.monotonic() < self._quiet_until:
            return
        self._quiet_until = time.monotonic() + _GRACE
        self.heard = Stopped(number)
        raise self.heard


@contextlib.contextmanager
def stopping() -> Iterator[Stop]:
    """Within the block such a signal raises `Stopped`; what this process was told to ignore stays ignored."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    taken = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    for number in taken:
        signal.signal(number, stop.handle)
    with _watched(frozenset(taken)):
        try:
            yield stop
        finally:
            for number, handler in taken.items():
                # Once one was heard the process ends, and must not be killed on its way out: an interpreter that shuts
                # down gives every handler of ours back to the system, but goes on ignoring what is ignored.
                signal.signal(number, handler if stop.heard is None else signal.SIG_IGN)


@contextlib.contextmanager
def _watched(numbers: frozenset[int]) -> Iterator[None]:
    """Within the block a thread ends the process if it is still there a while after one of these signals."""
    far, near = socket.socketpair()
    ended = threading.Event()
    near.setblocking(False)
    before = signal.set_wakeup_fd(near.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(far, numbers, ended), name="signals", daemon=True).start()
    try:
        yield
    finally:
        ended.set()
        signal.set_wakeup_fd(before)
        near.close()


def _watch(pipe: socket.socket, numbers: frozenset[int], ended: threading.Event) -> None:
    with pipe:
        while heard := pipe.recv(1):
            if heard[0] in numbers and not ended.wait(_PATIENCE):
                _end(Stopped(heard[0]))


def _end(stopped: Stopped) -> None:
    """End the process whatever it is doing."""
    for child in multiprocessing.active_children():
        child.terminate()
    leftovers.sweep()
    with contextlib.suppress(OSError, ValueError):
        # A terminal that showed a bar gets its cursor back.
        cursor = "\x1b[?25h\n" if sys.stderr.isatty() else ""
        sys.stderr.write(f"{cursor}dubtool: {stopped}\n")
        sys.stderr.flush()
    os._exit(stopped.exit_code)
