from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from dubtool.engine import device as device_module
from dubtool.engine.device import cuda_problem, devices
from dubtool.engine.half import to_half
from dubtool.engine.session import Session
from dubtool.errors import DeviceError, UsageError, WeightsError

WITHOUT_CUDA = pytest.mark.skipif(cuda_problem() is None, reason="CUDA works here")


def matmul_model(descriptor: str | None = '{"network": "test"}') -> bytes:
    """product = x @ weights, and shifted = product + 1."""
    weights = np.arange(12, dtype=np.float32).reshape(4, 3) / 8
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "weights"], ["product"]),
            helper.make_node("Add", ["product", "one"], ["shifted"]),
        ],
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 4])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", 3]) for name in ("product", "shifted")],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(np.array([1.0], np.float32), "one")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if descriptor is not None:
        helper.set_model_props(model, {"dubtool": descriptor})
    return model.SerializeToString()


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    path = tmp_path / "a model.onnx"
    path.write_bytes(matmul_model())
    return path


def pretend_cuda(monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]) -> None:
    monkeypatch.setattr(device_module, "cuda_problem", lambda: None)
    monkeypatch.setattr(device_module, "cuda_names", lambda: names)


def one_line(error: pytest.ExceptionInfo[Exception]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


def test_runs_and_names_outputs(model_file: Path) -> None:
    session = Session(model_file, device="cpu", threads=1)
    x = np.eye(4, dtype=np.float32)[:2]
    results = session.run({"x": x})
    assert session.inputs == ("x",)
    assert list(results) == ["product", "shifted"]
    np.testing.assert_array_equal(results["product"], np.arange(6, dtype=np.float32).reshape(2, 3) / 8)
    np.testing.assert_array_equal(results["shifted"], results["product"] + 1)


def test_runs_only_the_outputs_asked_for() -> None:
    results = Session(matmul_model(), device="cpu").run({"x": np.ones((1, 4), np.float32)}, ["shifted"])
    assert list(results) == ["shifted"]


@pytest.mark.parametrize("steady", [True, False])
def test_runs_of_several_sizes_and_outputs_that_are_kept(steady: bool) -> None:
    """Memory of the steps is kept or given back between runs; what was returned stays what it is."""
    session = Session(matmul_model(), device="cpu", threads=1, steady=steady)
    sizes = (3, 400, 7, 400)
    kept = [session.run({"x": np.full((size, 4), size, np.float32)})["product"] for size in sizes]
    for size, product in zip(sizes, kept, strict=True):
        np.testing.assert_allclose(product, np.full((size, 4), size) @ (np.arange(12).reshape(4, 3) / 8), rtol=1e-6)


def test_metadata_is_the_descriptor() -> None:
    assert Session(matmul_model(json.dumps({"width": 3}))).metadata == {"width": 3}
    assert Session(matmul_model(None)).metadata == {}
    with pytest.raises(WeightsError) as error:
        _ = Session(matmul_model("{")).metadata
    assert "descriptor" in one_line(error)


@pytest.mark.parametrize("damage", ["missing", "empty", "short", "text", "folder"])
def test_damaged_file_is_a_weights_error_without_noise(
    damage: str, model_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    content = model_file.read_bytes()
    path = model_file.with_name(f"{damage}.onnx")
    if damage == "folder":
        path.mkdir()
    elif damage != "missing":
        path.write_bytes({"empty": b"", "short": content[: len(content) // 2], "text": b"hello\n" * 99}[damage])
    with pytest.raises(WeightsError) as error:
        Session(path, device="cpu")
    assert path.name in one_line(error)
    assert capfd.readouterr() == ("", "")


@WITHOUT_CUDA
def test_cuda_asked_for_without_cuda(model_file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DeviceError) as error:
        Session(model_file, device="cuda:0")
    assert "cuda:0" in one_line(error)
    assert capfd.readouterr() == ("", "")


@WITHOUT_CUDA
def test_cuda_that_breaks_in_the_session_is_noticed(
    model_file: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pretend_cuda(monkeypatch, ("a card whose libraries are broken",))
    with pytest.raises(DeviceError) as error:
        Session(model_file, device="cuda")
    assert "cuda:0" in one_line(error)
    assert str(Session(model_file, device="auto").device) == "cpu"
    assert capfd.readouterr() == ("", "")


def test_device_that_this_machine_lacks(model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_cuda(monkeypatch, ("one card",))
    with pytest.raises(DeviceError, match="1 CUDA device"):
        Session(model_file, device="cuda:1")


@pytest.mark.parametrize("request_", ["gpu", "cuda:", "cuda:x", "CPU", ""])
def test_unknown_device_is_a_usage_error(request_: str) -> None:
    with pytest.raises(UsageError, match="auto, cpu, cuda"):
        Session(matmul_model(), device=request_)


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_precision_that_the_cpu_lacks(precision: str) -> None:
    with pytest.raises(DeviceError, match=precision):
        Session(matmul_model(), device="cpu", precision=precision)


def test_devices_lists_the_cpu_first_and_says_why_cuda_is_missing() -> None:
    reports = devices()
    assert str(reports[0].device) == "cpu" and reports[0].usable
    assert len(reports) >= 2
    assert all(report.detail for report in reports)
    assert reports[1].usable == (cuda_problem() is None)


def test_half_precision_halves_the_weights_and_keeps_the_interface() -> None:
    content = to_half(matmul_model(), "test")
    stored = {tensor.name: tensor.data_type for tensor in onnx.load_from_string(content).graph.initializer}
    assert stored["weights"] == TensorProto.FLOAT16
    half, single = Session(content, device="cpu"), Session(matmul_model(), device="cpu")
    x = np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4)
    result = half.run({"x": x})["product"]
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, single.run({"x": x})["product"], atol=3e-3)
    assert half.metadata == single.metadata


def half_of(nodes: list[onnx.NodeProto], *tensors: onnx.TensorProto) -> bytes:
    """Nodes from `x` [1, 1, 4, 4] to `y` [1, 1, 4, 4] and `z`, in half precision."""
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, 4, 4]) for name in ("x", "y", "z", "mid")]
    graph = helper.make_graph(nodes, "test", values[:1], values[1:3], list(tensors), value_info=values[3:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    return to_half(model.SerializeToString(), "some.onnx")


def test_half_precision_of_a_value_that_two_nodes_read_in_single() -> None:
    """As in every network that samples one picture twice: the converter alone makes a graph that does not load."""
    grid = np.stack(np.meshgrid(*[np.linspace(-0.75, 0.75, 4, dtype=np.float32)] * 2), axis=-1)[None]
    sampled = [helper.make_node("GridSample", ["mid", "grid"], [name], name=name) for name in ("y", "z")]
    content = half_of([helper.make_node("Neg", ["x"], ["mid"]), *sampled], numpy_helper.from_array(grid, "grid"))
    x = np.linspace(0, 1, 16, dtype=np.float32).reshape(1, 1, 4, 4)
    made = Session(content, device="cpu").run({"x": x})
    for name in ("y", "z"):
        np.testing.assert_allclose(made[name], -x, atol=2e-3)


def test_half_precision_refuses_a_graph_of_8_bits() -> None:
    scale = numpy_helper.from_array(np.float32(0.01), "scale")
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale"], ["small"]),
        helper.make_node("DequantizeLinear", ["small", "scale"], ["y"]),
        helper.make_node("Neg", ["x"], ["z"]),
    ]
    with pytest.raises(DeviceError, match="8 bits") as error:
        half_of(nodes, scale)
    assert "some.onnx" in one_line(error)


@pytest.mark.gpu
@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-6), ("auto", 2e-3), ("fp16", 3e-3)])
def test_cuda_gives_what_the_cpu_gives(precision: str, tolerance: float) -> None:
    x = np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4)
    expected = Session(matmul_model(), device="cpu").run({"x": x})["product"]
    session = Session(matmul_model(), device="cuda", precision=precision)
    assert session.device.is_cuda
    np.testing.assert_allclose(session.run({"x": x})["product"], expected, atol=tolerance)
