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
    rows = [line.split("|") for line in capsys.readouterr().out.splitlines()[2:]]
    assert [row[1].strip() for row in rows] == ["shapesync", "landmarker: region", "landmarker: mesh"]
    assert all(float(row[2]) > 0 and row[3].strip() == "not installed" for row in rows)


def test_the_other_engine_s_time_and_what_it_makes_of_a_graph_stand_beside(
    providers: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(providers, "openvino", lambda model: providers.Session(model, "cpu", "fp32").run)
    providers.main(["--graphs", "shapesync", "--repeats", "1"])
    assert capsys.readouterr().out.splitlines()[2].endswith("| 0e+00 |")
