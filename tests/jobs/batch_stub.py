"""A kind of job that takes no time to speak of, for tests of what is around the jobs. Workers import it."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dubtool.errors import NoFaceError
from dubtool.jobs.batch.kinds import Kind
from dubtool.jobs.batch.run import Outcome, run_batch
from dubtool.jobs.batch.table import read_jobs
from dubtool.jobs.report import Report


@dataclass(frozen=True)
class StubOptions:
    mode: str = ""
    seconds: float = 0.1
    device: str = ""
    overwrite: bool = False
    cache: bool = True


def stub(
    video: Path,
    speech: Path,
    output: Path,
    *,
    progress: Callable[[str, float, float | None], None],
    mode: str = "",
    seconds: float = 0.1,
    device: str = "",
    overwrite: bool = False,
    cache: bool = True,
) -> Report:
    log = output.parent / "log"
    part = output.with_name(f".part-{os.getpid()}")
    try:
        with part.open("w") as file:
            _note(log, "look", video)
            progress("track", 1, 2)
            time.sleep(seconds / 2)
            _note(log, "looked", video)
            progress("dub", 0, 1)
            if mode == "fail":
                raise NoFaceError(f"{video}: no face")
            if mode == "bug":
                raise KeyError("x")
            if mode == "die":
                part.unlink()
                os.kill(os.getpid(), signal.SIGKILL)
            file.write(speech.name * 1000)
            file.flush()
            time.sleep(seconds / 2)
            file.write("\nwhole")
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        _note(log, "made", output)
        part.replace(output)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    finally:
        part.unlink(missing_ok=True)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    return Report("stub", str(output), {}, frames=2, dubbed=1, device=device, details={"cores": cores})


def _note(log: Path, what: str, path: Path) -> None:
    with log.open("a") as file:
        file.write(json.dumps([what, path.name, os.getpid()]) + "\n")


KINDS = {"dub": Kind(stub, ("video", "speech"), ".out", StubOptions, ("track", "dub"))}


def run(table: str, *, retry_failed: bool = False, workers: int = 2, patience: float = 15.0) -> Outcome:
    listed = read_jobs(table, {}, KINDS)
    return run_batch(
        listed, devices=["cpu"], workers=workers, retry_failed=retry_failed, kinds=KINDS, patience=patience
    )


if __name__ == "__main__":
    import batch_stub

    sys.exit(batch_stub.run(sys.argv[1]).exit_code)
