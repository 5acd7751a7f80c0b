"""torch modules to ONNX files that carry their own description."""

from __future__ import annotations

import inspect
import io
import json
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from dubtool.engine.session import DESCRIPTOR_KEY

N = TypeVar("N", bound=nn.Module)

# The first opset that the graph exporter writes natively; GridSample (16) is in it.
OPSET = 18
# Below this many numbers a tensor gains nothing from half precision: biases and norms stay exact.
_SMALLEST_HALF = 1024


def export_module(
    module: nn.Module,
    inputs: Mapping[str, Tensor],
    path: Path,
    *,
    outputs: Sequence[str],
    descriptor: Mapping[str, Any],
    dynamic: Mapping[str, Mapping[int, str]] | None = None,
    half_storage: bool = False,
    opset: int = OPSET,
) -> None:
    """Write `module`, in evaluation mode, as one ONNX file.

    inputs: an example for every parameter of `forward`, by name. outputs: the names of what it returns.
    dynamic: per input, axis -> name of a size that may vary from call to call; axes of one name vary together. Their
    example size must be 2 or more, since the exporter takes 1 for a constant.
    descriptor: what the file says about itself, read back as JSON from the model's metadata.
    half_storage: weights are stored as float16 and widened when the file is loaded; the maths stays float32.
    """
    dynamic = dynamic or {}
    _check_examples(inputs, dynamic)
    sizes = {name: torch.export.Dim(name, min=1) for axes in dynamic.values() for name in axes.values()}
    shapes = {name: {axis: sizes[size] for axis, size in dynamic.get(name, {}).items()} or None for name in inputs}
    with _quiet_exporter(), torch.no_grad():
        program = torch.onnx.export(
            module.eval(),
            (),
            kwargs=dict(inputs),
            dynamo=True,
            output_names=list(outputs),
            opset_version=opset,
            dynamic_shapes=shapes,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    forget_origin(model)
    if half_storage:
        store_half(model)
    write_model(model, path, descriptor)


class PartOf(nn.Module, Generic[N]):
    """A part of what a network does; `forward` says which."""

    def __init__(self, network: N) -> None:
        super().__init__()
        self.network = network


@dataclass(frozen=True)
class Part:
    """One graph of a network in two.

    inputs: an example for every parameter of `module.forward` that the other part does not give, by name. outputs: the
    names of what it returns. varying: the inputs whose first axis is a batch of any size; their examples have 2.
    """

    module: nn.Module
    inputs: Mapping[str, Tensor]
    outputs: tuple[str, ...]
    varying: tuple[str, ...] = ()


def export_pair(
    once: Part,
    frame: Part,
    paths: tuple[Path, Path],
    descriptor: Mapping[str, Any],
    *,
    half_storage: bool,
    again: tuple[nn.Module, Path] | None = None,
) -> None:
    """Write what runs once, and what runs with each frame and also takes what the first returns, by its names. again:
    what stands for the frame's module elsewhere, and where it is written. The others as for `export_module`."""
    with torch.no_grad():
        made = once.module.eval()(**once.inputs)
    given = dict(zip(once.outputs, (made,) if isinstance(made, Tensor) else made, strict=True))
    written = [("once", once, paths[0]), ("frame", frame, paths[1])]
    if again is not None:
        written.append(("frame", replace(frame, module=again[0]), again[1]))
    for name, part, path in written:
        examples = {**given, **part.inputs}
        export_module(
            part.module,
            {name: examples[name] for name in inspect.signature(part.module.forward).parameters},
            path,
            outputs=part.outputs,
            dynamic={name: {0: "batch"} for name in part.varying},
            descriptor={**descriptor, "graph": name},
            half_storage=half_storage,
        )


def export_traced(
    module: nn.Module,
    inputs: Mapping[str, Tensor],
    path: Path,
    *,
    outputs: Sequence[str],
    descriptor: Mapping[str, Any],
    dynamic: Mapping[str, Mapping[int, str]],
) -> None:
    """`export_module` by the older exporter, for networks whose every size may vary; weights are stored as float16.
    dynamic: axes of outputs, too."""
    buffer = io.BytesIO()
    torch.onnx.export(
        module,
        tuple(inputs.values()),
        buffer,  # type: ignore[arg-type]  # a stream is taken too
        input_names=list(inputs),
        output_names=list(outputs),
        dynamic_axes={name: dict(axes) for name, axes in dynamic.items()},
        opset_version=20,
        dynamo=False,
    )
    model = onnx.load_from_string(buffer.getvalue())
    store_half(model)
    write_model(model, path, descriptor)


def write_model(model: onnx.ModelProto, path: Path, descriptor: Mapping[str, Any]) -> None:
    """Write a model that says of itself what `descriptor` holds."""
    helper.set_model_props(model, {DESCRIPTOR_KEY: json.dumps(dict(descriptor), sort_keys=True)})
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def forget_origin(model: onnx.ModelProto) -> None:
    """Take away what the exporter notes of where each node came from: stack traces with paths of this machine."""
    graph = model.graph
    values = (*graph.value_info, *graph.input, *graph.output, *graph.initializer)
    for part in (graph, *graph.node, *values, *model.functions):
        del part.metadata_props[:]
        part.doc_string = ""


def store_half(model: onnx.ModelProto) -> None:
    """Store large float32 weights as float16, each with a Cast back to float32 that loading folds away.

    Raises ValueError if a weight does not fit float16.
    """
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        if values.size < _SMALLEST_HALF:
            continue
        if not np.abs(values).max() <= np.finfo(np.float16).max:
            raise ValueError(f"{tensor.name} holds values beyond float16")
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], name=f"{name}_widen", to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _check_examples(inputs: Mapping[str, Tensor], dynamic: Mapping[str, Mapping[int, str]]) -> None:
    for name, axes in dynamic.items():
        if name not in inputs:
            raise ValueError(f"{name} has dynamic axes but no example")
        for axis in axes:
            if inputs[name].shape[axis] < 2:
                raise ValueError(f"the example of {name} needs a size of 2 or more on its dynamic axis {axis}")


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """The exporter reports packages that it can do without, and deprecations of its own code, on stderr."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
