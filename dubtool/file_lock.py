"""A lock between processes. The system frees it however its holder ends, so that no stale lock stands in the way."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from dubtool.errors import UsageError

_POLL = 0.1


@contextlib.contextmanager
def alone(path: Path, patience: float | None = None) -> Iterator[int]:
    """Within the block no other process holds `path`, a file made for this alone; yields its descriptor.

    A process that inherits the descriptor holds the lock, too. patience: seconds to wait; None waits for ever.

    Raises:
        UsageError: another process still held it after `patience` seconds.
        OSError: the file cannot be made or locked.
    """
    if sys.platform == "win32":
        yield -1
        return
    descriptor = _take(path, None if patience is None else time.monotonic() + patience)
    try:
        yield descriptor
        # Only on a good end: after a bad one, those that inherited the lock may still be at work under its name.
        path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _take(path: Path, deadline: float | None) -> int:
    import fcntl

    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if deadline is None else fcntl.LOCK_NB))
                    break
                except BlockingIOError:
                    if deadline is None or time.monotonic() > deadline:
                        raise UsageError(f"{path} is held by another dubtool process: wait for it to end") from None
                    time.sleep(_POLL)
            if _is_still(path, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether the locked file still bears the name; its last holder may have removed it."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
