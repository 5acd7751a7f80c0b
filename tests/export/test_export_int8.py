from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from dubtool.export.dinet import export_dinet
from dubtool.export.int8 import quantise_frame
from dubtool.networks import DINet
from dubtool.networks.dinet import crop_size

MOUTH = 32


def feeds(seed: int, batch: int = 1) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    height, width = crop_size(MOUTH)
    shapes = {
        "source": (batch, 3, height, width),
        "audio": (batch, 29, 5),
        "features": (1, 32, height // 4, width // 4),
        "alignment": (1, 16, height // 4, width // 4),
    }
    return {name: rng.uniform(0, 1, shape).astype(np.float32) for name, shape in shapes.items()}


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("graphs")
    torch.manual_seed(0)
    frame, quantised = folder / "frame.onnx", folder / "int8.onnx"
    export_dinet(DINet(width=8), folder / "once.onnx", frame, mouth=MOUTH, descriptor={"conditioning": "speech"})
    quantise_frame(frame, quantised, (feeds(seed) for seed in range(8)))
    return frame, quantised


def session(path: Path) -> ort.InferenceSession:
    return ort.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])


def test_pictures_stay_close_in_any_batch(graphs: tuple[Path, Path]) -> None:
    before, after = (session(path).run(["mouth"], feeds(99, batch=3))[0] for path in graphs)
    assert after.shape == (3, 3, MOUTH, MOUTH)
    assert 0 < np.abs(after - before).max() < 0.02


def test_only_the_decoder_keeps_float_convolutions(graphs: tuple[Path, Path]) -> None:
    model = onnx.load(graphs[1])
    makers = {output: node for node in model.graph.node for output in node.output}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    kinds = {name: makers[name].op_type for node in convolutions for name in node.input[1:2]}
    assert len(convolutions) == 36
    assert sum(kind == "DequantizeLinear" for kind in kinds.values()) == 30
    assert all(("out_conv" in name) == (kind != "DequantizeLinear") for name, kind in kinds.items())


def test_the_description_is_kept_and_says_so(graphs: tuple[Path, Path]) -> None:
    before, after = (json.loads(session(path).get_modelmeta().custom_metadata_map["dubtool"]) for path in graphs)
    assert after == {**before, "quantised": True}
