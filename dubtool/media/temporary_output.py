"""Unfinished files under a hidden name, claimed by the process that writes them, so that abandoned ones can be told.

The name says which output a file is to become, so that two processes do not work on one at the same time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import sys
from pathlib import Path

from dubtool import leftovers

_PREFIX = ".dubtool-"


def claim(output: Path) -> tuple[Path, int]:
    """Make an empty hidden file beside `output`; it is claimed until the descriptor that comes with it is closed.

    Raises:
        OSError: it cannot be made.
    """
    path = output.absolute().with_name(f"{_prefix(output)}{secrets.token_hex(6)}{output.suffix}")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    leftovers.note(path)
    if sys.platform == "win32":
        # There an open file can be neither renamed nor removed; who writes it holds it by having it open.
        os.close(descriptor)
        return path, os.open(os.devnull, os.O_RDWR)
    _lock(descriptor)
    return path, descriptor


def is_claimed(output: Path, own: Path | None = None) -> bool:
    """Whether somebody is at work on `output`: there is a claimed file for it, another than `own`."""
    others = output.absolute().parent.glob(f"{_prefix(output)}*")
    return any(path != own and _is_held(path) for path in others)


def settle(part: Path, output: Path, *, overwrite: bool) -> None:
    """Give a finished file its name.

    Raises:
        FileExistsError: the name is taken and may not be. OSError: it cannot be given.
    """
    leftovers.forget(part)
    if overwrite:
        part.replace(output)
        return
    try:
        # Unlike a look beforehand, this cannot replace what another process has made meanwhile.
        os.link(part, output)
    except FileExistsError:
        raise
    except OSError:
        # A file system without hard links.
        os.close(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        part.replace(output)
    else:
        part.unlink()


def remove_abandoned(folder: Path) -> None:
    """Remove what writers left in a folder that were killed before they could clean up."""
    for path in folder.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if sys.platform == "win32":
                path.unlink()  # refused as long as a process has it open
                continue
            descriptor = os.open(path, os.O_RDWR)
            try:
                if _lock(descriptor):
                    path.unlink()
            finally:
                os.close(descriptor)


def _prefix(output: Path) -> str:
    return f"{_PREFIX}{hashlib.blake2b(os.fsencode(output.name), digest_size=4).hexdigest()}-"


def _is_held(path: Path) -> bool:
    if sys.platform == "win32":
        try:
            # To its own name: refused as long as a process has it open.
            path.rename(path)
        except OSError:
            return path.exists()
        return False
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        return not _lock(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Whether nobody else holds the file; False also where the system or the file system cannot tell."""
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
