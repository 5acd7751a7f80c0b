"""Inputs that are no files: pipes are read into a temporary file, so that they can be read again and again."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from dubtool import leftovers
from dubtool.errors import DubtoolError, InputError, OutputError
from dubtool.folders import temporary_folder

_BLOCK = 2**20
# Names that mean another file in each process.
_OF_THIS_PROCESS = ("/dev/stdin", "/dev/fd/", "/proc/self/", "/proc/thread-self/")


class Spooled:
    """The inputs of a job, by the names they were given."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, Path] = {}

    def path(self, given: Path) -> Path:
        """A path that other processes can read, again and again. Waits for the end of a pipe.

        Raises:
            InputError: it is a device or a socket, or cannot be read. OutputError: there is no room for it.
        """
        if not is_pipe(given):
            return lasting(given)
        if given not in self._read:
            folder = self._folder / str(len(self._read))
            folder.mkdir()
            self._read[given] = _spool(given, folder / given.name[-100:])
        return self._read[given]

    def told(self, text: str) -> str:
        """A message about the job, with the inputs' own names in it."""
        for given, read in self._read.items():
            text = text.replace(str(read), str(given))
        return text


@contextlib.contextmanager
def spooling() -> Iterator[Spooled]:
    """Within the block pipes are read into files; errors of ours name them as they were given."""
    with temporary_folder() as folder:
        spooled = Spooled(folder)
        try:
            yield spooled
        except DubtoolError as error:
            error.args = (spooled.told(str(error)),)
            raise


def is_pipe(path: Path) -> bool:
    """Whether a path leads to a pipe, named or not. Raises InputError for devices and sockets, which have no end."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    if stat.S_ISCHR(mode) and not _same(path, os.devnull):
        raise InputError(f"{path} is a {'terminal' if _is_terminal(path) else 'device'}: give a file or a pipe")
    if stat.S_ISBLK(mode) or stat.S_ISSOCK(mode):
        raise InputError(f"{path} is a {'device' if stat.S_ISBLK(mode) else 'socket'}: give a file or a pipe")
    return stat.S_ISFIFO(mode)


def read_whole(path: Path) -> bytes:
    """All that is in a small file or a pipe.

    Raises:
        InputError: it cannot be read, or has no end.
    """
    is_pipe(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {(error.strerror or 'unknown reason').lower()}") from error


def lasting(path: Path) -> Path:
    """The file's own path where the given one leads elsewhere in other processes: /dev/stdin, /dev/fd/N."""
    if not os.fspath(path).startswith(_OF_THIS_PROCESS):
        return path
    found = path.resolve()
    return found if _same(found, path) else path


def _spool(pipe: Path, target: Path) -> Path:
    leftovers.note(target)
    try:
        # Opening waits for a writer, and reading for its end; signals are heard meanwhile.
        with pipe.open("rb", buffering=0) as source:
            try:
                with target.open("wb") as file:
                    shutil.copyfileobj(source, file, _BLOCK)
            except OSError as error:
                raise OutputError(
                    f"{pipe} cannot be kept in a temporary file ({error.strerror}): free some space, or set TMPDIR"
                ) from error
    except OSError as error:
        raise InputError(f"{pipe} cannot be read: {(error.strerror or 'unknown reason').lower()}") from error
    return target


def _same(path: Path, other: Path | str) -> bool:
    try:
        return path.samefile(other)
    except OSError:
        return False


def _is_terminal(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.isatty(descriptor)
    finally:
        os.close(descriptor)
