"""The file of a trace, which is there whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from dubtool.errors import OutputError
from dubtool.media.encode import taken
from dubtool.media.temporary_output import claim, settle
from dubtool.trace import tracing


@contextlib.contextmanager
def traced(output: Path | None, *, overwrite: bool) -> Iterator[None]:
    """Trace what happens in the block into a file that gets its name when the block ends well. None: no trace.

    Raises:
        UsageError: it exists and may not be replaced. OutputError: it cannot be written.
    """
    if output is None:
        yield
        return
    with contextlib.ExitStack() as held:
        with _told(output):
            part, claimed = claim(output)
            held.callback(os.close, claimed)
            held.callback(part.unlink, missing_ok=True)
            out = part.open("w", encoding="utf-8")
            held.callback(_close, out)
        with tracing(out) as trace:
            yield
        with _told(output):
            if trace.error is not None:
                raise trace.error
            out.close()
            settle(part, output, overwrite=overwrite)


@contextlib.contextmanager
def _told(output: Path) -> Iterator[None]:
    """What goes wrong with the file in the block, in one line."""
    try:
        yield
    except FileExistsError as error:
        raise taken(output) from error
    except OSError as error:
        raise OutputError(f"{output} cannot be written: {error.strerror}") from error


def _close(out: IO[str]) -> None:
    # What it still held is thrown away, and a full disk does not take it.
    with contextlib.suppress(OSError):
        out.close()
