"""What the commands show: results on stdout, everything else on stderr."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from dubtool import __version__

_PLAIN_SECONDS = 10.0
_JSON_SECONDS = 0.5

Tell = Callable[[str, float, float | None], None]


@dataclass
class Console:
    """How one run of the command line talks. The options --quiet and --verbose set its fields.

    as_lines: all that goes to stderr is JSON, one object a line, for programs (--progress json). heed: called with
    every progress; raises when the user asked to stop.
    """

    quiet: bool = False
    verbose: bool = False
    as_lines: bool = False
    heed: Callable[[], None] = field(default=lambda: None)

    def set_verbose(self) -> None:
        """Show the library's debug log on stderr, and tracebacks of errors."""
        self.verbose = True
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(relativeCreated)8.0f ms %(name)s: %(message)s"))
        logger = logging.getLogger("dubtool")
        logger.handlers[:] = [handler]
        logger.setLevel(logging.DEBUG)
        logger.debug("dubtool %s, Python %s, %s", __version__, platform.python_version(), platform.platform())

    def close(self) -> None:
        """Take the debug log off again, for callers in whose process other things go on."""
        if self.verbose:
            logger = logging.getLogger("dubtool")
            logger.handlers.clear()
            logger.setLevel(logging.NOTSET)

    def result(self, text: str) -> None:
        """The command's result, on stdout."""
        sys.stdout.write(text + "\n")

    def json(self, value: Any) -> None:
        """The command's result as JSON, on stdout."""
        self.result(json.dumps(value, indent=2, default=str))

    def note(self, text: str) -> None:
        """A remark on stderr; not with --quiet."""
        if not self.quiet:
            sys.stderr.write((json.dumps({"note": text}) if self.as_lines else text) + "\n")

    def error(self, text: str, code: int) -> None:
        """The one line that a command fails with, on stderr."""
        if self.as_lines:
            sys.stderr.write(json.dumps({"error": text, "exit_code": code}) + "\n")
        else:
            sys.stderr.write(f"dubtool: {text}\n")

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table on stdout: drawn on a terminal, aligned lines of full width through a pipe."""
        if sys.stdout.isatty():
            from rich import box
            from rich.console import Console as RichConsole
            from rich.table import Table
            from rich.text import Text

            drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=0)
            for number, header in enumerate(headers):
                # The first column holds names to copy; elsewhere a narrow terminal breaks lines and loses nothing.
                drawn.add_column(header, no_wrap=number == 0, overflow="fold")
            for row in rows:
                drawn.add_row(*(Text(cell) for cell in row))
            RichConsole().print(drawn)
            return
        widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]
        for row in (headers, *rows):
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.result("  ".join(cells).rstrip())

    @contextlib.contextmanager
    def progress(self, unit: str = "") -> Iterator[Tell]:
        """Progress of a job on stderr: a bar for each stage with the time left on a terminal, else a line now and then;
        JSON lines where these are asked for, --quiet or not.

        Yields a function to call with the stage, what is done of it, and what there is in all (None while unknown).
        `unit` "bytes" shows megabytes.
        """
        if self.as_lines:
            yield self._heeding(_json_lines())
        elif self.quiet:
            yield self._heeding(lambda stage, done, total: None)
        elif sys.stderr.isatty():
            with _bars(unit) as tell:
                yield self._heeding(tell)
        else:
            yield self._heeding(_lines(unit))

    def _heeding(self, tell: Tell) -> Tell:
        def heed_and_tell(stage: str, done: float, total: float | None) -> None:
            self.heed()
            tell(stage, done, total)

        return heed_and_tell


@contextlib.contextmanager
def _bars(unit: str) -> Iterator[Tell]:
    from rich.console import Console as RichConsole
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
    )

    amount: ProgressColumn = DownloadColumn() if unit == "bytes" else MofNCompleteColumn()
    text = TextColumn("{task.description}", markup=False)
    columns = (text, BarColumn(), amount, TimeRemainingColumn(compact=True, elapsed_when_finished=True))
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=RichConsole(stderr=True)) as progress:

        def tell(stage: str, done: float, total: float | None) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=None)
            progress.update(tasks[stage], completed=done, total=total)

        yield tell


def _lines(unit: str) -> Tell:
    started: dict[str, float] = {}
    shown: dict[str, float] = {}
    ended: set[str] = set()

    def tell(stage: str, done: float, total: float | None) -> None:
        now = time.monotonic()
        start = started.setdefault(stage, now)
        finished = total is not None and done >= total
        if stage in ended or (now - shown.get(stage, start) < _PLAIN_SECONDS and not finished):
            return
        if finished:
            ended.add(stage)
        shown[stage] = now
        left = f", {(now - start) * (total / done - 1):.0f} s left" if total and done and not finished else ""
        of = "" if total is None else f" of {_amount(total, unit)}"
        sys.stderr.write(f"{stage}: {_amount(done, unit)}{of}{left}\n")

    return tell


def _json_lines() -> Tell:
    """Lines {"stage", "done", "total", "seconds_left"}; what is not known is null. The first and the last of a stage
    are told, and what lies between now and then."""
    started: dict[str, float] = {}
    shown: dict[str, tuple[float, float]] = {}

    def tell(stage: str, done: float, total: float | None) -> None:
        now = time.monotonic()
        start = started.setdefault(stage, now)
        finished = total is not None and done >= total
        last, before = shown.get(stage, (-math.inf, -1.0))
        if done == before or (now - last < _JSON_SECONDS and not finished):
            return
        shown[stage] = now, done
        # Of what was done before the first call nobody knows how long it took.
        left = round((now - start) * (total / done - 1), 1) if total and done and now > start else None
        line = {"stage": stage, "done": done, "total": total, "seconds_left": 0.0 if finished else left}
        sys.stderr.write(json.dumps(line) + "\n")
        sys.stderr.flush()

    return tell


def _amount(value: float, unit: str) -> str:
    return f"{value / 1e6:.1f} MB" if unit == "bytes" else f"{value:g}"
