from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dubtool.engine.session import Session
from dubtool.errors import WeightsError
from dubtool.export.deepspeech import convert
from dubtool.export.frozen_graph import read_constants
from dubtool.speech import deepspeech
from dubtool.speech.deepspeech import DeepSpeechExtractor
from dubtool.speech.features import speech_features
from dubtool.speech.source import SpeechSource

CELL, SECOND, THIRD, FIFTH, CHARACTERS = 5, 6, 9, 7, 29
Weights = dict[str, np.ndarray]


# A writer of the wire format, for as much of GraphDef as the graph needs.


def varint(value: int) -> bytes:
    groups = []
    while value >= 0x80:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def const_node(name: str, values: np.ndarray, as_floats: bool = False) -> bytes:
    dims = b"".join(field(2, field(1, size)) for size in values.shape)
    content = values.astype("<f4").tobytes()
    # dtype DT_FLOAT, shape, then either tensor_content or packed float_val.
    tensor = field(1, 1) + field(2, dims) + field(5 if as_floats else 4, content)
    kind = field(5, field(1, b"dtype") + field(2, field(6, 1)))
    value = field(5, field(1, b"value") + field(2, field(8, tensor)))
    return field(1, field(1, name.encode()) + field(2, b"Const") + value + kind)


def other_node(name: str, op: str, *inputs: str) -> bytes:
    attr = field(5, field(1, b"alpha") + field(2, varint(4 << 3 | 5) + struct.pack("<f", 0.5)))
    return field(
        1, field(1, name.encode()) + field(2, op.encode()) + b"".join(field(3, i.encode()) for i in inputs) + attr
    )


def frozen_graph(weights: Weights) -> bytes:
    nodes = [other_node("input_node", "Placeholder")]
    for position, (name, values) in enumerate(weights.items()):
        nodes += [const_node(name, values, as_floats=position % 2 == 1), other_node(name + "/read", "Identity", name)]
    # An integer constant, as Reshape and Split have them, and a fixed64 field nobody knows.
    shape = field(1, 3) + field(2, field(2, field(1, 1))) + field(4, struct.pack("<i", -1))
    nodes.append(
        field(1, field(1, b"axis") + field(2, b"Const") + field(5, field(1, b"value") + field(2, field(8, shape))))
    )
    return b"".join(reversed(nodes)) + varint(99 << 3 | 1) + b"12345678" + field(4, field(1, 24))


@pytest.fixture
def weights() -> Weights:
    rng = np.random.default_rng(11)
    shapes = {
        "b1": (8,),
        "h1": (494, 8),
        "b2": (SECOND,),
        "h2": (8, SECOND),
        "b3": (THIRD,),
        "h3": (SECOND, THIRD),
        "bidirectional_rnn/fw/basic_lstm_cell/kernel": (THIRD + CELL, 4 * CELL),
        "bidirectional_rnn/fw/basic_lstm_cell/bias": (4 * CELL,),
        "bidirectional_rnn/bw/basic_lstm_cell/kernel": (THIRD + CELL, 4 * CELL),
        "bidirectional_rnn/bw/basic_lstm_cell/bias": (4 * CELL,),
        "b5": (FIFTH,),
        "h5": (2 * CELL, FIFTH),
        "b6": (CHARACTERS,),
        "h6": (FIFTH, CHARACTERS),
    }
    drawn = {name: rng.normal(0, 0.6, shape).astype(np.float32) for name, shape in shapes.items()}
    for side in ("fw", "bw"):
        # Gates that do not saturate, in cells that forget within a second: a test of windows can be short.
        drawn[f"bidirectional_rnn/{side}/basic_lstm_cell/kernel"] *= 0.2
        drawn[f"bidirectional_rnn/{side}/basic_lstm_cell/bias"][2 * CELL : 3 * CELL] -= 2
    return drawn


@pytest.fixture
def graph_file(weights: Weights, tmp_path: Path) -> Path:
    path = tmp_path / "output_graph.pb"
    path.write_bytes(frozen_graph(weights))
    return path


