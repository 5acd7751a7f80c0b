"""Every graph that dubtool ships in ONNX Runtime and, where its wheel is there, in OpenVINO, as tables.

    python benchmarks/providers.py [--graphs NAME ...] [--repeats 6]

One thread of a CPU, batches of one: the least processor time of some runs, so that it may be taken on a machine that
does other things as well. The first table is in single precision, but where the graph itself is in 8 bits. The second
is of 8-bit forms of the others: convolutions and products of matrices, with ranges of the very inputs that they are
then compared on, so that their loss is the least that can be had. `pip install openvino` first.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from gpu import difference, feeds_for, graphs, one_line, random_values

from dubtool.engine.session import Session
from dubtool.export.int8 import eight_bits
from dubtool.weights.locate import find

# MediaPipe's two networks stand in one file, and see bytes.
_LANDMARKER = "face_landmarker"
_MADE_SMALL = ("Conv", "MatMul", "Gemm")
_SECONDS = 4.0


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="ONNX Runtime beside OpenVINO.")
    parser.add_argument("--graphs", nargs="+", default=[*graphs(), _LANDMARKER])
    parser.add_argument("--repeats", type=int, default=6)
    chosen = parser.parse_args(arguments)
    known = list(loaded(chosen.graphs))
    print("| graph | ONNX Runtime, ms | OpenVINO, ms | gain | apart |")
    print("|---|---|---|---|---|")
    singles = {}
    for name, model, feeds in known:
        session = Session(model, "cpu", "fp32", threads=1)
        own, truth = least(session.run, feeds, chosen.repeats), session.run(feeds)
        other, apart = in_openvino(model, feeds, chosen.repeats, truth)
        singles[name] = own, truth
        gain = f"{own / other:.2f}" if isinstance(other, float) else ""
        print(f"| {name} | {own:.1f} | {told(other)} | {gain} | {apart} |", flush=True)
    print("\n| 8 bits | ONNX Runtime, ms | gain | off | OpenVINO, ms | gain | off |")
    print("|---|---|---|---|---|---|---|")
    for name, model, feeds in known:
        single, truth = singles[name]
        if has_eight_bits(model):
            continue
        try:
            small = eight_bits(model, [feeds], kinds=_MADE_SMALL).SerializeToString()
            session = Session(small, "cpu", "fp32", threads=1)
            own, off = least(session.run, feeds, chosen.repeats), difference(session.run(feeds), truth)
        except Exception as error:
            print(f"| {name} | {one_line(error)} | | | | | |", flush=True)
            continue
        other, apart = in_openvino(small, feeds, chosen.repeats, truth)
        gain = f"{single / other:.2f}" if isinstance(other, float) else ""
        print(f"| {name} | {own:.1f} | {single / own:.2f} | {off:.0e} | {told(other)} | {gain} | {apart} |", flush=True)


def told(milliseconds: float | str) -> str:
    return milliseconds if isinstance(milliseconds, str) else f"{milliseconds:.1f}"


def in_openvino(
    model: bytes, feeds: Mapping[str, np.ndarray], repeats: int, truth: Mapping[str, np.ndarray]
) -> tuple[float | str, str]:
    """Milliseconds, or why there are none, and how far from the truth the results are."""
    if importlib.util.find_spec("openvino") is None:
        return "not installed", ""
    try:
        run = openvino(model)
        return least(run, feeds, repeats), f"{difference(run(feeds), truth):.0e}"
    except Exception as error:
        return one_line(error), ""


def has_eight_bits(model: bytes) -> bool:
    """Whether weights of the graph are stored so."""
    kinds = (onnx.TensorProto.INT8, onnx.TensorProto.UINT8)
    return any(weight.data_type in kinds for weight in onnx.load_from_string(model).graph.initializer)


def loaded(names: Sequence[str]) -> Iterator[tuple[str, bytes, dict[str, np.ndarray]]]:
    """Each graph with inputs of its own."""
    for name in names:
        if name == _LANDMARKER:
            with zipfile.ZipFile(find(name)) as archive:
                for part in ("region", "mesh"):
                    model = archive.read(f"{part}.onnx")
                    feeds = {}
                    for put, sizes in Session(model, "cpu").shapes.items():
                        shape = [1 if isinstance(size, str) else size for size in sizes]
                        feeds[put] = np.uint8(255 * random_values(np.random.default_rng(1), shape))
                    yield f"landmarker: {part}", model, feeds
            continue
        model = find(name).read_bytes()
        yield name, model, feeds_for(Session(model, "cpu", "fp32"), name, 1)


def openvino(model: bytes) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """What runs a graph in OpenVINO, on one thread, in the precision it has."""
    import openvino as ov

    settings: dict[str, Any] = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    core = ov.Core()
    compiled = core.compile_model(core.read_model(io.BytesIO(model)), "CPU", settings)

    def run(feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        made = compiled(dict(feeds))
        return {name: made[output] for output in compiled.outputs for name in output.get_names()}

    return run


def least(run: Callable[..., object], feeds: Mapping[str, np.ndarray], repeats: int) -> float:
    """Milliseconds of processor time of the quickest of some runs; what takes long is run but twice."""
    run(feeds)
    took, begun = [], time.monotonic()
    for number in range(repeats):
        start = time.process_time()
        run(feeds)
        took.append(time.process_time() - start)
        if number and time.monotonic() - begun > _SECONDS:
            break
    return 1000 * min(took)


if __name__ == "__main__":
    main()
