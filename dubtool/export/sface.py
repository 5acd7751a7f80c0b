"""SFace from OpenCV's Model Zoo with 8-bit weights, a quarter of its size; activations stay in single precision.

python -m dubtool.export.sface face_recognition_sface_2021dec.onnx weights/face_identity.onnx
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from dubtool.export.graph import write_model

# Smaller tensors stay as they are: together they are a thirtieth of the file.
_LEAST_VALUES = 4096
_STEPS = 127


def export_sface(source: Path, target: Path, origin: str) -> None:
    """Write the network with input "data" [N, 3, 112, 112] (RGB, 0..255) and output "fc1" [N, 128].

    Weights become whole numbers of -127 .. 127 times one step for each output channel; ONNX Runtime multiplies them out
    when the file is loaded, so that it runs as fast as before.
    """
    model = onnx.load(source)
    graph = model.graph
    kept, made = [], []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.size < _LEAST_VALUES or values.ndim < 2:
            kept.append(tensor)
            continue
        made += _whole_numbers(tensor.name, values, kept)
    nodes = [*made, *graph.node]
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)
    # The zoo's file lists its weights as inputs, too, which keeps them from being multiplied out.
    inputs = [one for one in graph.input if one.name == "data"]
    del graph.input[:]
    graph.input.extend(inputs)
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "pictures"
    del graph.value_info[:]
    write_model(model, target, {"kind": "identity", "network": "sface", "origin": origin})


def _whole_numbers(name: str, values: np.ndarray, into: list[TensorProto]) -> list[onnx.NodeProto]:
    """The nodes that give `values` [channels, ...] again; what they are made of goes `into` the initializers."""
    flat = np.abs(values).reshape(len(values), -1).max(axis=1)
    step = (np.maximum(flat, 1e-12) / _STEPS).astype(np.float32).reshape(-1, *[1] * (values.ndim - 1))
    into += [
        numpy_helper.from_array(np.rint(values / step).astype(np.int8), f"{name}_whole"),
        numpy_helper.from_array(step, f"{name}_step"),
    ]
    return [
        helper.make_node("Cast", [f"{name}_whole"], [f"{name}_float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [f"{name}_float", f"{name}_step"], [name]),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--origin", default="OpenCV Zoo, face_recognition_sface_2021dec.onnx (Apache-2.0)")
    arguments = parser.parse_args()
    export_sface(arguments.source, arguments.target, arguments.origin)


if __name__ == "__main__":
    main()