@pytest.fixture
def model_file(graph_file: Path) -> Path:
    path = graph_file.with_suffix(".onnx")
    convert(graph_file, path)
    return path


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def lstm(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """TensorFlow's BasicLSTMCell over [T, width]: gates i, j, f, o; forget bias 1."""
    state, output, outputs = np.zeros(CELL), np.zeros(CELL), []
    for row in x:
        i, j, f, o = np.split(np.concatenate([row, output]) @ kernel + bias, 4)
        state = state * sigmoid(f + 1.0) + sigmoid(i) * np.tanh(j)
        output = np.tanh(state) * sigmoid(o)
        outputs.append(output)
    return np.array(outputs)


def reference_logits(mfcc: np.ndarray, w: Weights) -> np.ndarray:
    def dense(x: np.ndarray, layer: int) -> np.ndarray:
        return x @ w[f"h{layer}"].astype(np.float64) + w[f"b{layer}"]

    def clipped(x: np.ndarray) -> np.ndarray:
        return np.minimum(np.maximum(x, 0), 20)

    x = clipped(dense(clipped(dense(clipped(dense(mfcc, 1)), 2)), 3))
    cell = "bidirectional_rnn/{}/basic_lstm_cell/{}"
    forward = lstm(x, w[cell.format("fw", "kernel")], w[cell.format("fw", "bias")])
    backward = lstm(x[::-1], w[cell.format("bw", "kernel")], w[cell.format("bw", "bias")])[::-1]
    return dense(clipped(dense(np.concatenate([forward, backward], axis=1), 5)), 6)


def orthonormal_dct(values: np.ndarray) -> np.ndarray:
    """The discrete cosine transform of type II, term by term from its definition."""
    count = len(values)
    terms = [
        sum(value * np.cos(np.pi * order * (2 * place + 1) / (2 * count)) for place, value in enumerate(values))
        for order in range(count)
    ]
    scale = np.full(count, np.sqrt(2 / count))
    scale[0] = np.sqrt(1 / count)
    return np.array(terms) * scale


def reference_mfcc(samples: np.ndarray) -> np.ndarray:
    """MFCC every 10 ms of samples in 16-bit scale, step by step as python_speech_features describes them."""
    signal = np.append(samples[0], samples[1:] - 0.97 * samples[:-1])
    count = 1 if len(signal) <= 400 else 1 + int(np.ceil((len(signal) - 400) / 160))
    signal = np.append(signal, np.zeros((count - 1) * 160 + 400 - min(len(signal), (count - 1) * 160 + 400)))
    mel_points = np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 28)
    bins = np.floor(513 * 700 * (10 ** (mel_points / 2595) - 1) / 16000).astype(int)
    bank = np.zeros((26, 257))
    for j in range(26):
        for i in range(bins[j], bins[j + 1]):
            bank[j, i] = (i - bins[j]) / (bins[j + 1] - bins[j])
        for i in range(bins[j + 1], bins[j + 2]):
            bank[j, i] = (bins[j + 2] - i) / (bins[j + 2] - bins[j + 1])
    rows = []
    for k in range(count):
        power = np.abs(np.fft.rfft(signal[160 * k : 160 * k + 400], 512)) ** 2 / 512
        floor = np.finfo(float).eps
        row = orthonormal_dct(np.log(np.maximum(bank @ power, floor)))
        row *= 1 + 11 * np.sin(np.pi * np.arange(26) / 22)
        row[0] = np.log(max(power.sum(), floor))
        rows.append(row)
    return np.array(rows)


def reference_input(samples: np.ndarray) -> np.ndarray:
    """The network's input [T, 494] for a whole speech, as Mozilla's client makes it."""
    kept = reference_mfcc(samples)[::2]
    padded = np.concatenate([np.zeros((9, 26)), kept, np.zeros((9, 26))])
    stacked = np.array([padded[i : i + 19].ravel() for i in range(len(kept))])
    return (stacked - stacked.mean()) / stacked.std()


def test_reads_constants_of_the_wire_format(graph_file: Path, weights: Weights) -> None:
    constants = read_constants(graph_file)
    assert set(constants) == set(weights)
    for name, values in weights.items():
        np.testing.assert_array_equal(constants[name], values)


