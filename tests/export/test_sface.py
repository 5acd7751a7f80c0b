from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from dubtool.engine.session import Session
from dubtool.export.sface import export_sface


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    """A file as the zoo's: weights are inputs, too, and one picture is all it takes."""
    weights = np.random.default_rng(0).normal(size=(16, 3, 14, 14)).astype(np.float32)
    weights[3] *= 50
    shape = ("w", TensorProto.FLOAT, weights.shape)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["data", "w"], ["fc1"], strides=[98, 98])],
        "zoo",
        [
            helper.make_tensor_value_info("data", TensorProto.FLOAT, (1, 3, 112, 112)),
            helper.make_tensor_value_info(*shape),
        ],
        [helper.make_tensor_value_info("fc1", TensorProto.FLOAT, (1, 16, 2, 2))],
        [numpy_helper.from_array(weights, "w")],
    )
    path = tmp_path / "zoo.onnx"
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)
    path.write_bytes(model.SerializeToString())
    return path


def test_weights_of_eight_bits_give_nearly_the_same(zoo: Path, tmp_path: Path) -> None:
    small = tmp_path / "small.onnx"
    export_sface(zoo, small, "a test")
    assert small.stat().st_size < 0.4 * zoo.stat().st_size
    pictures = np.random.default_rng(1).uniform(0, 255, (2, 3, 112, 112)).astype(np.float32)
    after = Session(small, "cpu").run({"data": pictures})["fc1"]
    before = np.concatenate([Session(zoo, "cpu").run({"data": one[None]})["fc1"] for one in pictures])
    # Each channel has steps of its own: one with large weights takes nothing from the others.
    error = np.abs(after - before).max(axis=(0, 2, 3)) / np.abs(before).max(axis=(0, 2, 3))
    assert error.max() < 0.05
    assert Session(small, "cpu").metadata["network"] == "sface"
    assert {one.name for one in onnx.load(small).graph.input} == {"data"}
