"""The constants of a frozen TensorFlow graph (`output_graph.pb`), read without TensorFlow.

A GraphDef is a protocol buffer: a sequence of fields, each a key (number * 8 + wire type) and a value. Only the few
fields on the way from the graph to its constant tensors are looked at (tensorflow/core/framework: graph.proto,
node_def.proto, attr_value.proto, tensor.proto, tensor_shape.proto); the rest is skipped.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dubtool.errors import WeightsError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

_GRAPH_NODE = 1
_NODE_NAME, _NODE_OP, _NODE_ATTR = 1, 2, 5
_ENTRY_KEY, _ENTRY_VALUE = 1, 2
_ATTR_TENSOR = 8
_TENSOR_DTYPE, _TENSOR_SHAPE, _TENSOR_CONTENT, _TENSOR_FLOATS = 1, 2, 4, 5
_SHAPE_DIM, _DIM_SIZE = 2, 1
_DT_FLOAT = 1

_DAMAGED = "the protocol buffer ends early or is damaged"


def read_constants(path: Path) -> dict[str, np.ndarray]:
    """The float32 constants of the graph by node name; arrays look into the mapped file and must not be written to.

    Raises:
        WeightsError: the file is missing, or is no frozen graph.
    """
    try:
        with path.open("rb") as file:
            content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path}: cannot be read ({error}); give DeepSpeech's output_graph.pb") from error
    try:
        nodes = (_constant(value) for number, value in _fields(content) if number == _GRAPH_NODE)
        return dict(node for node in nodes if node is not None)
    except (ValueError, TypeError) as error:
        raise WeightsError(f"{path}: no frozen TensorFlow graph ({error}); download it again") from error


def _constant(node: int | memoryview) -> tuple[str, np.ndarray] | None:
    """Name and value of one node, if it is a float32 constant."""
    name, op, tensor = "", "", None
    for number, value in _fields(_message(node)):
        if number == _NODE_NAME:
            name = _text(value)
        elif number == _NODE_OP:
            op = _text(value)
        elif number == _NODE_ATTR:
            entry = dict(_fields(_message(value)))
            if _text(entry.get(_ENTRY_KEY, memoryview(b""))) == "value":
                tensor = dict(_fields(_message(entry[_ENTRY_VALUE]))).get(_ATTR_TENSOR)
    if op != "Const" or tensor is None:
        return None
    values = _tensor(_message(tensor))
    return None if values is None else (name, values)


def _tensor(message: memoryview) -> np.ndarray | None:
    shape: tuple[int, ...] = ()
    dtype, content = 0, None
    floats: list[np.ndarray] = []
    for number, value in _fields(message):
        if number == _TENSOR_DTYPE:
            dtype = _integer(value)
        elif number == _TENSOR_SHAPE:
            dims = [part for key, part in _fields(_message(value)) if key == _SHAPE_DIM]
            shape = tuple(_integer(dict(_fields(_message(dim))).get(_DIM_SIZE, 0)) for dim in dims)
        elif number == _TENSOR_CONTENT:
            content = np.frombuffer(_message(value), dtype="<f4") if dtype == _DT_FLOAT else None
        elif number == _TENSOR_FLOATS:
            floats.append(np.frombuffer(_message(value), dtype="<f4"))
    if dtype != _DT_FLOAT:
        return None
    values = content if content is not None else np.concatenate(floats or [np.zeros(1, dtype=np.float32)])
    # A tensor of one repeated value is stored once.
    if len(values) == 1 and math.prod(shape) != 1:
        return np.broadcast_to(values, shape)
    return values.reshape(shape)


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field: an int for varints, the bytes for everything else."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, position = _varint(message, position)
            yield number, value
            continue
        if wire == _BYTES:
            length, position = _varint(message, position)
        elif wire in (_FIXED32, _FIXED64):
            length = 4 if wire == _FIXED32 else 8
        else:
            raise ValueError(_DAMAGED)
        if position + length > len(message):
            raise ValueError(_DAMAGED)
        yield number, message[position : position + length]
        position += length


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """An integer in groups of seven bits, low ones first, and the position behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(message):
            break
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError(_DAMAGED)


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError(_DAMAGED)
    return value


def _integer(value: int | memoryview) -> int:
    if isinstance(value, memoryview):
        raise ValueError(_DAMAGED)
    return value


def _text(value: int | memoryview) -> str:
    return str(_message(value), "utf-8")
