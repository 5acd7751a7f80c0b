"""The command `dubtool restore-teeth`: its options, what it prints, and how it ends without weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from dubbing_place import Capture
from every_option import REACHING, WORDS, noted
from restorer_stub import write_graphs

from dubtool.batch.check import check
from dubtool.batch.table import read_jobs
from dubtool.cli import main
from dubtool.cli.console import Console
from dubtool.cli.summary import show_summary
from dubtool.jobs.shared.report import Report


def test_without_weights_it_ends_with_exit_5_and_one_line(place: Path, clip: Path, capfd: Capture) -> None:
    assert main(["restore-teeth", str(clip), "-o", str(place / "out.mp4"), "--model", "hdtr"]) == 5
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("dubtool: weights 'hdtr") and err.count("\n") == 1
    assert list(place.iterdir()) == []


def test_stdout_is_the_path(place: Path, clip: Path, tmp_path: Path, capfd: Capture) -> None:
    write_graphs(tmp_path / "user weights", "stub")
    assert main(["restore-teeth", str(clip), "-o", str(place / "out.mp4"), "--model", "stub"]) == 0
    out, err = capfd.readouterr()
    assert out == f"{place / 'out.mp4'}\n"
    assert "restored: 0 of 10 frames\n" in err and "mouth closed 10" in err


def test_the_summary_says_how_many_frames_gave_the_mouths(capfd: Capture) -> None:
    report = Report("restore-teeth", "out.mp4", {"video": "clip.mp4"})
    report.details |= {"source": "the clip itself", "references": 34}
    show_summary(Console(), report)
    assert "references: 34 frames of the clip itself\n" in capfd.readouterr().err


def test_every_option_reaches_the_job(place: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture) -> None:
    got = noted(monkeypatch, "restore-teeth", "restore_teeth.job.restore_teeth")
    words = WORDS + "--reference best --model other --preset fast --json --deinterlace"
    assert main(["restore-teeth", "clip.mp4", *words.split()]) == 0
    assert json.loads(capfd.readouterr().out)["job"] == "restore-teeth"
    assert got.pop("arguments") == (Path("clip.mp4"), Path("out.mov"))
    assert callable(got.pop("progress"))
    own = {"deinterlace": True, "reference": "best", "model": "other", "reference_segment": None, "source": None}
    assert got == REACHING | own


def test_a_batch_may_list_it(place: Path, clip: Path) -> None:
    table = place / "jobs.csv"
    table.write_text(f"job,video,output,reference,from\nrestore-teeth,{clip},{place / 'a.mkv'},best,0.1\n")
    listed = read_jobs(str(table), {})
    (job,) = listed.jobs
    assert (job.kind, job.inputs, job.output) == ("restore-teeth", {"video": clip}, place / "a.mkv")
    assert job.options["reference"] == "best"
    checked = check(listed, devices=["cpu"], workers=1, retry_failed=False)
    assert [(finding.state, finding.problem, finding.frames) for finding in checked.jobs] == [("ready", "", 10)]
