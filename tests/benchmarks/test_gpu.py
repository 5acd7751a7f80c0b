"""`benchmarks/gpu.py` on one tiny graph: the tables are written whatever is missing, and a wrong graph is told."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from dubtool.engine.device import cuda_problem
from dubtool.errors import OutputError

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The script as a module; its only graph doubles pictures."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    import gpu

    sizes = ["batch", 3, "height", 16]
    shape = [helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "tiny", shape[:1], shape[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "tiny.onnx")
    monkeypatch.setattr(gpu, "graphs", lambda: ["tiny"])
    monkeypatch.setattr(gpu, "find", lambda name: tmp_path / f"{name}.onnx")
    yield gpu
    sys.modules.pop("gpu")


def written(folder: Path) -> Any:
    return json.loads((folder / "gpu.json").read_text(encoding="utf-8"))


def test_a_graph_is_compared_and_timed(gpu: ModuleType, tmp_path: Path) -> None:
    assert gpu.main(["--device", "cpu", "--seconds", "0", "--repeats", "1", "--out", str(tmp_path / "out")]) == 0
    (row,) = written(tmp_path / "out")["graphs"]
    assert (row["graph"], row["device"], row["difference"], row["note"]) == ("tiny", "cpu", 0.0, "")
    assert set(row["milliseconds"]) == {"1", "4", "16"}
    assert "| tiny | cpu | fp32 | 0.0e+00 |" in (tmp_path / "out" / "gpu.md").read_text(encoding="utf-8")


@pytest.mark.skipif(cuda_problem() is None, reason="CUDA works here")
def test_what_is_missing_is_told_and_ends_nothing(
    gpu: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> None:
        raise OutputError("no working ffmpeg found\nsecond line")

    monkeypatch.setattr("speed.find_ffmpeg", missing)
    assert gpu.main(["--device", "cuda", "--graphs", "gone", "tiny", "--repeats", "1", "--out", str(tmp_path)]) == 0
    told = written(tmp_path)
    assert [(row["graph"], row["device"], bool(row["note"])) for row in told["graphs"]] == [
        ("gone", "cpu", True),
        ("tiny", "cpu", False),
        *[("tiny", "cuda", True)] * 3,
    ]
    assert [row["note"] for row in told["dubs"]] == ["OutputError: no working ffmpeg found"]


def test_a_dub_that_fails_is_a_row(gpu: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object, **options: object) -> None:
        raise OutputError(f"ffmpeg failed: {options['codec']}")

    monkeypatch.setattr("dubtool.dub", failing, raising=False)
    row = gpu.dubbed("NVENC", {"codec": "h264_nvenc"}, gpu.contextlib.nullcontext, tmp_path, tmp_path, [])
    assert (row.frames, row.note) == (0, "OutputError: ffmpeg failed: h264_nvenc")


def test_a_graph_that_differs_is_called_wrong(gpu: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "difference", lambda made, truth: 2e-3)
    assert gpu.main(["--device", "cpu", "--seconds", "0", "--repeats", "1", "--out", str(tmp_path)]) == 1
    assert "2.0e-03 WRONG" in (tmp_path / "gpu.md").read_text(encoding="utf-8")


def test_the_difference_sees_every_output_labels_and_nan(gpu: ModuleType) -> None:
    truth = {"picture": np.full((2, 2), 4.0, np.float32), "labels": np.array([1, 2, 3, 4], np.int32)}
    assert gpu.difference(truth, truth) == 0
    assert gpu.difference(truth | {"picture": truth["picture"] * 1.25}, truth) == pytest.approx(0.25)
    assert gpu.difference(truth | {"labels": np.array([1, 2, 3, 5], np.int32)}, truth) == 0.25
    assert gpu.difference(truth | {"picture": np.full((2, 2), np.nan, np.float32)}, truth) == 1e9
