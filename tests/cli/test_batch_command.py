"""The command `dubtool batch` on real dubs, few and short."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from dubbing_place import Capture

from dubtool.batch.check import check
from dubtool.batch.table import read_jobs
from dubtool.cli import main


@pytest.fixture
def folder(place: Path, clip: Path, speech: Path) -> Path:
    shutil.copy(clip, place / "早 film.mp4")
    shutil.copy(speech, place / "早 film.fr.wav")
    shutil.copy(clip, place / "b.mp4")
    (place / "b.wav").touch()
    return place


def test_a_folder_is_done_once(folder: Path, capfd: Capture) -> None:
    arguments = ["batch", str(folder), "--devices", "cpu", "--workers", "1"]
    page = folder / "page.html"
    assert main([*arguments, "--set", "expression=0.5", "--report", str(page)]) == 3
    out, err = capfd.readouterr()
    output = folder / "早 film.fr.dubbed.mp4"
    assert out == f"{output}\n"
    assert f"failed: b.wav: {folder / 'b.wav'} is empty\n" in err
    assert f"done: {output} (10 of 10 frames, " in err
    assert err.splitlines()[-1] == "1 of 2 jobs are done, 1 failed; --retry-failed tries them again"
    assert page.read_text().count("data:image/jpeg") == 3
    written = output.stat()
    assert main([*arguments, "--set", "expression=0.5", "--json", "--quiet", "--overwrite"]) == 3
    out, err = capfd.readouterr()
    told = json.loads(out)
    assert (told["done"], told["failed"], told["exit_code"]) == (1, 1, 3)
    assert told["jobs"][1]["report"]["dubbed"] == 10
    assert err == ""
    assert output.stat() == written


def test_rows_may_be_casts(place: Path, cut: Callable[..., Path], speech: Path, capfd: Capture) -> None:
    """Two people of one film, by a table and by subtitles; the page of the batch leads to what was looked at."""
    both = "crop=400:400:120:110,scale=192:192,split[a][b];[b]hflip[m];[a][m]hstack"
    shutil.copy(cut("two.mp4", "-frames:v", 10, "-an", "-preset", "ultrafast", "-vf", both), place / "film.mp4")
    (place / "voices").mkdir()
    for name in ("voices/1.left.wav", "voices/2.right.wav", "anna.wav"):
        shutil.copy(speech, place / name)
    (place / "cast.csv").write_text("face,speech,from\nleft,anna.wav,\nright,voices/2.right.wav,\n")
    cues = "1\n00:00:00,000 --> 00:00:00,400\na\n\n2\n00:00:00,000 --> 00:00:00,400\nb\n"
    (place / "lines.srt").write_text(cues)
    (place / "cut.csv").write_text("from,to,person,skip\n0,0.2,right,yes\n")
    (place / "jobs.csv").write_text(
        "video,cast,cues,voices,output,sidecar,overrides\n"
        "film.mp4,cast.csv,,,a.mp4,yes,cut.csv\n"
        "film.mp4,,lines.srt,voices,b.mp4,yes,\n"
    )
    words = ["batch", str(place / "jobs.csv"), "--devices", "cpu", "--workers", "1", "--json", "--quiet"]
    assert main(words) == 0
    told = json.loads(capfd.readouterr().out)
    assert [job["report"]["dubbed"] for job in told["jobs"]] == [10, 10]
    people = [json.loads((place / f"{name}.json").read_text())["details"]["people"] for name in "ab"]
    assert [[(one["face"], one["dubbed"]) for one in each] for each in people] == [
        [("left", 10), ("right", 5)],
        [("left", 10), ("right", 10)],
    ]
    assert main(["report", str(place / "a.mp4"), "--quick", "--quiet"]) == 0
    assert main([*words, "--report", str(place / "page.html")]) == 0
    page = (place / "page.html").read_text()
    assert './a.plots.png"' in page and './b.plots.png"' not in page


def test_a_rehearsal_finds_what_is_wrong_and_writes_nothing(folder: Path, capfd: Capture) -> None:
    before = sorted(folder.iterdir())
    assert main(["batch", str(folder), "--devices", "cpu", "--workers", "2", "--dry-run", "--json", "--quiet"]) == 3
    told = json.loads(capfd.readouterr().out)
    bad, good = told["jobs"]
    assert bad["problem"] == f"{folder / 'b.wav'} is empty"
    assert (good["problem"], good["warnings"], good["frames"]) == ("", [], 10)
    assert told["pace"]["source"] == "a dub of two seconds"
    assert 0 < told["hours"] < 0.1
    assert sorted(folder.iterdir()) == before


def test_a_rehearsal_warns_of_faces_that_are_not_there(
    place: Path, speech: Path, cut: Callable[..., Path], capfd: Capture
) -> None:
    shutil.copy(cut("grey.mp4", "-frames:v", 5, "-an", "-vf", "hue=s=0,boxblur=40"), place / "a.mp4")
    shutil.copy(speech, place / "a.wav")
    assert main(["batch", str(place), "--dry-run", "--devices", "cpu"]) == 0
    out, err = capfd.readouterr()
    assert "no face in its first 5 seconds" in out
    assert "how long it takes is not known" in err


def test_ctrl_c_ends_the_workers_and_leaves_no_half_file(folder: Path) -> None:
    command = [sys.executable, "-m", "dubtool", "batch", str(folder), "--devices", "cpu", "--workers", "2"]
    state = folder / "dubtool.state.jsonl"
    batch = subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    end = time.monotonic() + 60
    # A hidden file at the output's side: the dub is under way.
    while not list(folder.glob(".dubtool-*")):
        assert time.monotonic() < end and batch.poll() is None
        time.sleep(0.02)
    os.killpg(batch.pid, signal.SIGINT)
    out, err = batch.communicate(timeout=60)
    assert batch.returncode == 130
    assert out == b""
    assert err.decode().splitlines()[-1] == "dubtool: interrupted"
    assert b"Traceback" not in err
    assert not list(folder.glob(".dubtool-*")) and not list(folder.glob("*.dubbed.mp4"))
    assert '"state": "running"' in state.read_text().splitlines()[-1] or '"failed"' in state.read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [(["none.csv"], 3, "does not exist"), ([".", "--devices", "gpu"], 2, "device 'gpu' is unknown")],
)
def test_usage_is_checked(
    folder: Path, arguments: list[str], code: int, says: str, capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert main(["batch", *arguments]) == code
    assert says in capfd.readouterr().err


def test_what_a_kill_of_everything_left_is_cleared_away(folder: Path) -> None:
    command = [sys.executable, "-m", "dubtool", "batch", str(folder), "--devices", "cpu", "--workers", "1", "--quiet"]
    batch = subprocess.Popen(command, start_new_session=True)
    end = time.monotonic() + 60
    while not list(folder.glob(".dubtool-*")):
        assert time.monotonic() < end and batch.poll() is None
        time.sleep(0.02)
    os.killpg(batch.pid, signal.SIGKILL)
    assert batch.wait(30) == -signal.SIGKILL
    assert list(folder.glob(".dubtool-*"))
    for work in Path(os.environ["TMPDIR"]).iterdir():  # what no process is left to remove
        shutil.rmtree(work)
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (ran.returncode, ran.stdout) == (3, f"{folder / '早 film.fr.dubbed.mp4'}\n")
    assert not list(folder.glob(".dubtool-*"))


def test_a_rehearsal_looks_at_every_row_of_a_cast(place: Path, clip: Path, speech: Path) -> None:
    (place / "good.csv").write_text(f"face,speech\nleft,{speech}\n")
    (place / "late.csv").write_text(f"face,speech,from\nleft,{speech},2\n")
    table = place / "jobs.csv"
    rows = [
        f"{clip},{name}.csv,{place / name}.mp4,{given}\n" for name, given in (("good", ""), ("late", ""), ("none", ""))
    ]
    rows.append(f"{clip},good.csv,{place / 'both'}.mp4,{speech}\n")
    table.write_text("video,cast,output,speech\n" + "".join(rows))
    listed = read_jobs(str(table), {})
    checked = check(listed, devices=["cpu"], workers=1, retry_failed=True)
    good, late, none, both = checked.jobs
    assert (good.state, good.problem, good.frames) == ("ready", "", 10)
    assert "late.csv, line 2" in late.problem and "the film at 0.40 s" in late.problem and late.exit_code == 2
    assert "none.csv does not exist" in none.problem and none.exit_code == 3
    assert "leave out the SPEECH" in both.problem and both.exit_code == 2
