from __future__ import annotations

from pathlib import Path

import pytest

from dubtool.batch.kinds import KINDS
from dubtool.batch.plan import plan
from dubtool.batch.state import Ledger
from dubtool.batch.table import Job


@pytest.fixture
def job(tmp_path: Path) -> Job:
    inputs = {"video": tmp_path / "a.mp4", "speech": tmp_path / "a.wav"}
    return Job("row 1", "dub", inputs, tmp_path / "out \udcff.mp4", {"sidecar": True})


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "jobs.csv.state.jsonl"


def _step(job: Job, state: Path, retry: bool = False) -> tuple[str, bool]:
    (step,) = plan((job,), Ledger(state), KINDS, retry_failed=retry)
    return step.do, step.replace


def _write(job: Job) -> None:
    job.output.write_text("a whole result")
    job.output.with_name(job.output.stem + ".json").write_text("{}")


def test_a_done_job_is_left_alone_until_its_output_is_gone(job: Job, state: Path) -> None:
    assert _step(job, state) == ("run", False)
    ledger = Ledger(state)
    ledger.running(job, False)
    _write(job)
    ledger.done(job, {"frames": 10, "versions": {"python": "3"}, "warnings": ["w"]})
    assert _step(job, state) == ("done", False)
    assert Ledger(state).latest[job.key].report == {"frames": 10, "warnings": ["w"]}
    job.output.unlink()
    # What was made beside it may still be there.
    assert _step(job, state) == ("run", True)


def test_a_failed_job_is_tried_again_only_on_demand(job: Job, state: Path) -> None:
    ledger = Ledger(state)
    ledger.running(job, False)
    ledger.failed(job, "no face", 4)
    assert _step(job, state) == ("failed", False)
    assert _step(job, state, retry=True) == ("run", False)
    assert Ledger(state).latest[job.key].exit_code == 4


def test_a_result_that_a_kill_left_unrecorded_is_recorded(job: Job, state: Path) -> None:
    Ledger(state).running(job, False)
    assert _step(job, state) == ("run", False)
    _write(job)
    assert _step(job, state) == ("record", False)


def test_a_kill_between_the_result_and_its_sidecar_makes_both_anew(job: Job, state: Path) -> None:
    Ledger(state).running(job, False)
    job.output.write_text("a whole result")
    assert _step(job, state) == ("run", True)
    # And so again, when the second try is killed before it gets anywhere.
    Ledger(state).running(job, True)
    assert _step(job, state) == ("run", True)


def test_a_file_that_was_there_before_is_never_ours(job: Job, state: Path) -> None:
    _write(job)
    ledger = Ledger(state)
    ledger.running(job, False)
    assert _step(job, state) == ("run", False)
    ledger.failed(job, "exists", 2)
    assert _step(job, state, retry=True) == ("run", False)


def test_a_line_that_was_cut_short_costs_itself_alone(job: Job, state: Path) -> None:
    ledger = Ledger(state)
    ledger.running(job, False)
    _write(job)
    ledger.done(job, {})
    whole = state.read_bytes()
    for length in range(len(whole) - 2, len(whole) - 40, -1):
        state.write_bytes(whole[:length])
        assert _step(job, state) == ("record", False)
    Ledger(state).done(job, {})
    assert _step(job, state) == ("done", False)


def test_lines_of_a_later_version_are_read(job: Job, state: Path) -> None:
    state.write_text(f'{{"key": "{job.key}", "state": "failed", "output": "x", "time": "t", "later": 1}}\n[]\n{{}}\n')
    assert _step(job, state) == ("failed", False)
