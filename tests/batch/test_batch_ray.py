"""A batch on Ray: two nodes on one machine, one of them lost in the middle."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import batch_stub
import pytest

from dubtool.batch import cluster as cluster_job
from dubtool.batch.cluster import run_on_ray
from dubtool.batch.run import Outcome
from dubtool.batch.table import read_jobs
from dubtool.cli import main
from dubtool.errors import DeviceError, DubtoolError

pytest.importorskip("ray")

_HERE = Path(__file__).parent


def _table(folder: Path, rows: list[str]) -> str:
    path = folder / "jobs.csv"
    path.write_text("\n".join(["video,speech,output,mode,seconds", *rows]) + "\n")
    return str(path)


def _log(folder: Path, what: str) -> list[tuple[str, int]]:
    path = folder / "log"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [(name, process) for found, name, process in lines if found == what]


def _run(table: str, address: str, **more: Any) -> Outcome:
    return run_on_ray(read_jobs(table, {}, batch_stub.KINDS), address=address, kinds=batch_stub.KINDS, **more)


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What Ray's processes inherit: a path to the stub, to tell nobody of their use, short names for sockets."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(_HERE), *sys.path]))
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        monkeypatch.setenv("RAY_TMPDIR", folder)
        yield


@pytest.fixture
def cluster(silent: None) -> Iterator[Any]:
    """A head that does no jobs; nodes are added by the tests."""
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "num_gpus": 0, "include_dashboard": False})
    yield made
    made.shutdown()


def _node(cluster: Any, **resources: int) -> Any:
    return cluster.add_node(**{"num_gpus": 0, "object_store_memory": 80 * 2**20} | resources)


@pytest.mark.slow
def test_a_lost_node_loses_no_job_and_repeats_none(tmp_path: Path, cluster: Any) -> None:
    table = _table(tmp_path, [f"v{n % 3},s{n},{n}.out,{'fail' if n == 5 else ''},2" for n in range(8)])
    _, second = (_node(cluster, num_cpus=2, resources={name: 1}) for name in ("first", "second"))

    def kill() -> None:
        while len(_log(tmp_path, "look")) < 4:
            time.sleep(0.05)
        cluster.remove_node(second, allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    outcome = _run(table, cluster.address)
    killer.join()
    last = {Path(entry.output).name: entry.state for entry in outcome.ledger.latest.values()}
    assert last == {f"{n}.out": "failed" if n == 5 else "done" for n in range(8)}
    assert outcome.exit_code == 4
    assert Counter(name for name, _ in _log(tmp_path, "made")) == Counter({f"{n}.out": 1 for n in range(8) if n != 5})
    assert len(_log(tmp_path, "look")) > 8, "no job was interrupted"
    for number in set(range(8)) - {5}:
        assert (tmp_path / f"{number}.out").read_text() == f"s{number}" * 1000 + "\nwhole"
    others = sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".out")
    assert others == ["jobs.csv", "jobs.csv.state.jsonl", "log"]
    states = [json.loads(line)["state"] for line in (tmp_path / "jobs.csv.state.jsonl").read_text().splitlines()]
    assert Counter(states) == {"running": 8, "done": 7, "failed": 1}
    again = _run(table, cluster.address)
    assert [step.do for step in again.steps] == ["done"] * 5 + ["failed"] + ["done"] * 2


@pytest.mark.slow
def test_gpus_are_given_out_one_to_a_job(tmp_path: Path, cluster: Any) -> None:
    node = _node(cluster, num_cpus=4, num_gpus=2)
    assert node is not None
    outcome = _run(_table(tmp_path, [f"v{n},s{n},{n}.out,,1" for n in range(3)]), cluster.address, workers=4)
    assert {entry.report["device"] for entry in outcome.ledger.latest.values()} == {"cuda"}
    looked, made = _log(tmp_path, "look"), _log(tmp_path, "made")
    assert (len(looked), len(made)) == (3, 3)
    lines = [json.loads(line)[0] for line in (tmp_path / "log").read_text().splitlines()]
    assert lines.index("made") < [n for n, what in enumerate(lines) if what == "look"][2], "three jobs had two GPUs"


@pytest.mark.slow
def test_ctrl_c_ends_a_local_ray_in_good_order(tmp_path: Path, silent: None) -> None:
    table = _table(tmp_path, [f"v{n},s{n},{n}.out,,30" for n in range(3)])
    command = [sys.executable, str(_HERE / "batch_stub.py"), table, "local"]
    batch = subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    end = time.monotonic() + 120
    while not _log(tmp_path, "look"):
        assert time.monotonic() < end
        time.sleep(0.05)
    batch.send_signal(signal.SIGINT)
    out, err = batch.communicate(timeout=60)
    assert batch.returncode not in (0, None)
    assert out == b""
    assert b"KeyboardInterrupt" in err
    assert sorted(path.name for path in tmp_path.iterdir() if ".lock" not in path.name) == [
        "jobs.csv",
        "jobs.csv.state.jsonl",
        "log",
    ]
    assert _log(tmp_path, "made") == []
    assert len(_log(tmp_path, "stopped")) == len(_log(tmp_path, "look")), "jobs were killed, not ended"


@pytest.mark.slow
def test_a_dub_on_a_local_ray(
    place: Path, clip: Path, speech: Path, silent: None, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        shutil.copy(clip, place / f"{name}.mp4")
        shutil.copy(speech, place / f"{name}.wav")
    (place / "b.wav").write_bytes(b"")
    assert main(["batch", str(place), "--ray", "local"]) == 3
    out, err = capfd.readouterr()
    assert out == f"{place / 'a.dubbed.mp4'}\n"
    notes = [line for line in err.splitlines() if not line.startswith("jobs: ")]
    assert sorted(line.partition(":")[0] for line in notes) == [
        "1 of 2 jobs are done, 1 failed; --retry-failed tries them again",
        "done",
        "failed",
    ]
    assert (place / "a.dubbed.mp4").stat().st_size > 1000


def test_what_an_earlier_attempt_had_finished_is_not_done_again(tmp_path: Path) -> None:
    """Its machine was lost between the last step and the message."""
    job = read_jobs(_table(tmp_path, ["v,s,0.out,,"]), {}, batch_stub.KINDS).jobs[0]
    attempt = [cluster_job.Task(job, False), batch_stub.KINDS["dub"], "cpu", None, {}]
    first = cluster_job.attempt(*attempt)
    assert isinstance(first, cluster_job.Success)
    assert first.report["details"] == {"cores": 1}
    assert cluster_job.attempt(*attempt) == cluster_job.Success({})
    assert len(_log(tmp_path, "made")) == 1


def test_jobs_on_one_video_are_set_apart(tmp_path: Path) -> None:
    rows = ["a,1,1.out,,", "a,2,2.out,,", "a,3,3.out,,", "b,4,4.out,,", "b,5,5.out,,"]
    jobs = read_jobs(_table(tmp_path, rows), {}, batch_stub.KINDS).jobs
    order = cluster_job.spread([cluster_job.Task(job, False) for job in jobs], batch_stub.KINDS)
    assert [task.job.inputs["speech"].name for task in order] == ["1", "4", "2", "5", "3"]


def test_jobs_are_set_apart_by_the_video_whose_faces_are_followed(tmp_path: Path) -> None:
    """Not by the input that comes first: many portraits may follow one driver."""
    rows = ["p1,driver,1.out,,", "p2,driver,2.out,,", "p3,other,3.out,,"]
    jobs = read_jobs(_table(tmp_path, rows), {}, batch_stub.KINDS).jobs
    kinds = {"dub": replace(batch_stub.KINDS["dub"], video="speech")}
    order = cluster_job.spread([cluster_job.Task(job, False) for job in jobs], kinds)
    assert [task.job.output.stem for task in order] == ["1", "3", "2"]


def test_without_a_cluster_there_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = _table(tmp_path, ["v,s,0.out,,"])
    with pytest.raises(DeviceError, match=r"no Ray cluster answers at nowhere: .*; start one by 'ray start --head'"):
        _run(table, "nowhere")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(DubtoolError, match=r'--ray needs Ray: pip install "dubtool\[ray\]"'):
        _run(table, "local")
    assert not (tmp_path / "jobs.csv.state.jsonl").exists()


def test_ray_chooses_its_devices(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "jobs.csv").write_text("video,speech,output\na.mp4,b.wav,c.mp4\n")
    assert main(["batch", str(tmp_path / "jobs.csv"), "--ray", "local", "--devices", "cuda:1"]) == 2
    assert "Ray chooses which ones" in capfd.readouterr().err
