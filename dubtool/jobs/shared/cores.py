"""The machine's cores, shared out among workers."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from dubtool.engine.device import cuda_names, resolve, usable_threads

# More batches at once would take more memory than they gain time.
_MOST_AT_ONCE = 4
# What a worker takes on 1080p video, and a reserve.
_BYTES_A_WORKER = 2**30


def default_devices() -> list[str]:
    """Every CUDA device, or the CPU."""
    if not resolve("auto").is_cuda:
        return ["cpu"]
    return [f"cuda:{index}" for index in range(len(cuda_names()))]


def default_workers(devices: list[str]) -> int:
    """One for each GPU; on the CPU one for each core, as far as the memory goes.

    Networks this small gain little from a second thread: workers of one thread each do more in all.
    """
    if any(device != "cpu" for device in devices):
        return len(devices)
    if not hasattr(os, "sysconf"):
        return usable_threads()  # Windows does not tell its memory in this way
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, min(usable_threads(), memory // _BYTES_A_WORKER))


def at_once() -> int:
    """How many batches this process changes side by side: one a core, within reason. The networks are the smaller part
    of that, so GPUs are waited for on as many threads."""
    return min(usable_threads(), _MOST_AT_ONCE)


def threads_each() -> int:
    """How many threads each network has on a CPU where `at_once` batches are changed side by side."""
    return usable_threads() // at_once()


def usable() -> frozenset[int]:
    """The cores this process may use; empty where the system does not tell."""
    return frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset()


def keep_to(cores: frozenset[int]) -> None:
    """From now on this thread, and what it starts, keeps to `cores`; an empty set changes nothing."""
    if cores:
        os.sched_setaffinity(0, cores)


def share(number: int, workers: int) -> frozenset[int]:
    """The cores of worker `number` of so many: a part of those this process may use, all equally large or nearly so."""
    cores = sorted(usable())
    if not cores:
        return frozenset()
    if workers >= len(cores):
        return frozenset({cores[number % len(cores)]})
    return frozenset(cores[number * len(cores) // workers : (number + 1) * len(cores) // workers])


@contextlib.contextmanager
def pinned(cores: frozenset[int]) -> Iterator[None]:
    """Within the block this thread, and the processes it starts, keep to `cores`; an empty set changes nothing.

    The networks, the decoder and the encoder all take as many threads as they see cores, so this one setting sizes all.
    """
    if not cores:
        yield
        return
    before = usable()
    keep_to(cores)
    try:
        yield
    finally:
        keep_to(before)
