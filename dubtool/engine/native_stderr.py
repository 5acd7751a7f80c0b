"""Silence for native libraries that write to the terminal while they load a model.

MediaPipe (absl, TensorFlow Lite) and OpenCV 5 greet with lines on file descriptor 2 that no setting of theirs turns
off; in the middle of a progress bar they look like errors. What goes wrong also arrives as an exception.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Iterator

log = logging.getLogger(__name__)

_STDERR = 2
_SETTLING = 0.5
_lock = threading.Lock()


@contextlib.contextmanager
def silent_stderr() -> Iterator[None]:
    """Drop what is written to the process's stderr within the block; not while the debug log is on.

    It is the whole process's stderr: keep the block short. One thread at a time may be within.
    """
    if log.isEnabledFor(logging.DEBUG):
        yield
        return
    with _lock, contextlib.ExitStack() as stack:
        # A daemon may have no stderr at all.
        with contextlib.suppress(OSError):
            kept = os.dup(_STDERR)
            stack.callback(os.close, kept)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            stack.callback(os.close, nowhere)
            os.dup2(nowhere, _STDERR)
            stack.callback(os.dup2, kept, _STDERR)
        try:
            yield
        except Exception:
            raise
        except BaseException:
            # MediaPipe loads on a thread of its own, which an interrupt does not stop: let it say its lines first.
            time.sleep(_SETTLING)
            raise
