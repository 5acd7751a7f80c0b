"""What a process must not leave behind: noted while it is there, and taken away when the process ends in a hurry."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from pathlib import Path

_paths: set[Path] = set()
_processes: set[int] = set()


def note(path: Path) -> None:
    """A file or folder that is to vanish with this process."""
    _paths.add(path)


def forget(path: Path) -> None:
    """It is gone, or to stay."""
    _paths.discard(path)


def note_process(number: int) -> None:
    """A program that is to end with this process."""
    _processes.add(number)


def forget_process(number: int) -> None:
    """It has ended."""
    _processes.discard(number)


def sweep() -> None:
    """End the programs, and remove the files and folders. Raises nothing."""
    for number in list(_processes):
        with contextlib.suppress(OSError):
            os.kill(number, getattr(signal, "SIGKILL", signal.SIGTERM))
    for path in list(_paths):
        with contextlib.suppress(OSError):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()
