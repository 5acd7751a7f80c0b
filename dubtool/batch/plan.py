"""What is left to do, from the state and from what lies on the disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from dubtool.batch.kinds import Kind
from dubtool.batch.state import Ledger, identity
from dubtool.batch.table import Job


@dataclass(frozen=True)
class Step:
    """What is to happen to a job.

    do: "run" it; leave it ("done", "failed" earlier); or "record" that a killed run had in fact finished it. replace:
    the file at the output's place came from an earlier try of this very job, and may be replaced.
    """

    job: Job
    do: Literal["run", "done", "failed", "record"]
    replace: bool = False


def plan(jobs: tuple[Job, ...], ledger: Ledger, kinds: Mapping[str, Kind], *, retry_failed: bool) -> list[Step]:
    """One step for each job, in order."""
    return [_step(job, ledger, kinds[job.kind], retry_failed) for job in jobs]


def _step(job: Job, ledger: Ledger, kind: Kind, retry_failed: bool) -> Step:
    entry = ledger.latest.get(job.key)
    if entry is None:
        return Step(job, "run")
    if entry.state == "done":
        # A result that was taken away is wanted anew; what still stands beside its place was made with it.
        return Step(job, "done") if job.output.exists() else Step(job, "run", replace=True)
    now = identity(job.output)
    # Outputs appear whole or not at all, so a new file is a whole one.
    made = now is not None and now != entry.before
    ours = made or (now is not None and entry.ours)
    if entry.state == "failed":
        return Step(job, "run" if retry_failed else "failed", ours)
    if made and all(file.exists() for file in kind.files(job.output, job.options)):
        return Step(job, "record")
    return Step(job, "run", ours)
