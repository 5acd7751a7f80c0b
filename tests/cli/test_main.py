from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import typer
from dubbing_place import Capture

import dubtool
from dubtool import errors
from dubtool.cli import main
from dubtool.cli import weights as weights_command
from dubtool.cli.app import app
from dubtool.cli.console import Console
from dubtool.cli.exit_codes import TOLD
from dubtool.cli.options import parse_time


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Makes `dubtool weights list` raise."""

    def make(error: BaseException) -> None:
        def fail() -> None:
            raise error

        monkeypatch.setattr(weights_command.locate, "known", fail)

    return make


def _run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "dubtool", *arguments]
    return subprocess.run(command, capture_output=True, check=False, env=os.environ | environment)


def test_version_goes_to_stdout(capsys: Capture) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"dubtool {dubtool.__version__}\n"


def test_the_module_runs_like_the_command() -> None:
    done = _run("--version")
    assert (done.returncode, done.stdout.split()[0], done.stderr) == (0, b"dubtool", b"")


@pytest.mark.parametrize("arguments", [(), ("weights",), ("weights", "fetch"), ("doctor",)], ids=" ".join)
def test_help_fits_a_narrow_terminal_and_a_pipe(arguments: tuple[str, ...]) -> None:
    done = _run(*arguments, "--help", COLUMNS="60")
    text = done.stdout.decode()
    assert done.returncode == 0
    assert "Usage: dubtool" in text
    assert max(map(len, text.splitlines())) <= 60
    assert "..." not in text.replace("[ARGS]...", "").replace("[NAME]...", ""), "a summary is cut off"
    assert text.isascii(), "no box drawing through a pipe"


@pytest.mark.parametrize("arguments", [[], ["weights"]])
def test_no_command_shows_the_help_and_is_a_usage_error(arguments: list[str], capsys: Capture) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Commands:" in captured.err


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["weights", "list", "--nonsense"], ["weights", "show"], ["weights", "show", "nonsense"]],
    ids=" ".join,
)
def test_usage_errors_are_one_line_and_exit_2(arguments: list[str], capsys: Capture) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("dubtool: ")
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UsageError("bad"), 2),
        (errors.InputError("bad"), 3),
        (errors.NoFaceError("bad"), 4),
        (errors.WeightsError("bad"), 5),
        (errors.DeviceError("bad"), 6),
        (errors.OutputError("bad"), 7),
    ],
)
def test_errors_become_one_line_and_their_code(
    error: Exception, code: int, failing: Callable[[BaseException], None], capsys: Capture
) -> None:
    failing(error)
    assert main(["weights", "list"]) == code
    assert capsys.readouterr() == ("", "dubtool: bad\n")


def test_an_interrupt_exits_130(failing: Callable[[BaseException], None], capsys: Capture) -> None:
    failing(KeyboardInterrupt())
    assert main(["weights", "list"]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_the_unexpected_is_one_line_without_verbose(failing: Callable[[BaseException], None], capsys: Capture) -> None:
    failing(ZeroDivisionError("first\nsecond"))
    assert main(["weights", "list"]) == 1
    expected = "dubtool: unexpected ZeroDivisionError: first second; run with --verbose for the traceback\n"
    assert capsys.readouterr() == ("", expected)


def test_verbose_shows_the_traceback_and_versions(failing: Callable[[BaseException], None], capsys: Capture) -> None:
    failing(errors.InputError("bad"))
    assert main(["weights", "list", "--verbose"]) == 3
    text = capsys.readouterr().err
    assert "Traceback" in text
    assert f"dubtool {dubtool.__version__}" in text
    assert text.splitlines()[-1] == "dubtool: bad"
    assert not logging.getLogger("dubtool").isEnabledFor(logging.DEBUG), "the next command line is verbose, too"


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["noticed at the end", "noticed at once"])
def test_a_reader_that_goes_away_is_quiet(unbuffered: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "dubtool", "weights", "list"]
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False, env=environment)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_name_that_is_not_utf8_comes_out_as_its_bytes(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"\xff")
    folder.mkdir()
    (folder / "face_detection_yunet_2023mar.onnx").write_bytes(b"x")
    done = _run("weights", "show", "yunet", DUBTOOL_WEIGHTS=str(folder), PYTHONIOENCODING="utf-8:strict")
    assert done.returncode == 0, done.stderr
    assert b"/\xff/face_detection" in done.stdout


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("75", Fraction(75)), ("75.5", Fraction(151, 2)), ("1:15.5", Fraction(151, 2)), ("0:01:15", Fraction(75))],
)
def test_times_are_read(text: str, seconds: Fraction) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "x", "-1", "1:", "1:2:3:4", "1/0", "1e999999999", "99999999999"])
def test_bad_times_are_usage_errors(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="is not a time"):
        parse_time(text)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    now = [0.0]
    monkeypatch.setattr("dubtool.cli.console.time.monotonic", lambda: now[0])
    yield now


def test_progress_without_a_terminal_is_a_line_now_and_then(clock: list[float], capsys: Capture) -> None:
    with Console().progress() as tell:
        for clock[0], done in ((0.0, 0), (1.0, 10), (20.0, 50), (21.0, 60), (40.0, 100)):
            tell("track", done, 100)
        tell("dub", 1, None)
        clock[0] = 55.0
        tell("dub", 3, None)
    assert capsys.readouterr() == ("", "track: 50 of 100, 20 s left\ntrack: 100 of 100\ndub: 3\n")


def test_progress_is_silent_when_asked(clock: list[float], capsys: Capture) -> None:
    with Console(quiet=True).progress() as tell:
        clock[0] = 100.0
        tell("track", 100, 100)
    assert capsys.readouterr() == ("", "")


def test_progress_for_programs_is_json_lines(clock: list[float], capsys: Capture) -> None:
    console = Console(quiet=True, as_lines=True)
    with console.progress() as tell:
        for clock[0], done in ((0.0, 0), (0.1, 10), (1.0, 25), (1.1, 26), (2.0, 100)):
            tell("track", done, 100)
        tell("dub", 1, None)
    console.note("not told with --quiet")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert lines == [
        {"stage": "track", "done": 0, "total": 100, "seconds_left": None},
        {"stage": "track", "done": 25, "total": 100, "seconds_left": 3.0},
        {"stage": "track", "done": 100, "total": 100, "seconds_left": 0.0},
        {"stage": "dub", "done": 1, "total": None, "seconds_left": None},
    ]


@pytest.mark.parametrize("words", [["--progress", "json"], ["--progress=json", "--nonsense"]])
def test_programs_read_notes_and_errors_as_json(words: list[str], capsys: Capture) -> None:
    assert main(["dub", "none.mp4", "none.wav", *words]) == (2 if "--nonsense" in words else 3)
    error = json.loads(capsys.readouterr().err)
    assert error["exit_code"] in (2, 3)
    assert error["error"]
    Console(as_lines=True).note("x")
    assert json.loads(capsys.readouterr().err) == {"note": "x"}


def _commands() -> list[list[str]]:
    found = []

    def walk(command: Any, path: list[str]) -> None:
        inner = getattr(command, "commands", {})
        for name, one in inner.items():
            walk(one, [*path, name])
        if not inner:
            found.append(path)

    walk(typer.main.get_command(app), [])
    return found


@pytest.mark.parametrize("path", _commands(), ids=" ".join)
def test_every_command_tells_exit_codes_and_takes_settings(path: list[str], capsys: Capture) -> None:
    assert main([*path, "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert TOLD in text
    assert "--config FILE" in text
