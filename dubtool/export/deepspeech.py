"""DeepSpeech 0.1.0 from its frozen TensorFlow graph to ONNX (Hannun et al. 2014, "Deep Speech", as Mozilla built it).

    relu20(x h1 + b1), relu20(. h2 + b2), relu20(. h3 + b3), bidirectional LSTM, relu20(. h5 + b5), . h6 + b6

with relu20(x) = min(max(x, 0), 20). Widths are read from the weights; the released model has 2048.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from dubtool.engine.session import DESCRIPTOR_KEY
from dubtool.errors import WeightsError
from dubtool.export.frozen_graph import read_constants

INPUT_WIDTH = 19 * 26
RELU_CLIP = 20.0
# TensorFlow's BasicLSTMCell adds this to the forget gate at run time; it is not in the stored bias.
FORGET_BIAS = 1.0

_DENSE = ("1", "2", "3", "5", "6")
_CELLS = {side: f"bidirectional_rnn/{side}/basic_lstm_cell/" for side in ("fw", "bw")}


def convert(graph: Path, output: Path) -> None:
    """Write DeepSpeech's `output_graph.pb` as ONNX.

    Raises:
        WeightsError: the file is no frozen graph, or not that of DeepSpeech 0.1.0.
    """
    try:
        model = build(read_constants(graph))
    except KeyError as error:
        raise WeightsError(
            f"{graph}: no DeepSpeech 0.1.0 graph, it has no constant {error}; use release 0.1.0"
        ) from error
    except ValueError as error:
        raise WeightsError(f"{graph}: no DeepSpeech 0.1.0 graph: {error}; use release 0.1.0") from error
    output.write_bytes(model.SerializeToString())


def build(weights: Mapping[str, np.ndarray]) -> onnx.ModelProto:
    """The network over constants by their TensorFlow names: "mfcc" [T, 494] -> "logits" [T, characters + blank].

    Raises:
        KeyError: a constant is missing. ValueError: shapes do not fit each other.
    """
    _check_shapes(weights)
    cell = weights["h5"].shape[0] // 2
    tensors = {name + i: weights[name + i] for i in _DENSE for name in "hb"}
    sides = [_onnx_gates(weights, prefix, cell) for prefix in _CELLS.values()]
    tensors |= {key: np.stack([side[key] for side in sides]) for key in ("W", "R", "B")}
    tensors |= {
        "low": np.array(0.0, dtype=np.float32),
        "high": np.array(RELU_CLIP, dtype=np.float32),
        "batch_axis": np.array([1]),
        "flat": np.array([-1, 2 * cell]),
    }
    nodes = [
        *_dense("mfcc", "1", "layer_1", clipped=True),
        *_dense("layer_1", "2", "layer_2", clipped=True),
        *_dense("layer_2", "3", "layer_3", clipped=True),
        helper.make_node("Unsqueeze", ["layer_3", "batch_axis"], ["sequence"]),
        helper.make_node("LSTM", ["sequence", "W", "R", "B"], ["states"], hidden_size=cell, direction="bidirectional"),
        helper.make_node("Transpose", ["states"], ["by_time"], perm=[0, 2, 1, 3]),
        helper.make_node("Reshape", ["by_time", "flat"], ["both_ways"]),
        *_dense("both_ways", "5", "layer_5", clipped=True),
        *_dense("layer_5", "6", "logits", clipped=False),
    ]
    characters = weights["h6"].shape[1]
    graph = helper.make_graph(
        nodes,
        "deepspeech",
        [helper.make_tensor_value_info("mfcc", TensorProto.FLOAT, ["time", INPUT_WIDTH])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["time", characters])],
        [numpy_helper.from_array(np.ascontiguousarray(values), name) for name, values in tensors.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    descriptor = {"kind": "speech", "network": "deepspeech", "width": characters, "rate": 50}
    helper.set_model_props(model, {DESCRIPTOR_KEY: json.dumps(descriptor)})
    return model


def _dense(source: str, layer: str, target: str, clipped: bool) -> list[onnx.NodeProto]:
    if not clipped:
        return [helper.make_node("Gemm", [source, "h" + layer, "b" + layer], [target])]
    raw = target + "_raw"
    gemm = helper.make_node("Gemm", [source, "h" + layer, "b" + layer], [raw])
    return [gemm, helper.make_node("Clip", [raw, "low", "high"], [target])]


def _onnx_gates(weights: Mapping[str, np.ndarray], prefix: str, cell: int) -> dict[str, np.ndarray]:
    """One direction's weights from TensorFlow's [input + cell, 4 cell], gates i j f o, to ONNX's rows i o f c."""
    gates = np.split(np.asarray(weights[prefix + "kernel"]), 4, axis=1)
    biases = np.split(np.asarray(weights[prefix + "bias"]), 4)
    order = (0, 3, 2, 1)
    kernel = np.concatenate([gates[i] for i in order], axis=1).T
    bias = np.concatenate([biases[i] + np.float32(FORGET_BIAS if i == 2 else 0.0) for i in order])
    return {"W": kernel[:, :-cell], "R": kernel[:, -cell:], "B": np.concatenate([bias, np.zeros_like(bias)])}


def _check_shapes(weights: Mapping[str, np.ndarray]) -> None:
    third, cell = weights["h3"].shape[-1], weights["h5"].shape[0] // 2
    widths = [INPUT_WIDTH, *(weights["h" + layer].shape[-1] for layer in ("1", "2"))]
    expected = {
        "h1": (widths[0], widths[1]),
        "h2": (widths[1], widths[2]),
        "h3": (widths[2], third),
        "h5": (2 * cell, weights["h6"].shape[0]),
        "h6": weights["h6"].shape[-2:],
    }
    expected |= {"b" + layer: (weights["h" + layer].shape[-1],) for layer in _DENSE}
    for prefix in _CELLS.values():
        expected |= {prefix + "kernel": (third + cell, 4 * cell), prefix + "bias": (4 * cell,)}
    for name, shape in expected.items():
        if weights[name].shape != shape:
            raise ValueError(f"constant {name} has the shape {weights[name].shape} instead of {shape}")
