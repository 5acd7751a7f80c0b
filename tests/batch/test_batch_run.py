from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import batch_stub
import pytest

from dubtool.errors import UsageError
from dubtool.file_lock import alone
from dubtool.jobs.shared.cores import share


def _table(folder: Path, rows: list[str]) -> str:
    path = folder / "jobs.csv"
    path.write_text("\n".join(["video,speech,output,mode,seconds", *rows]) + "\n")
    return str(path)


def _log(folder: Path) -> list[tuple[str, str, int]]:
    return [tuple(json.loads(line)) for line in (folder / "log").read_text().splitlines()]


def _made(folder: Path) -> Counter[str]:
    return Counter(name for what, name, _ in _log(folder) if what == "made")


def test_one_job_that_fails_or_dies_does_not_stop_the_others(tmp_path: Path) -> None:
    rows = ["a,1,1.out,,", "b,2,2.out,fail,", "c,3,3.out,die,", "d,4,4.out,bug,", "e,5,5.out,,", "f,6,6.out,,"]
    outcome = batch_stub.run(_table(tmp_path, rows))
    last = {Path(entry.output).name: entry for entry in outcome.ledger.latest.values()}
    assert [last[f"{n}.out"].state for n in range(1, 7)] == ["done", "failed", "failed", "failed", "done", "done"]
    assert last["2.out"].reason == f"{tmp_path}/b: no face"
    assert "ended by SIGKILL" in last["3.out"].reason
    assert last["4.out"].reason == "unexpected KeyError: 'x'"
    # The first failure in the order of the list.
    assert outcome.exit_code == last["2.out"].exit_code == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["jobs.csv", "jobs.csv.state.jsonl", "log", "1.out", "5.out", "6.out"]
    )
    again = batch_stub.run(_table(tmp_path, rows))
    assert [step.do for step in again.steps] == ["done", "failed", "failed", "failed", "done", "done"]
    assert (again.exit_code, max(_made(tmp_path).values())) == (4, 1)


def test_failed_jobs_are_tried_again_on_demand(tmp_path: Path) -> None:
    table = _table(tmp_path, ["a,1,1.out,fail,", "a,2,2.out,,"])
    batch_stub.run(table, workers=1)
    outcome = batch_stub.run(table, workers=1, retry_failed=True)
    assert [step.do for step in outcome.steps] == ["run", "done"]
    assert [what for what, *_ in _log(tmp_path)].count("look") == 3


def test_two_workers_never_look_at_one_video_at_the_same_time(tmp_path: Path) -> None:
    rows = [f"a,{n},{n}.out,,0.4" for n in range(3)] + ["b,9,9.out,,0.4"]
    batch_stub.run(_table(tmp_path, rows))
    looking: list[int] = []
    for what, video, process in _log(tmp_path):
        if (what, video) == ("look", "a"):
            looking.append(process)
        elif (what, video) == ("looked", "a"):
            looking.remove(process)
        assert len(looking) <= 1
    assert len({process for _, _, process in _log(tmp_path)}) == 2


def test_two_batches_do_not_run_on_one_list(tmp_path: Path) -> None:
    table = _table(tmp_path, ["a,1,1.out,,"])
    with alone(tmp_path / "jobs.csv.state.jsonl.lock"), pytest.raises(UsageError, match="held by another"):
        batch_stub.run(table, patience=0.1)


def _start(table: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, batch_stub.__file__, table], start_new_session=True)


def _wait_for_state(folder: Path, lines: int) -> None:
    state = folder / "jobs.csv.state.jsonl"
    end = time.monotonic() + 60
    while not (state.exists() and state.read_text().count("\n") >= lines):
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("killed", [signal.SIGKILL, signal.SIGINT])
def test_after_a_kill_exactly_what_is_missing_is_done(tmp_path: Path, killed: signal.Signals) -> None:
    table = _table(tmp_path, [f"v{n},s{n},{n}.out,,0.5" for n in range(5)])
    for lines in (2, 5):
        with _start(table) as batch:
            _wait_for_state(tmp_path, lines)
            time.sleep(0.2)
            if killed == signal.SIGINT:
                os.killpg(batch.pid, killed)  # as a terminal does
            else:
                batch.kill()
            assert batch.wait(30) != 0
    outcome = batch_stub.run(table)
    assert outcome.exit_code == 0
    assert _made(tmp_path) == Counter({f"{n}.out": 1 for n in range(5)})
    for number in range(5):
        assert (tmp_path / f"{number}.out").read_text() == f"s{number}" * 1000 + "\nwhole"
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".out") == [
        "jobs.csv",
        "jobs.csv.state.jsonl",
        "log",
    ]


def test_cores_are_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {2, 3, 4, 5, 7}, raising=False)
    assert [share(n, 2) for n in range(2)] == [{2, 3}, {4, 5, 7}]
    assert [share(n, 5) for n in range(5)] == [{2}, {3}, {4}, {5}, {7}]
    assert [share(n, 6) for n in range(6)] == [{2}, {3}, {4}, {5}, {7}, {2}]