def test_one_stored_value_fills_a_tensor(tmp_path: Path) -> None:
    shape = field(2, field(1, 2)) + field(2, field(1, 300))
    tensor = field(1, 1) + field(2, shape) + field(5, struct.pack("<f", 1.5))
    node = field(1, b"zeros") + field(2, b"Const") + field(5, field(1, b"value") + field(2, field(8, tensor)))
    path = tmp_path / "graph.pb"
    path.write_bytes(field(1, node))
    np.testing.assert_array_equal(read_constants(path)["zeros"], np.full((2, 300), 1.5))


def test_converted_graph_against_a_numpy_lstm(model_file: Path, weights: Weights) -> None:
    session = Session(model_file, device="cpu", threads=1)
    assert session.metadata["width"] == CHARACTERS
    for frames in (1, 33):
        # Large enough that the clipping at 20 matters.
        mfcc = np.random.default_rng(frames).normal(0, 3, (frames, 494)).astype(np.float32)
        logits = session.run({"mfcc": mfcc})["logits"]
        assert logits.shape == (frames, CHARACTERS)
        np.testing.assert_allclose(logits, reference_logits(mfcc, weights), atol=2e-4)


@pytest.mark.parametrize("samples", [100, 400, 7777, 16000 * 3 + 161])
def test_features_of_a_whole_speech(
    samples: int, model_file: Path, weights: Weights, write_wav: Callable[..., Path], babble: Callable[..., np.ndarray]
) -> None:
    sound = np.rint(babble(4)[:samples] * 32768)
    features = speech_features("deepspeech", write_wav(sound / 32768), model=model_file, device="cpu")
    expected = reference_logits(reference_input(sound), weights)
    times = np.arange(len(expected)) / 50
    assert features.dimension == CHARACTERS
    np.testing.assert_allclose(features.at(times), expected, atol=2e-3)
    np.testing.assert_allclose(features.at(np.array([-1.0, 99.0])), expected[[0, -1]], atol=2e-3)


def test_long_speech_is_read_in_windows(
    model_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    write_wav: Callable[..., Path],
    babble: Callable[..., np.ndarray],
) -> None:
    source = SpeechSource(write_wav(babble(8)))
    whole = DeepSpeechExtractor(source, model_file, device="cpu")
    expected = whole.compute(0, whole.last + 1)
    monkeypatch.setattr(deepspeech, "CORE_VECTORS", 70)
    monkeypatch.setattr(deepspeech, "CONTEXT_VECTORS", 60)
    windowed = DeepSpeechExtractor(source, model_file, device="cpu")
    # Normalised over the whole speech all the same.
    np.testing.assert_allclose(windowed.statistics, whole.statistics, rtol=1e-9)
    np.testing.assert_allclose(windowed.compute(150, 70), expected[150:220], atol=1e-3)


@pytest.mark.parametrize("damage", ["missing file", "empty", "short", "text", "no backward cell", "wrong shape"])
def test_graph_that_is_not_deepspeech(damage: str, weights: Weights, tmp_path: Path) -> None:
    path = tmp_path / "graph.pb"
    if damage == "no backward cell":
        del weights["bidirectional_rnn/bw/basic_lstm_cell/kernel"]
    elif damage == "wrong shape":
        weights["h1"] = weights["h1"][:-1]
    content = frozen_graph(weights)
    content = {"empty": b"", "short": content[: len(content) // 2], "text": b"version https://git-lfs\n" * 9}.get(
        damage, content
    )
    if damage != "missing file":
        path.write_bytes(content)
    with pytest.raises(WeightsError) as error:
        convert(path, tmp_path / "out.onnx")
    assert "graph.pb" in str(error.value) and "\n" not in str(error.value)
    assert not (tmp_path / "out.onnx").exists()


def test_other_network_is_refused(write_wav: Callable[..., Path]) -> None:
    whisper = Path(__file__).parents[2] / "weights" / "whisper_tiny_encoder.onnx"
    with pytest.raises(WeightsError, match="not DeepSpeech"):
        speech_features("deepspeech", write_wav(np.zeros(1000)), model=whisper, device="cpu")
