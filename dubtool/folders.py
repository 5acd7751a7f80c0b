"""Where dubtool keeps what it can make or fetch again, and what lasts as long as a job."""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dubtool import leftovers
from dubtool.errors import OutputError


def cache_folder() -> Path:
    """The user's cache folder for dubtool, by the platform's custom; it may not exist yet.

    A user without a home, or with another's (in containers), gets one among the temporary files, or where there are
    none a path on which nothing can be made.
    """
    try:
        folder = _cache_folder()
        folder.exists()
    except (RuntimeError, PermissionError):
        # Windows numbers no users; temporary files are each user's own there.
        return homeless_folder(os.getuid() if hasattr(os, "getuid") else 0)
    return folder


def expanded(path: Path) -> Path:
    """The path with its leading "~" or "~user" put in full; as it is where there is no such home."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """An empty folder for the files of one job, gone after the block.

    Raises:
        OutputError: there is no place for temporary files.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="dubtool-", ignore_cleanup_errors=True)
    except OSError as error:
        raise OutputError(
            f"no temporary file can be made ({error.strerror or error}): free some space, or set TMPDIR to a folder"
        ) from error
    with folder as name:
        leftovers.note(Path(name))
        try:
            yield Path(name)
        finally:
            leftovers.forget(Path(name))


def _cache_folder() -> Path:
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return Path(base) / "dubtool" / "Cache" if base else Path.home() / "AppData" / "Local" / "dubtool" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "dubtool"
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification says that a relative path is to be ignored.
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "dubtool"


@functools.cache
def homeless_folder(user: int) -> Path:
    """The cache of a user without a home: the same one as long as the process runs."""
    try:
        folder = Path(tempfile.gettempdir()) / f"dubtool-cache-{user}"
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError:
        return Path(os.devnull) / "dubtool"
    # Others may write among the temporary files: a folder of theirs is not ours.
    ours = stat.S_ISDIR(status.st_mode) and status.st_uid == user
    # On Windows the mode tells nothing of others.
    ours &= sys.platform == "win32" or not status.st_mode & 0o022
    return folder if ours else folder.with_name(f"{folder.name}-{secrets.token_hex(6)}")
