"""Two tiny graphs in the place of HDTR-Net's, whose answer is known: the reference's colours, inverted, or the crop."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from dubtool.engine.session import DESCRIPTOR_KEY
from dubtool.weights.registry import Entry, add_local
from dubtool.weights.verify import sha256_of

SIDE = 96


def write_graphs(
    folder: Path, name: str, side: int = SIDE, *, corrects: bool = False, lower_face: bool = False
) -> tuple[Path, Path]:
    """The files NAME_once.onnx and NAME_frame.onnx in `folder`, registered there.

    corrects: the graph is one that corrects the crop, and finds nothing to correct. lower_face: all of it is restored.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {
        key: helper.make_tensor_value_info(key, TensorProto.FLOAT, ["batch", 3, side, side])
        for key in ("reference", "features", "mask", "contour", "crop", "mouth")
    }
    one = helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])
    inputs = [pictures["mask"], pictures["contour"], pictures["features"]]
    invert = helper.make_node("Sub", ["one", "features"], ["mouth"])
    keep = helper.make_node("Identity", ["crop"], ["mouth"])
    graphs = {
        "once": helper.make_graph(
            [helper.make_node("Identity", ["reference"], ["features"])],
            "once",
            [pictures["reference"]],
            [pictures["features"]],
        ),
        "frame": helper.make_graph(
            [keep if corrects else invert],
            "frame",
            [*inputs, pictures["crop"]] if corrects else inputs,
            [pictures["mouth"]],
            [] if corrects else [one],
        ),
    }
    paths = []
    for graph, content in graphs.items():
        model = helper.make_model(content, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
        descriptor = {"network": "hdtr", "graph": graph, "side": side, "corrects": corrects, "lower_face": lower_face}
        helper.set_model_props(model, {DESCRIPTOR_KEY: json.dumps(descriptor)})
        path = folder / f"{name}_{graph}.onnx"
        onnx.save(model, path)
        digest = sha256_of(path)
        add_local(
            folder,
            Entry(path.stem, path.name, "teeth restoration", "a stub", "a test", "none", size=1, sha256=digest),
        )
        paths.append(path)
    return paths[0], paths[1]
