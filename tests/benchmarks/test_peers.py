"""The benchmark beside other tools: sets of footage as it wants them, made of the example clip."""

from __future__ import annotations

import importlib
import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from dubbing_place import Cut

from dubtool.errors import InputError, UsageError

# 32 small frames: references a second away leave three at each end.
STRETCH = ("-ss", 1, "-t", 2.6)


def _picture(*filters: str) -> tuple[object, ...]:
    chain = ",".join(("fps=25/2", "scale=320:-2", *filters))
    return (*STRETCH, "-an", "-vf", chain, "-preset", "ultrafast", "-crf", 14)


@pytest.fixture(scope="module")
def peers() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).resolve().parents[2] / "benchmarks")
        yield importlib.import_module("peers")


@pytest.fixture
def sets(cut: Cut, place: Path) -> Path:
    """One set of each kind, whose other tools are a blur and an encoder."""
    files = {
        "source.mp4": cut("source.mp4", *_picture()),
        "out_blur.mp4": cut("blur.mp4", *_picture("gblur=sigma=3")),
        "out_same.mp4": cut("same.mp4", *_picture("hue=s=0.5")),
        "speech.wav": cut("speech.wav", *STRETCH, "-ac", 1),
    }
    for kind in ("self_talk", "cross_talk"):
        (place / "sets" / kind).mkdir(parents=True)
        for name, path in files.items():
            shutil.copy(path, place / "sets" / kind / name)
    shutil.copy(files["source.mp4"], place / "sets" / "cross_talk" / "driving.mp4")
    return place / "sets"


def test_tools_are_set_beside_each_other(
    peers: ModuleType, sets: Path, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    peers.main([str(sets), "--json", str(place / "found.json"), "--true-shapes"])
    found = json.loads((place / "found.json").read_text())
    ours, known = "dubtool retrieval-warp", "dubtool retrieval-warp, true shapes"
    own, cross = found["self_talk"], found["cross_talk"]
    assert list(own) == ["blur", "same", ours, known] and list(cross) == ["not dubbed", "blur", "same", ours]
    # Colours do not count, details do.
    assert own["same"]["lpips"] < 0.01 < own["blur"]["lpips"]
    assert own["blur"]["sharpness_lips"] < 0.5 < own["same"]["sharpness_lips"]
    assert {row["frames"] for row in own.values()} == {6.0}
    assert own[known]["lpips"] != own[ours]["lpips"] > 0.01
    assert cross["not dubbed"]["opening_r"] == pytest.approx(1) and cross["same"]["opening_r"] > 0.9
    assert cross[ours]["opening_r"] < 0.9
    table = capsys.readouterr().out
    assert "### self_talk" in table and f"| {ours} | {own[ours]['lpips_lips']:.3f} |" in table


def test_what_cannot_be_compared_is_refused(peers: ModuleType, sets: Path, cut: Cut, place: Path) -> None:
    with pytest.raises(UsageError, match="no such sets"):
        peers.main([str(sets), "--set", "none"])
    shutil.copy(cut("large.mp4", *_picture("scale=400:-2")), sets / "cross_talk" / "out_large.mp4")
    with pytest.raises(InputError, match=r"out_large\.mp4"):
        peers.main([str(sets), "--set", "cross_talk"])


def test_a_value_that_is_not_known_is_left_empty(peers: ModuleType) -> None:
    rows = {"a": {"lpips": 0.1, "csim": math.nan}, "b": {"csim": 0.5}}
    assert peers.table(rows).splitlines()[2:] == ["| a | 0.100 |  |", "| b |  | 0.500 |"]
