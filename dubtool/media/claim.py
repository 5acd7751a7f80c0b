"""Unfinished files under a hidden name, claimed by the process that writes them, so that abandoned ones can be told."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from pathlib import Path

_PREFIX = ".dubtool-"


def claim(output: Path) -> tuple[Path, int]:
    """Make an empty hidden file beside `output`; it is claimed until the descriptor that comes with it is closed.

    Raises:
        OSError: it cannot be made.
    """
    path = output.absolute().with_name(f"{_PREFIX}{secrets.token_hex(6)}{output.suffix}")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    _lock(descriptor)
    return path, descriptor


def remove_abandoned(folder: Path) -> None:
    """Remove what writers left in a folder that were killed before they could clean up."""
    for path in folder.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDWR)
            try:
                if _lock(descriptor):
                    path.unlink()
            finally:
                os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Whether nobody else holds the file; False also where the file system cannot tell."""
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
