"""The errors dubtool raises, and the exit code each one ends the command line with.

Every message is one line: what is wrong, which file, and what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterable


class DubtoolError(Exception):
    """Root of all errors that dubtool raises on purpose."""

    exit_code = 1


class UsageError(DubtoolError):
    """The options contradict each other or are out of range."""

    exit_code = 2


class InputError(DubtoolError):
    """An input cannot be read, or cannot be used for this job."""

    exit_code = 3


class NoFaceError(DubtoolError):
    """No frame of the input holds a usable face."""

    exit_code = 4


class WeightsError(DubtoolError):
    """A weights file is missing, damaged, or not what the registry says it is."""

    exit_code = 5


class DeviceError(DubtoolError):
    """The device that was asked for is not there."""

    exit_code = 6


class OutputError(DubtoolError):
    """ffmpeg failed, the disk is full, or the output cannot be written."""

    exit_code = 7


EXIT_INTERRUPTED = 130


class CancelledError(DubtoolError):
    """Whoever called a job asked it to stop."""

    exit_code = EXIT_INTERRUPTED


def meant(name: str, known: Iterable[str], form: str = "{!r}") -> str:
    """The end of a line that says that there is no `name`: which of the `known` may be meant; nothing if none is near.

    form: in which that one is named.
    """
    # Needed by mistakes alone, and everything imports this file.
    import difflib

    near = difflib.get_close_matches(name, list(known), 1)
    return f": is {form.format(near[0])} meant?" if near else ""
