"""A graph in half precision, for CUDA: weights and maths in float16, inputs and outputs as they were."""

from __future__ import annotations

from typing import Any

from dubtool.errors import DeviceError, WeightsError

# CUDA's GridSample takes float32 only, and its coordinates would lose whole pixels in float16.
_KEPT_SINGLE = ("GridSample",)


def to_half(content: bytes, name: str) -> bytes:
    """`content`, a serialised ONNX model, in half precision.

    Raises:
        DeviceError: the package that rewrites graphs is not installed, or this graph calculates in 8 bits.
        WeightsError: the content is no ONNX model.
    """
    try:
        import onnx
        from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16
    except ImportError as error:
        raise DeviceError("precision fp16 needs the package onnx; pip install onnx, or use --precision auto") from error
    try:
        model = onnx.load_from_string(content)
    except Exception as error:
        raise WeightsError(f"{name}: not a readable ONNX file; run 'dubtool weights verify'") from error
    if any(node.op_type == "QuantizeLinear" for node in model.graph.node):
        raise DeviceError(f"{name}: calculates in 8 bits, not in half precision; use --precision auto")
    blocked = [*DEFAULT_OP_BLOCK_LIST, *_KEPT_SINGLE]
    half = convert_float_to_float16(model, keep_io_types=True, disable_shape_infer=True, op_block_list=blocked)
    _drop_second_casts(half.graph)
    return bytes(half.SerializeToString())


def _drop_second_casts(graph: Any) -> None:
    """The converter casts a value once for each node that reads it in float32, every time under the same name."""
    made: set[str] = set()
    for node in list(graph.node):
        if node.op_type == "Cast" and node.output[0] in made:
            graph.node.remove(node)
        made.update(node.output)
