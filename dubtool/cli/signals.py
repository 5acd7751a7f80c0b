"""Ctrl-C, `kill` and a closed terminal end a command in good order: everything is cleaned up first."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

# A closed terminal has no name on Windows.
_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_GRACE = 5.0


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
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    taken = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    for number in taken:
        signal.signal(number, stop.handle)
    try:
        yield stop
    finally:
        for number, handler in taken.items():
            # Once one was heard the process ends, and must not be killed on its way out: an interpreter that shuts down
            # gives every handler of ours back to the system, but goes on ignoring what is ignored.
            signal.signal(number, handler if stop.heard is None else signal.SIG_IGN)
