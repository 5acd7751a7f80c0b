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

from dubtool.batch.kinds import Kind
from dubtool.batch.run import Outcome, run_batch
from dubtool.batch.table import read_jobs
from dubtool.errors import NoFaceError
from dubtool.jobs.shared.kept import KeptNetworks
from dubtool.jobs.shared.report import Report
from dubtool.media.temporary_output import claim


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
    networks: KeptNetworks | None = None,
) -> Report:
    log = output.parent / "log"
    part, claimed = claim(output)
    try:
        with part.open("w") as file:
            _note(log, "look", video)
            progress("track", 1, 2)
            _work(seconds / 2)
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
            _work(seconds / 2)
            file.write("\nwhole")
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        _note(log, "made", output)
        part.replace(output)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    except KeyboardInterrupt:
        _note(log, "stopped", output)
        raise
    finally:
        part.unlink(missing_ok=True)
        os.close(claimed)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    return Report("stub", str(output), {}, frames=2, dubbed=1, device=device, details={"cores": cores})


def _work(seconds: float) -> None:
    """In small steps, as a job works; Ray's interrupts do not end a sleep."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.01)


def _note(log: Path, what: str, path: Path) -> None:
    with log.open("a") as file:
        file.write(json.dumps([what, path.name, os.getpid()]) + "\n")


KINDS = {"dub": Kind("dub", stub, ("video", "speech"), ".out", StubOptions, ("track", "dub"))}


def run(table: str, *, retry_failed: bool = False, workers: int = 2, patience: float = 15.0) -> Outcome:
    listed = read_jobs(table, {}, KINDS)
    return run_batch(
        listed, devices=["cpu"], workers=workers, retry_failed=retry_failed, kinds=KINDS, patience=patience
    )


def run_on(address: str, table: str) -> Outcome:
    from dubtool.batch.cluster import run_on_ray

    return run_on_ray(read_jobs(table, {}, KINDS), address=address, kinds=KINDS)


if __name__ == "__main__":
    import batch_stub

    table, *address = sys.argv[1:]
    sys.exit((batch_stub.run_on(*address, table) if address else batch_stub.run(table)).exit_code)
