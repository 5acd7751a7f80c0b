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


@contextlib.contextmanager
def stopping() -> Iterator[None]:
    """Within the block such a signal raises `Stopped`; what this process was told to ignore stays ignored.

    A second signal within the first seconds does not tear up the cleaning; after them it is heard again.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = float("-inf")

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal heard
        if time.monotonic() - heard < _GRACE:
            return
        heard = time.monotonic()
        raise Stopped(number)

    before = {number: signal.getsignal(number) for number in _SIGNALS}
    taken = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    for number in taken:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in taken.items():
            signal.signal(number, handler)
