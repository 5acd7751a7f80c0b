"""dubtool.toml, presets, and options given twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dubbing_place import Capture

from dubtool.cli import main
from dubtool.jobs.shared.report import Report


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the dub of a command line is asked, which does nothing; the current folder is an empty one."""
    got: dict[str, Any] = {}

    def dub(*arguments: Any, **more: Any) -> Report:
        got.update(vars(arguments[-1]))
        return Report("dub", "out.mp4", {})

    monkeypatch.setattr("dubtool.jobs.dub.job.dub", dub)
    monkeypatch.delenv("DUBTOOL_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    return got


def _dub(*words: str) -> int:
    return main(["dub", "a.mp4", "b.wav", "--quiet", *words])


def test_the_command_line_goes_before_the_file_before_the_preset(options: dict[str, Any]) -> None:
    Path("dubtool.toml").write_text(
        'device = "cpu"\ncrf = 30\n[dub]\ncrf = 25\nno-cache = true\nfrom = "0:01.5"\n'
        '[presets.house]\ncrf = 11\ncodec = "libx265"\neffort = "slow"\n'
    )
    assert _dub("--preset", "house", "--effort", "fast") == 0
    assert (options["preset"], options["crf"], options["codec"]) == ("fast", 25, "libx265")
    assert (options["device"], options["cache"], options["start"]) == ("cpu", False, 1.5)
    assert _dub("--crf", "9") == 0
    assert (options["crf"], options["codec"], options["preset"]) == (9, None, "veryfast")


def test_a_file_may_name_the_preset(options: dict[str, Any]) -> None:
    Path("other.toml").write_text('preset = "draft"\n')
    assert _dub("--config", "other.toml") == 0
    assert (options["crf"], options["preset"]) == (28, "ultrafast")
    assert _dub("--config", "other.toml", "--preset", "broadcast") == 0
    assert (options["codec"], options["sidecar"], options["crf"]) == ("prores_ks", True, 16)


def test_a_mark_before_the_first_key_is_no_matter(options: dict[str, Any]) -> None:
    Path("dubtool.toml").write_text("crf = 30\n", encoding="utf-8-sig")
    assert _dub() == 0
    assert options["crf"] == 30


def test_the_variable_names_a_file(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    Path("dubtool.toml").write_text("crf = 30\n")
    Path("other.toml").write_text("crf = 31\n")
    monkeypatch.setenv("DUBTOOL_CONFIG", "other.toml")
    assert _dub() == 0
    assert options["crf"] == 31


def test_an_effort_is_still_taken_for_a_preset(options: dict[str, Any]) -> None:
    assert _dub("--preset", "veryfast") == 0
    assert options["preset"] == "veryfast"


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        ("crff = 3", 2, "dubtool.toml: unknown key crff: is crf meant?"),
        ("[dub]\ncodek = 'x'", 2, "dubtool.toml: unknown key dub.codek: is codec meant?"),
        ("[dubb]\ncrf = 3", 2, "dubtool.toml: there is no command [dubb]: is dub meant?"),
        ("[reenact]\nlength = 'video'", 2, "dubtool.toml: unknown key reenact.length"),
        ("[presets.x]\ncrff = 3", 2, "dubtool.toml: unknown key presets.x.crff: is crf meant?"),
        ("[presets]\nx = 3", 2, "presets are tables"),
        ("[presets.x]\npreset = 'web'", 2, "dubtool.toml: presets.x.preset"),
        ("output = 'x.mp4'", 2, "unknown key output"),
        ("crf = 'much'", 2, "dubtool.toml: crf: "),
        ("crf = 99", 2, "dubtool.toml: crf: "),
        ("crf = true", 2, "dubtool.toml: crf is True: write a text or a number"),
        ("[dub]\noverwrite = 'yes'", 2, "dubtool.toml: dub.overwrite is 'yes': write true or false"),
        ("[batch]\nset = 'crf=3'", 2, "dubtool.toml: batch.set is 'crf=3': write a list"),
        ("preset = 'nonsense'", 2, "unknown preset 'nonsense'"),
        ("[dub", 3, "dubtool.toml is not TOML"),
        ("a = " + "[" * 20_000, 3, "dubtool.toml is not TOML"),
    ],
)
def test_a_bad_file_is_told_by_file_and_key(
    text: str, code: int, told: str, options: dict[str, Any], capsys: Capture
) -> None:
    Path("dubtool.toml").write_text(text)
    assert _dub() == code
    err = capsys.readouterr().err
    assert told in err, err
    assert err.count("\n") == 1
    assert options == {}


def test_a_file_that_is_not_there_is_told(options: dict[str, Any], capsys: Capture) -> None:
    assert _dub("--config", "none.toml") == 3
    assert capsys.readouterr().err == "dubtool: none.toml does not exist or is no file: correct --config\n"


def test_help_is_there_whatever_the_file_says(options: dict[str, Any], capsys: Capture) -> None:
    Path("dubtool.toml").write_text("nonsense = 1")
    assert _dub("--help") == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--crf", "20", "--crf=20"], "--crf is given 2 times"),
        (["-o", "x.mp4", "--output", "y.mp4"], "--output is given 2 times"),
        (["--preset", "draft", "--preset", "web"], "--preset is given 2 times"),
    ],
)
def test_an_option_with_one_value_is_given_once(
    words: list[str], told: str, options: dict[str, Any], capsys: Capture
) -> None:
    assert _dub(*words) == 2
    assert told in capsys.readouterr().err
    assert options == {}


def test_flags_and_lists_may_be_given_again(options: dict[str, Any], capsys: Capture) -> None:
    assert _dub("--quiet", "--overwrite", "--overwrite") == 0
    assert main(["batch", "none.csv", "--set", "crf=1", "--set", "face=left"]) == 3
