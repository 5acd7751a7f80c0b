from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import flatbuffers
import numpy as np
import onnxruntime as ort
import pytest
import torch
from torch.nn import functional

from dubtool.errors import WeightsError
from dubtool.export.face_landmarker import export_face_landmarker
from dubtool.export.flatbuffer import Table
from dubtool.export.tflite import tflite_to_onnx

HALF, SINGLE = 1, 0
CONV, DEQUANTIZE, PRELU, TANH = 3, 6, 54, 28
RNG = np.random.default_rng(3)


class Network:
    """Builds a file of TensorFlow Lite: fields by the numbers of its schema."""

    def __init__(self) -> None:
        self.builder = flatbuffers.Builder(1024)
        self.tensors: list[int] = []
        self.operators: list[int] = []
        self.codes: list[int] = []
        self.buffers = [self._table({})]

    def _table(self, fields: dict[int, tuple[str, int]]) -> int:
        self.builder.StartObject(8)
        for number, (kind, value) in fields.items():
            if kind == "offset":
                self.builder.PrependUOffsetTRelativeSlot(number, value, 0)
            else:
                getattr(self.builder, f"Prepend{kind}Slot")(number, value, 0)
        return int(self.builder.EndObject())

    def _tables(self, tables: Sequence[int]) -> int:
        self.builder.StartVector(4, len(tables), 4)
        for table in reversed(tables):
            self.builder.PrependUOffsetTRelative(table)
        return int(self.builder.EndVector())

    def _numbers(self, values: Sequence[int]) -> int:
        return int(self.builder.CreateNumpyVector(np.array(values, np.int32)))

    def tensor(self, shape: Sequence[int], values: np.ndarray | None = None) -> int:
        """A tensor, constant where it has values; its number."""
        buffer = 0
        if values is not None:
            data = self.builder.CreateNumpyVector(np.frombuffer(values.tobytes(), np.uint8))
            self.buffers.append(self._table({0: ("offset", data)}))
            buffer = len(self.buffers) - 1
        kind = HALF if values is not None and values.dtype == np.float16 else SINGLE
        fields = {0: ("offset", self._numbers(shape)), 1: ("Int8", kind), 2: ("Uint32", buffer)}
        self.tensors.append(self._table(fields))
        return len(self.tensors) - 1

    def halved(self, values: np.ndarray) -> int:
        """Weights in half precision, widened as the author's files do it."""
        stored, wide = self.tensor(values.shape, values.astype(np.float16)), self.tensor(values.shape)
        self.operator(DEQUANTIZE, [stored], wide)
        return wide

    def operator(
        self, code: int, given: Sequence[int], made: int, options: dict[int, tuple[str, int]] | None = None
    ) -> None:
        fields = {1: ("offset", self._numbers(given)), 2: ("offset", self._numbers([made]))}
        fields[0] = ("Uint32", len(self.codes))
        fields[4] = ("offset", self._table(options or {}))
        self.codes.append(self._table({3: ("Int32", code)}))
        self.operators.append(self._table(fields))

    def file(self, given: int, made: Sequence[int]) -> bytes:
        graph = self._table(
            {
                0: ("offset", self._tables(self.tensors)),
                1: ("offset", self._numbers([given])),
                2: ("offset", self._numbers(made)),
                3: ("offset", self._tables(self.operators)),
            }
        )
        model = {1: ("offset", self._tables(self.codes)), 2: ("offset", self._tables([graph]))}
        self.builder.Finish(self._table(model | {4: ("offset", self._tables(self.buffers))}))
        return bytes(self.builder.Output())


def small_network(kernel: np.ndarray, bias: np.ndarray, slopes: np.ndarray, last: int = PRELU) -> bytes:
    """A convolution in steps of two with what TensorFlow calls SAME padding, and slopes for each channel."""
    network = Network()
    given, middle, made = network.tensor([1, 8, 8, 3]), network.tensor([1, 4, 4, 5]), network.tensor([1, 4, 4, 5])
    weights = [network.halved(each) for each in (kernel, bias, slopes)]
    network.operator(CONV, [given, *weights[:2]], middle, {1: ("Int32", 2), 2: ("Int32", 2)})
    network.operator(last, [middle, weights[2]], made)
    return network.file(given, [made])


def some_weights() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    shapes = (5, 3, 3, 3), (5,), (1, 1, 5)
    kernel, bias, slopes = (RNG.standard_normal(shape).astype(np.float16) for shape in shapes)
    return kernel, bias, slopes


def test_a_network_gives_what_its_layers_say() -> None:
    kernel, bias, slopes = some_weights()
    model = tflite_to_onnx(small_network(kernel, bias, slopes), ["made"], name="small", scale=1 / 255, offset=-0.5)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    pictures = RNG.integers(0, 256, (2, 8, 8, 3), np.uint8)
    (made,) = session.run(["made"], {"picture": pictures})
    source = torch.from_numpy(pictures.transpose(0, 3, 1, 2).astype(np.float32) / 255 - 0.5)
    # SAME with an even side and steps of two: one more row and column after the picture, none before it.
    padded = functional.pad(source, (0, 1, 0, 1))
    weight, shift = (torch.from_numpy(each.astype(np.float32)) for each in (kernel.transpose(0, 3, 1, 2), bias))
    wanted = functional.prelu(
        functional.conv2d(padded, weight, shift, stride=2), torch.from_numpy(slopes.ravel().astype(np.float32))
    )
    np.testing.assert_allclose(made, wanted.numpy().transpose(0, 2, 3, 1), atol=1e-5)


def test_an_unknown_operator_is_refused() -> None:
    with pytest.raises(WeightsError, match="operator 28"):
        tflite_to_onnx(small_network(*some_weights(), last=TANH), ["made"], name="small", scale=1.0)


def test_another_file_is_no_landmarker(tmp_path: Path) -> None:
    (tmp_path / "some.task").write_bytes(b"no archive")
    with zipfile.ZipFile(tmp_path / "other.task", "w") as archive:
        archive.writestr("something.tflite", b"")
    for name in ("some.task", "other.task", "missing.task"):
        with pytest.raises(WeightsError, match=name):
            export_face_landmarker(tmp_path / name, tmp_path)


def test_absent_fields_have_their_default() -> None:
    table = Table.root(small_network(*some_weights()))
    assert table.number(0, default=7) == 7
    assert table.table(3) is None
    assert len(table.array(3)) == 0 and table.tables(6) == []
