"""Every graph that dubtool ships in ONNX Runtime and, where its wheel is there, in OpenVINO, as a table.

    python benchmarks/providers.py [--graphs NAME ...] [--repeats 6]

One thread of a CPU, single precision but where the graph itself is in 8 bits, batches of one: the least processor time
of some runs, so that it may be taken on a machine that does other things as well. `pip install openvino` first.
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
from gpu import difference, feeds_for, graphs, one_line, random_values

from dubtool.engine.session import Session
from dubtool.weights.locate import find

# MediaPipe's two networks stand in one file, and see bytes.
_LANDMARKER = "face_landmarker"
_SECONDS = 4.0


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="ONNX Runtime beside OpenVINO.")
    parser.add_argument("--graphs", nargs="+", default=[*graphs(), _LANDMARKER])
    parser.add_argument("--repeats", type=int, default=6)
    chosen = parser.parse_args(arguments)
    there = importlib.util.find_spec("openvino") is not None
    print("| graph | ONNX Runtime, ms | OpenVINO, ms | gain | apart |")
    print("|---|---|---|---|---|")
    for name, model, feeds in loaded(chosen.graphs):
        session = Session(model, "cpu", "fp32", threads=1)
        own = least(session.run, feeds, chosen.repeats)
        row = f"| {name} | {own:.1f} | "
        if there:
            try:
                run = openvino(model)
                other = least(run, feeds, chosen.repeats)
                row += f"{other:.1f} | {own / other:.2f} | {difference(run(feeds), session.run(feeds)):.0e} |"
            except Exception as error:
                row += f"{one_line(error)} | | |"
        else:
            row += "not installed | | |"
        print(row, flush=True)


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
