"""The process's heap: kept from growing with the length of a video."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

# <malloc.h>
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
# Larger blocks are the system's own, and go back when they are freed: each page of one has to be asked for anew, which
# planes of a 1080p frame were not worth.
_LARGE = 2**22


def share_heap() -> None:
    """Let all threads share one heap of glibc; call it before threads are started.

    By default each thread has its own. Frames and network activations are made in one and freed in another, and what
    lies between them cannot be given back. Peaks after 10 and after 90 seconds of a small video: 398 and 444 MB, with
    one heap 375 and 378, and no slower. Left alone, glibc also keeps ever larger blocks in the heap, where threads side
    by side leave holes that nothing fits into: 10 and 60 seconds at 720p took 379 and 414 MB, with a bound of 1 MB for
    them 366 and 362; later, with 4 MB, 348 and 364.
    """
    mallopt = _glibc("mallopt")
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
        mallopt(_M_TRIM_THRESHOLD, 2 * _LARGE)


def give_back() -> None:
    """Give what is free in glibc's heap back to the system, wherever it lies; for every few seconds' work.

    glibc itself waits until more is free at the heap's end than the largest block that was ever freed, some 30 MB with
    networks at work. Peaks of 10 and 60 seconds at 720p: 314 and 339 MB, with this 313 and 325, for 1 % of the time.
    """
    trim = _glibc("malloc_trim")
    if trim is not None:
        trim(0)


@cache
def _glibc(name: str) -> Callable[..., Any] | None:
    """A function of the C library; None where it has none."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
