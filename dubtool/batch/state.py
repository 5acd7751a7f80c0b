"""What became of each job: JSON Lines beside the list, only ever appended to, so that a kill costs no more than a line.

The last line of a job counts. A line that a kill cut short is passed over.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from dubtool.batch.table import Job
from dubtool.errors import InputError, OutputError

State = Literal["running", "done", "failed"]
# What of a job's report is worth keeping in every line.
_KEPT = ("frames", "dubbed", "passed", "duration", "seconds", "device", "model", "warnings", "extra")


@dataclass(frozen=True)
class Entry:
    """One line. `before` tells what stood at the output's place when the job began (see `identity`), and `ours` whether
    that came from an earlier try of the same job. `reason` and `exit_code`: of a failure. `report`: of a success."""

    key: str
    state: State
    output: str
    time: str
    before: list[int] | None = None
    ours: bool = False
    reason: str = ""
    exit_code: int = 0
    report: dict[str, Any] = field(default_factory=dict)


def identity(path: Path) -> list[int] | None:
    """What tells a file from its replacement: inode, size, time of change; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return [found.st_ino, found.st_size, found.st_mtime_ns]


def condensed(report: dict[str, Any]) -> dict[str, Any]:
    """The part of a report that is kept."""
    return {name: report[name] for name in _KEPT if report.get(name)}


class Ledger:
    """The state file at work; `latest` holds the last entry of each job by its key.

    Raises:
        InputError: it is there and cannot be read. OutputError (while writing): it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.latest: dict[str, Entry] = {}
        self._torn = False
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise InputError(f"{path} cannot be read: {(error.strerror or 'unknown reason').lower()}") from error
        self._torn = bool(content) and not content.endswith(b"\n")
        for entry in _entries(content):
            self.latest[entry.key] = entry

    def running(self, job: Job, ours: bool) -> None:
        self._add(job, "running", before=identity(job.output), ours=ours)

    def done(self, job: Job, report: dict[str, Any]) -> None:
        self._add(job, "done", report=condensed(report))

    def failed(self, job: Job, reason: str, exit_code: int) -> None:
        # What stood there before tells a second try whether a file at the output's place came from this one.
        start = self.latest[job.key]
        self._add(job, "failed", before=start.before, ours=start.ours, reason=reason, exit_code=exit_code)

    def _add(self, job: Job, state: State, **told: Any) -> None:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        entry = Entry(job.key, state, str(job.output), now, **told)
        line = json.dumps({name: value for name, value in asdict(entry).items() if value or name == "before"}) + "\n"
        if self._torn:
            line, self._torn = "\n" + line, False
        try:
            with self.path.open("ab") as file:
                file.write(line.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OutputError(f"{self.path} cannot be written: {error.strerror}") from error
        self.latest[job.key] = entry


def _entries(content: bytes) -> Iterator[Entry]:
    known = {one.name for one in fields(Entry)}
    for line in content.splitlines():
        try:
            told = json.loads(line)
            yield Entry(**{name: value for name, value in told.items() if name in known})
        except (ValueError, TypeError, AttributeError):
            continue
