"""Networks of TensorFlow Lite as ONNX: convolutions with what stands between them, which is all that face networks use.

Pictures go in as they are, uint8 [n, H, W, 3]; what the network wants them scaled to is part of the graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from dubtool.errors import WeightsError
from dubtool.export.flatbuffer import Table

# Of TensorFlow Lite's schema: operators, types of tensors, and fields by their numbers.
_ADD, _CONCATENATION, _CONV, _DEPTHWISE, _DEQUANTIZE, _LOGISTIC = 0, 2, 3, 4, 6, 14
_MAX_POOL, _RELU, _RESHAPE, _PAD, _PRELU = 17, 19, 22, 34, 54
_TYPES = {0: "<f4", 1: "<f2", 2: "<i4"}
_OPSET, _IR = 17, 8


def tflite_to_onnx(
    content: bytes, outputs: Sequence[str], *, name: str, scale: float, offset: float = 0.0
) -> onnx.ModelProto:
    """The network in a .tflite file's `content`, for any number of pictures at once.

    outputs: names of its outputs, which keep their shapes but for the first axis. scale, offset: levels of 0..255 go
    into the network as level * scale + offset.

    Raises:
        WeightsError: the network has an operator that is not known here.
    """
    return _Converter(Table.root(content), name).converted(outputs, scale, offset)


class _Converter:
    def __init__(self, model: Table, name: str) -> None:
        self._name = name
        self._codes = [max(code.number(3), code.number(0, "b")) for code in model.tables(1)]
        self._buffers = model.tables(4)
        (self._graph,) = model.tables(2)
        self._tensors = self._graph.tables(0)
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []
        self._constants: dict[int, np.ndarray] = {}
        self._names: dict[int, str] = {}

    def converted(self, outputs: Sequence[str], scale: float, offset: float) -> onnx.ModelProto:
        (given,) = self._graph.array(1).tolist()
        picture = helper.make_tensor_value_info("picture", TensorProto.UINT8, ["n", *self._shape(given)[1:]])
        self._add("Cast", ["picture"], "levels", to=TensorProto.FLOAT)
        self._add("Mul", ["levels", self._weight(np.array(scale))], "scaled")
        self._add("Add", ["scaled", self._weight(np.array(offset))], "moved")
        self._add("Transpose", ["moved"], "input", perm=[0, 3, 1, 2])
        self._names[given] = "input"
        for operator in self._graph.tables(3):
            self._operator(operator)
        found = []
        for tensor, output in zip(self._graph.array(2).tolist(), outputs, strict=True):
            shape = self._shape(tensor)[1:]
            source = self._channels_last(tensor) if len(shape) == 3 else self._named(tensor)
            self._add("Reshape", [source, self._weight(np.array([-1, *shape]), np.int64)], output)
            found.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n", *shape]))
        graph = helper.make_graph(self._nodes, self._name, [picture], found, self._weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)
        onnx.checker.check_model(model)
        return model

    def _operator(self, operator: Table) -> None:
        code = self._codes[operator.number(0, "I")]
        given, (made,) = operator.array(1).tolist(), operator.array(2).tolist()
        options = operator.table(4)
        if code == _DEQUANTIZE:
            self._constants[made] = self._constant(given[0])
        elif code in (_CONV, _DEPTHWISE):
            assert options is not None
            self._convolution(code == _DEPTHWISE, given, made, options)
        elif code == _PRELU:
            self._prelu(self._named(given[0]), self._constant(given[1]).ravel(), self._named(made))
        elif code == _MAX_POOL:
            assert options is not None
            size, steps = (options.number(4), options.number(3)), (options.number(2), options.number(1))
            self._add("MaxPool", [self._named(given[0])], self._named(made), kernel_shape=size, strides=steps)
        elif code == _PAD:
            before, after = self._constant(given[1])[[0, 3, 1, 2]].T.tolist()
            sides = self._weight(np.array([*before, *after]), np.int64)
            self._add("Pad", [self._named(given[0]), sides], self._named(made))
        elif code == _RESHAPE:
            source = self._channels_last(given[0]) if len(self._shape(given[0])) == 4 else self._named(given[0])
            shape = self._weight(np.array([-1, *self._shape(made)[1:]]), np.int64)
            self._add("Reshape", [source, shape], self._named(made))
        elif code == _CONCATENATION and len(self._shape(made)) == 3:
            self._add("Concat", [self._named(each) for each in given], self._named(made), axis=1)
        elif code in (_ADD, _RELU, _LOGISTIC):
            kind = {_ADD: "Add", _RELU: "Relu", _LOGISTIC: "Sigmoid"}[code]
            self._add(kind, [self._named(each) for each in given], self._named(made))
        else:
            raise WeightsError(f"{self._name}: operator {code} of TensorFlow Lite is not known here")

    def _convolution(self, depthwise: bool, given: list[int], made: int, options: Table) -> None:
        kernel, bias = self._constant(given[1]), self._constant(given[2])
        # [out, h, w, in], depthwise [1, h, w, channels], in ONNX [out, in of a group, h, w].
        order = (3, 0, 1, 2) if depthwise else (0, 3, 1, 2)
        size, steps = kernel.shape[1:3], (options.number(2), options.number(1))
        activated = options.number(4 if depthwise else 3, "b")
        if activated not in (0, 1):
            raise WeightsError(f"{self._name}: activation {activated} of TensorFlow Lite is not known here")
        sides = np.zeros((2, 2), int)
        if options.number(0, "b") == 0:  # SAME
            shapes = (self._shape(tensor)[1:3] for tensor in (given[0], made))
            for axis, (had, got) in enumerate(zip(*shapes, strict=True)):
                missing = max((got - 1) * steps[axis] + size[axis] - had, 0)
                sides[:, axis] = missing // 2, missing - missing // 2
        result = self._named(made)
        self._add(
            "Conv",
            [self._named(given[0]), self._weight(kernel.transpose(order)), self._weight(bias)],
            f"{result} before" if activated else result,
            kernel_shape=size,
            strides=steps,
            pads=sides.ravel().tolist(),
            group=kernel.shape[3] if depthwise else 1,
        )
        if activated:
            self._add("Relu", [f"{result} before"], result)

    def _prelu(self, source: str, slopes: np.ndarray, made: str) -> None:
        """slope * x + (1 - slope) * max(x, 0): ONNX Runtime's own PRelu takes five times as long."""
        alike: dict[str, Any] = {"kernel_shape": (1, 1), "group": len(slopes)}
        slopes = slopes.astype(np.float32).reshape(-1, 1, 1, 1)
        self._add("Relu", [source], f"{made} above")
        self._add("Conv", [source, self._weight(slopes)], f"{made} all", **alike)
        self._add("Conv", [f"{made} above", self._weight(1 - slopes)], f"{made} more", **alike)
        self._add("Add", [f"{made} all", f"{made} more"], made)

    def _channels_last(self, tensor: int) -> str:
        made = f"{self._named(tensor)} last"
        self._add("Transpose", [self._named(tensor)], made, perm=[0, 2, 3, 1])
        return made

    def _add(self, kind: str, given: Sequence[str], made: str, **attributes: Any) -> None:
        self._nodes.append(helper.make_node(kind, list(given), [made], **attributes))

    def _weight(self, values: np.ndarray, dtype: type = np.float32) -> str:
        """The name of a constant; large ones are kept in half precision, as TensorFlow Lite's files have them."""
        name = f"weight {len(self._weights)}"
        halved = dtype is np.float32 and values.dtype == np.float16
        stored: np.ndarray = np.ascontiguousarray(values, np.float16 if halved else dtype)
        self._weights.append(numpy_helper.from_array(stored, name))
        if not halved:
            return name
        self._add("Cast", [name], f"{name} wide", to=TensorProto.FLOAT)
        return f"{name} wide"

    def _named(self, tensor: int) -> str:
        return self._names.setdefault(tensor, f"tensor {tensor}")

    def _shape(self, tensor: int) -> list[int]:
        return [int(side) for side in self._tensors[tensor].array(0)]

    def _constant(self, tensor: int) -> np.ndarray:
        if tensor not in self._constants:
            table = self._tensors[tensor]
            data = self._buffers[table.number(2, "I")].array(0, "<u1")
            self._constants[tensor] = np.frombuffer(data.tobytes(), _TYPES[table.number(1, "b")])
            self._constants[tensor] = self._constants[tensor].reshape(self._shape(tensor))
        return self._constants[tensor]
