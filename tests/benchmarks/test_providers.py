from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def providers(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The script as a module."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    import providers

    yield providers
    for name in ("providers", "gpu"):
        sys.modules.pop(name, None)


def test_each_graph_has_a_row(
    providers: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    providers.main(["--graphs", "shapesync", "face_landmarker", "--repeats", "1"])
    single, eight = (table.splitlines()[2:] for table in capsys.readouterr().out.strip().split("\n\n"))
    for table, place in ((single, 3), (eight, 5)):
        rows = [[cell.strip() for cell in line.split("|")] for line in table]
        assert [row[1] for row in rows] == ["shapesync", "landmarker: region", "landmarker: mesh"]
        assert all(float(row[2]) > 0 and row[place] == "not installed" for row in rows)


def test_what_is_in_eight_bits_already_is_not_made_so_again(
    providers: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    providers.main(["--graphs", "dinet-small_frame_int8", "face_identity", "--repeats", "1"])
    single, eight = capsys.readouterr().out.strip().split("\n\n")
    assert len(single.splitlines()) == 4 and len(eight.splitlines()) == 2


def test_the_other_engine_s_time_and_what_it_makes_of_a_graph_stand_beside(
    providers: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(providers, "openvino", lambda model: providers.Session(model, "cpu", "fp32").run)
    providers.main(["--graphs", "shapesync", "--repeats", "1"])
    assert capsys.readouterr().out.splitlines()[2].endswith("| 0e+00 |")
