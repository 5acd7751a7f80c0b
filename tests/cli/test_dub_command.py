"""The command `dubtool dub`: what goes to stdout and stderr, and how signals end it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from dubbing_place import Capture
from every_option import REACHING, WORDS, noted
from pseudo_terminal import shown_by

from dubtool.cli import main
from dubtool.cli.console import Console
from dubtool.cli.summary import show_summary
from dubtool.jobs.shared.report import Report

EXAMPLE_SPEECH = Path(__file__).resolve().parents[2] / "examples" / "speech.wav"


@pytest.fixture
def inputs(place: Path, clip: Path, speech: Path) -> list[str]:
    """Video and speech under a name that shells and URLs trip over."""
    video = place / 'it\'s "done": 100% 早 v1.2.mp4'
    shutil.copy(clip, video)
    return [str(video), str(shutil.copy(speech, place / "-speech; no.wav"))]


def test_stdout_is_the_path_and_the_summary_goes_to_stderr(inputs: list[str], place: Path, capfd: Capture) -> None:
    assert main(["dub", *inputs, "--no-cache"]) == 0
    out, err = capfd.readouterr()
    assert out == str(Path(inputs[0]).with_suffix("")) + ".dubbed.mp4\n"
    assert Path(out.strip()).is_file()
    lines = err.splitlines()
    # Nothing of MediaPipe, TensorFlow Lite or OpenCV.
    assert [line.split(":")[0] for line in lines] == ["track", "dub", "dubbed", "time", "stages", "provenance"], err
    assert lines[2] == "dubbed: 10 of 10 frames"
    assert lines[5] == "provenance: marked as synthetic (XMP), not signed"
    assert re.fullmatch(r"time: \d+\.\d s on cpu(:\d)?, \d+\.\d frames a second", lines[3].replace("cuda", "cpu"))


def test_json_is_the_report(inputs: list[str], place: Path, capfd: Capture) -> None:
    assert main(["dub", *inputs, "-o", str(place / "out.mkv"), "--json", "--quiet", "--from", "0:00.1"]) == 0
    out, err = capfd.readouterr()
    report = json.loads(out)
    assert err == ""
    assert report["output"] == str(place / "out.mkv")
    assert report["inputs"] == dict(zip(("video", "speech"), inputs, strict=True))
    assert report["dubbed"] + sum(report["passed"].values()) == report["frames"] == 10
    assert report["passed"] == {"outside the stretch": 3}
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in report["weights"].values())
    assert set(report["seconds"]) == {"load", "speech", "track", "references", "finish", "dub"}


def test_every_option_reaches_the_job(inputs: list[str], place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    got = noted(monkeypatch, "dub", "dub.job.dub")
    words = WORDS + (
        "--length video --loop hold --model other --expression 0.5 --soundtrack mix.wav --restore-teeth "
        "--restorer hdtr --preset fast --workers 2 --deinterlace --memory 99 --cast cast.csv --fit stretch "
        "--overrides o.csv"
    )
    assert main(["dub", *inputs, *words.split()]) == 0
    assert got.pop("arguments") == (Path(inputs[0]), Path(inputs[1]), Path("out.mov"))
    assert callable(got.pop("progress"))
    assert got == REACHING | {
        "cast": Path("cast.csv"),
        "overrides": Path("o.csv"),
        "fit": "stretch",
        "cues": None,
        "voices": None,
        "length": "video",
        "loop": "hold",
        "model": "other",
        "memory": 99.0,
        "expression": 0.5,
        "soundtrack": Path("mix.wav"),
        "restore_teeth": True,
        "restorer": "hdtr",
        "deinterlace": True,
        "adapted": None,
        "reference_segment": None,
        "shapes": None,
        "devices": [],
        "workers": 2,
    }


def _report() -> Report:
    report = Report("dub", "out.mp4", {}, frames=100, dubbed=90, device="cpu")
    report.passed.update({"no face": 7, "mouth covered": 3})
    report.seconds = {"track": 2.0, "dub": 3.0}
    report.warnings = ["x.wav is silent: the mouth will stay at rest"]
    report.extra = {"preview": "/a/long/path/to/the/folder/of/films/out.preview.mp4"}
    return report


def test_the_summary_has_a_line_for_each_person_of_a_cast(capsys: Capture) -> None:
    report = _report()
    people = [("left", 80, 1), ("anna", 30, 2)]
    report.details["people"] = [{"face": who, "dubbed": n, "lines": [{}] * lines} for who, n, lines in people]
    show_summary(Console(), report)
    told = capsys.readouterr().err.splitlines()
    assert told[2:4] == ["left: 80 frames, 1 line", "anna: 30 frames, 2 lines"]


def test_the_summary_says_what_and_why(capsys: Capture) -> None:
    show_summary(Console(), _report())
    assert capsys.readouterr() == (
        "",
        "dubbed: 90 of 100 frames\n"
        "passed through: no face 7, mouth covered 3\n"
        "time: 5.0 s on cpu, 20.0 frames a second\n"
        "stages: track 2.0 s, dub 3.0 s\n"
        "preview: /a/long/path/to/the/folder/of/films/out.preview.mp4\n"
        "warning: x.wav is silent: the mouth will stay at rest\n",
    )
    show_summary(Console(quiet=True), _report())
    assert capsys.readouterr() == ("", "")


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_terminal_of_forty_columns_shows_progress_and_summary_whole(tmp_path: Path) -> None:
    program = tmp_path / "show.py"
    program.write_text(
        "import time\n"
        "from test_dub_command import _report\n"
        "from dubtool.cli.console import Console\n"
        "from dubtool.cli.summary import show_summary\n"
        "with Console().progress() as tell:\n"
        "    for done in range(0, 61, 3):\n"
        "        tell('track', done, 60)\n"
        "        time.sleep(0.02)\n"
        "    tell('dub', 100, 57600)\n"
        "    time.sleep(0.2)\n"
        "    tell('dub', 200, 57600)\n"
        "show_summary(Console(), _report())\n"
    )
    environment = {"COLUMNS": "40", "TERM": "xterm", "PYTHONPATH": _search_path()}
    text = shown_by([sys.executable, str(program)], "stderr", environment)
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
    lines = [line.rstrip() for part in shown.split("\n") for line in part.split("\r")]
    assert max(map(len, lines)) <= 40
    assert "…" not in shown, "something is cut off"
    assert any(re.search(r"track .*60/60", line) for line in lines), lines
    assert any(re.search(r"dub .*200/57600 .*\d:\d\d", line) for line in lines), lines
    words = "".join(shown.split())
    assert "noface7,mouthcovered3" in words
    assert "films/out.preview.mp4" in words, "a folded path is still whole"


def _search_path() -> str:
    return os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])


def _started(inputs: list[str], place: Path, ready: Callable[[], bool], *options: str) -> subprocess.Popen[bytes]:
    """A dub of some seconds in a process of its own, once `ready` holds."""
    command = [sys.executable, "-m", "dubtool", "dub", inputs[0], str(EXAMPLE_SPEECH), "-o", str(place / "out.mp4")]
    environment = os.environ | {"PYTHONPATH": _search_path()}
    process = subprocess.Popen([*command, "--quiet", *options], stderr=subprocess.PIPE, env=environment)
    end = time.monotonic() + 60.0
    while not ready() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    assert process.poll() is None, process.communicate()[1]
    assert ready()
    return process


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("number", "code", "says"),
    [
        (signal.SIGINT, 130, b"dubtool: interrupted\n"),
        (signal.SIGTERM, 143, b"dubtool: ended by SIGTERM\n"),
        (signal.SIGHUP, 129, b"dubtool: ended by SIGHUP\n"),
    ],
)
def test_a_signal_while_frames_are_encoded_leaves_nothing(
    number: int, code: int, says: bytes, inputs: list[str], place: Path
) -> None:
    before = sorted(place.iterdir())

    def encoding() -> bool:
        return any(path.stat().st_size > 0 for path in place.glob(".dubtool-*"))

    process = _started(inputs, place, encoding)
    # Impatience must not tear up the cleaning.
    for _ in range(4):
        process.send_signal(number)
        time.sleep(0.02)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (code, says)
    assert sorted(place.iterdir()) == before


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_signal_while_faces_are_tracked_leaves_nothing(inputs: list[str], place: Path, tmp_path: Path) -> None:
    before = sorted(place.iterdir())

    def tracking() -> bool:
        return any(True for _ in (tmp_path / "temporary").glob("*/speech-16k.wav"))

    process = _started(inputs, place, tracking, "--no-cache")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, b"dubtool: interrupted\n")
    assert sorted(place.iterdir()) == before


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_signals_that_were_to_be_ignored_stay_ignored() -> None:
    program = (
        "import os, signal\n"
        "from dubtool.cli.signals import stopping\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "with stopping():\n"
        "    os.kill(os.getpid(), signal.SIGHUP)\n"
        "assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN\n"
    )
    environment = os.environ | {"PYTHONPATH": _search_path()}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, env=environment)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("lost", ["dropped", "turned into an ImportError"])
def test_an_interrupt_that_an_extension_module_loses_is_noticed(
    lost: str, inputs: list[str], place: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    def dub(*_: object, progress: Callable[[str, float, float | None], None], **__: object) -> Report:
        try:
            signal.raise_signal(signal.SIGINT)
        except BaseException as error:
            if lost != "dropped":
                raise ImportError("initialization failed") from error
        progress("track", 1, 2)
        pytest.fail("went on")

    monkeypatch.setattr("dubtool.jobs.dub.job.dub", dub)
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGHUP)
    try:
        assert main(["dub", *inputs]) == 130
    finally:
        for number, handler in zip((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), before, strict=True):
            signal.signal(number, handler)
    assert capfd.readouterr() == ("", "dubtool: interrupted\n")


def test_bench_measures_every_stage(inputs: list[str], capfd: Capture) -> None:
    assert main(["bench", *inputs, "--frames", "4", "--json", "--quiet"]) == 0
    out, err = capfd.readouterr()
    found = json.loads(out)
    assert err == ""
    stages = ["decode", "encode", "load", "speech", "track", "references", "finish", "dub"]
    assert sorted(found["stages"]) == sorted(stages)
    assert all(each > 0 for each in found["stages"].values())
    assert (found["frames"], found["job_frames"], found["width"], found["height"]) == (4, 10, 640, 640)
    assert found["rate"] == pytest.approx(1000 / found["total"], rel=0.02)
