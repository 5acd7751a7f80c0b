"""The wheel in an environment of its own: with its weights, away from the repository."""

from __future__ import annotations

import json
import re
import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from wheel_tools import REPOSITORY, built_wheel, install, lend, run, stand_ins, without_network

from dubtool import __version__


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("wheel")
    yield built_wheel(folder)
    shutil.rmtree(folder)


@pytest.fixture
def away(tmp_path: Path) -> Iterator[Path]:
    """A folder far from the repository. What is installed into it is large, and goes."""
    yield tmp_path
    shutil.rmtree(tmp_path)


def test_the_wheel_holds_the_weights_and_nothing_of_the_workshop(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as inside:
        held = {name: inside.getinfo(name).file_size for name in inside.namelist()}
    for file in (REPOSITORY / "weights").iterdir():
        assert held[f"dubtool/weights/shipped/{file.name}"] == file.stat().st_size, file.name
    assert {f"dubtool/review/page.{kind}" for kind in ("html", "css", "js")} <= held.keys()
    assert not any(name.startswith(("tests/", "docs/", "weights/", "benchmarks/")) for name in held)


def _dubs(program: Path, folder: Path, clip: Path, speech: Path) -> None:
    """It is of the folder, its weights are whole, and it dubs with them."""
    assert run(program, "--version", folder=folder).split() == ["dubtool", __version__]
    # Only the weights inside the wheel count: none that somebody imported, and none in this repository.
    around = {name: str(folder / "empty") for name in ("DUBTOOL_WEIGHTS", "XDG_CACHE_HOME", "LOCALAPPDATA")}
    told = run(program, "weights", "verify", folder=folder, around=around)
    assert str(REPOSITORY) not in told and "dinet-shape_frame" in told
    made = folder / "dubbed.mp4"
    words = ("dub", clip, speech, "-o", made, "--no-cache", "--quiet")
    assert run(program, *words, folder=folder, around=around) == f"{made}\n"
    assert made.stat().st_size > 1000


@pytest.mark.parametrize("tool", ["pip", "uv", "pipx"])
def test_an_installed_wheel_dubs(tool: str, wheel: Path, away: Path, clip: Path, speech: Path) -> None:
    """Without a network: what the wheel depends on is lent by this environment, in versions that it asks for."""
    program = install(tool, wheel, away, offline=stand_ins(wheel, away / "stand-ins"))
    lend(away)
    _dubs(program, away, clip, speech)


@pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere plain onnxruntime is what is asked for, or links are not to be had"
)
def test_the_small_installation_of_the_page_dubs(wheel: Path, away: Path, clip: Path, speech: Path) -> None:
    offline = stand_ins(wheel, away / "stand-ins")
    program = install("pip", wheel, away, offline=offline)
    page = (REPOSITORY / "docs" / "install.md").read_text(encoding="utf-8")
    (commands,) = re.findall(r"## Without a GPU, small\n.*?```sh\n(.*?)```", page, re.S)
    for line in commands.splitlines():
        name, *words = line.split()
        run(program.with_name(name), *words, folder=away, around=without_network(offline))
    lend(away, without="onnxruntime-gpu")
    found = {one["name"]: one for one in json.loads(run(program, "doctor", "--json", folder=away))["findings"]}
    assert found["onnxruntime"]["ok"] and "onnxruntime-gpu" not in found
    _dubs(program, away, clip, speech)


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["pip", "uv", "pipx"])
def test_an_installed_wheel_dubs_with_what_it_fetches(
    tool: str, wheel: Path, away: Path, clip: Path, speech: Path
) -> None:
    """With a network, from which it takes what it depends on."""
    _dubs(install(tool, wheel, away, offline=None), away, clip, speech)
