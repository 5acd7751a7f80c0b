from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from dubtool.export.graph import export_module, store_half


class Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(64, 32)
        self.dropout = nn.Dropout(0.5)

    def forward(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        out = self.dropout(self.linear(left)) + right
        return out, out.sum(dim=1)


def export(path: Path, **options: object) -> tuple[Pair, ort.InferenceSession]:
    module = Pair()
    export_module(
        module,
        {"left": torch.zeros(2, 64), "right": torch.zeros(1, 32)},
        path,
        outputs=("total", "sums"),
        dynamic={"left": {0: "batch"}},
        descriptor={"network": "pair", "width": 32},
        **options,  # type: ignore[arg-type]
    )
    return module, ort.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])


def test_names_sizes_and_values(tmp_path: Path) -> None:
    module, session = export(tmp_path / "pair.onnx")
    assert [(node.name, node.shape) for node in session.get_inputs()] == [("left", ["batch", 64]), ("right", [1, 32])]
    assert [node.name for node in session.get_outputs()] == ["total", "sums"]
    assert session.get_modelmeta().custom_metadata_map["dubtool"] == json.dumps({"network": "pair", "width": 32})
    for batch in (1, 5):
        left, right = torch.randn(batch, 64), torch.randn(1, 32)
        with torch.no_grad():
            wanted = module.eval()(left, right)
        got = session.run(None, {"left": left.numpy(), "right": right.numpy()})
        for ours, theirs in zip(got, wanted, strict=True):
            np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-5)


def test_half_storage_halves_the_weights_and_keeps_float32_maths(tmp_path: Path) -> None:
    module, session = export(tmp_path / "half.onnx", half_storage=True)
    model = onnx.load(tmp_path / "half.onnx")
    kinds = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    assert sum(kind == onnx.TensorProto.FLOAT16 for kind in kinds.values()) == 1
    assert kinds["linear.bias"] == onnx.TensorProto.FLOAT
    # Inputs this large would overflow float16.
    left, right = 1e5 * torch.randn(2, 64), torch.zeros(1, 32)
    rounded = module.linear.weight.detach().half().float()
    wanted = left @ rounded.T + module.linear.bias.detach()
    got = session.run(["total"], {"left": left.numpy(), "right": right.numpy()})[0]
    np.testing.assert_allclose(got, wanted.numpy(), rtol=1e-4, atol=1)


def test_weights_beyond_half_precision_are_refused() -> None:
    tensor = numpy_helper.from_array(np.full((64, 64), 7e4, np.float32), "large")
    model = onnx.helper.make_model(onnx.helper.make_graph([], "g", [], [], initializer=[tensor]))
    with pytest.raises(ValueError, match="large"):
        store_half(model)


def test_an_example_of_one_on_a_dynamic_axis_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="right needs a size of 2"):
        export_module(
            Pair(),
            {"left": torch.zeros(2, 64), "right": torch.zeros(1, 32)},
            tmp_path / "pair.onnx",
            outputs=("total", "sums"),
            dynamic={"right": {0: "batch"}},
            descriptor={},
        )
    assert not (tmp_path / "pair.onnx").exists()
