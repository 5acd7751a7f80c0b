from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from dubtool.engine.session import Session
from dubtool.errors import WeightsError
from dubtool.export.whisper import export_encoder, load_encoder
from dubtool.networks.whisper import WhisperEncoder
from dubtool.speech.features import speech_features
from dubtool.speech.source import SpeechSource
from dubtool.speech.whisper import WhisperExtractor

RATE = 16000
MELS, CONTEXT, WIDTH, LAYERS = 8, 40, 12, 2
SHIPPED = Path(__file__).parents[2] / "weights" / "whisper_tiny_encoder.onnx"


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    """Random weights of a small encoder under OpenAI's key names."""
    generator = torch.Generator().manual_seed(3)
    shapes: dict[str, tuple[int, ...]] = {
        "conv1.weight": (WIDTH, MELS, 3),
        "conv1.bias": (WIDTH,),
        "conv2.weight": (WIDTH, WIDTH, 3),
        "conv2.bias": (WIDTH,),
        "positional_embedding": (CONTEXT, WIDTH),
        "ln_post.weight": (WIDTH,),
        "ln_post.bias": (WIDTH,),
    }
    for layer in range(LAYERS):
        prefix = f"blocks.{layer}."
        for name in ("query", "key", "value", "out"):
            shapes[f"{prefix}attn.{name}.weight"] = (WIDTH, WIDTH)
            if name != "key":
                shapes[f"{prefix}attn.{name}.bias"] = (WIDTH,)
        for name in ("attn_ln", "mlp_ln"):
            shapes |= {f"{prefix}{name}.weight": (WIDTH,), f"{prefix}{name}.bias": (WIDTH,)}
        shapes |= {f"{prefix}mlp.0.weight": (4 * WIDTH, WIDTH), f"{prefix}mlp.0.bias": (4 * WIDTH,)}
        shapes |= {f"{prefix}mlp.2.weight": (WIDTH, 4 * WIDTH), f"{prefix}mlp.2.bias": (WIDTH,)}
    # Rounded to half precision, as the file stores them.
    return {
        f"encoder.{name}": (torch.randn(shape, generator=generator) * 0.4).half().float()
        for name, shape in shapes.items()
    }


@pytest.fixture(scope="module")
def encoder(state: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> WhisperEncoder:
    path = tmp_path_factory.mktemp("whisper") / "encoder.safetensors"
    save_file({key: value.half() for key, value in state.items()}, path)
    return load_encoder(path, heads=3)


def reference(state: dict[str, Tensor], mel: Tensor, heads: int = 3) -> list[Tensor]:
    """The encoder for one mel [MELS, 2 T], written in torch's own functions, one head and one frame after another."""
    p = {key.removeprefix("encoder."): value for key, value in state.items()}

    def conv(x: Tensor, name: str, stride: int) -> Tensor:
        padded = F.pad(x, (1, 1))
        frames = [padded[:, i : i + 3] for i in range(0, x.shape[1], stride)]
        return torch.stack([torch.einsum("oik,ik->o", p[name + ".weight"], f) + p[name + ".bias"] for f in frames], 1)

    def norm(x: Tensor, name: str) -> Tensor:
        return F.layer_norm(x, (WIDTH,), p[name + ".weight"], p[name + ".bias"])

    def linear(x: Tensor, name: str) -> Tensor:
        return F.linear(x, p[name + ".weight"], p.get(name + ".bias"))

    x = F.gelu(conv(F.gelu(conv(mel, "conv1", 1)), "conv2", 2)).T
    x = x + p["positional_embedding"][: len(x)]
    states = []
    for layer in range(LAYERS):
        prefix = f"blocks.{layer}."
        inside = norm(x, prefix + "attn_ln")
        q, k, v = (linear(inside, f"{prefix}attn.{name}").chunk(heads, 1) for name in ("query", "key", "value"))
        mixed = [F.scaled_dot_product_attention(a[None], b[None], c[None])[0] for a, b, c in zip(q, k, v, strict=True)]
        x = x + linear(torch.cat(mixed, 1), prefix + "attn.out")
        x = x + linear(F.gelu(linear(norm(x, prefix + "mlp_ln"), prefix + "mlp.0")), prefix + "mlp.2")
        states.append(x)
    return [*states, norm(x, "ln_post")]


@pytest.mark.parametrize("frames", [2, 14, 2 * CONTEXT])
def test_encoder_against_a_reference(frames: int, state: dict[str, Tensor], encoder: WhisperEncoder) -> None:
    mel = torch.randn(MELS, frames, generator=torch.Generator().manual_seed(frames))
    with torch.no_grad():
        got = encoder(mel[None])
    expected = reference(state, mel)
    assert len(got) == len(expected) == LAYERS + 1
    for ours, theirs in zip(got, expected, strict=True):
        assert ours.shape == (1, frames // 2, WIDTH)
        torch.testing.assert_close(ours[0], theirs, atol=1e-4, rtol=1e-4)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_export_takes_windows_of_any_length(encoder: WhisperEncoder, tmp_path: Path) -> None:
    path = tmp_path / "encoder.onnx"
    export_encoder(encoder, path, "random")
    session = Session(path, device="cpu", threads=1)
    assert session.outputs == ("layer_1", "layer_2", "encoded")
    assert session.metadata["width"] == WIDTH and session.metadata["origin"] == "random"
    for frames in (6, 2 * CONTEXT):
        mel = torch.randn(1, MELS, frames, generator=torch.Generator().manual_seed(frames))
        with torch.no_grad():
            expected = encoder(mel)
        results = session.run({"mel": mel.numpy()})
        for name, value in zip(session.outputs, expected, strict=True):
            np.testing.assert_allclose(results[name], value.numpy(), atol=1e-4)


def shift_response(time: float, write_wav: Callable[..., Path]) -> np.ndarray:
    """How much a click at `time` moves the first layer's vectors within 0.2 s of it; [21], the middle is `time`."""
    quiet = np.random.default_rng(5).normal(0, 2e-3, 10 * RATE)
    click = quiet.copy()
    click[int(time * RATE) - 2 : int(time * RATE) + 3] += 0.02
    grid = time + np.arange(-10, 11) / 50
    results = [
        speech_features("whisper", write_wav(sound, name), model=SHIPPED, outputs=["layer_1"], device="cpu").at(grid)
        for sound, name in ((quiet, "quiet.wav"), (click, "click.wav"))
    ]
    return np.abs(results[1] - results[0]).sum(axis=1)


def test_vectors_are_centred_at_multiples_of_20_ms(write_wav: Callable[..., Path]) -> None:
    # Averaged over places: what one click does depends on the noise around it.
    response = np.mean([shift_response(time, write_wav) for time in (1.0, 2.5, 4.0, 5.0, 6.5)], axis=0)
    response = np.maximum(response - np.median(response), 0)[6:15]
    centre = (response * np.arange(-4, 5)).sum() / response.sum()
    assert abs(centre) < 0.5


def test_windows_meet_where_they_are_cut(write_wav: Callable[..., Path], babble: Callable[..., np.ndarray]) -> None:
    extractor = WhisperExtractor(SpeechSource(write_wav(babble(14))), SHIPPED, device="cpu")
    # One window ends, and the next begins, at vector 375; a third one reaches over the seam.
    before, after, across = extractor.compute(-25, 400), extractor.compute(375, 300), extractor.compute(175, 400)
    for vectors, same in ((before[-20:], across[180:200]), (after[:20], across[200:220])):
        # Positions leave their mark on the encoder's states, so they agree in their changes rather than in their level.
        assert likeness(vectors, same) > 0.9
        assert likeness(vectors[1:], same[:-1]) < 0.6
        assert likeness(vectors[:-1], same[1:]) < 0.6


def likeness(left: np.ndarray, right: np.ndarray) -> float:
    """Correlation over time, the median over dimensions."""
    return float(np.median([np.corrcoef(left[:, k], right[:, k])[0, 1] for k in range(left.shape[1])]))


def test_layers_stand_side_by_side(write_wav: Callable[..., Path], babble: Callable[..., np.ndarray]) -> None:
    path = write_wav(babble(0.5))
    times = np.array([0.1, 0.2, 9.0])
    options = {"model": SHIPPED, "device": "cpu"}
    both = speech_features("whisper", path, outputs=["layer_2", "encoded"], **options)
    assert both.name == "whisper" and both.dimension == 768
    parts = [speech_features("whisper", path, outputs=[name], **options).at(times) for name in ("layer_2", "encoded")]
    np.testing.assert_array_equal(both.at(times), np.concatenate(parts, axis=1))
    np.testing.assert_array_equal(speech_features("whisper", path, **options).at(times), parts[0])


def test_wrong_model_and_output(write_wav: Callable[..., Path], tmp_path: Path) -> None:
    source = SpeechSource(write_wav(np.zeros(1000)))
    with pytest.raises(WeightsError, match="layer_9"):
        WhisperExtractor(source, SHIPPED, outputs=["layer_9"], device="cpu")
    with pytest.raises(WeightsError, match="not a Whisper encoder"):
        WhisperExtractor(source, SHIPPED.with_name("face_detection_yunet_2023mar.onnx"), device="cpu")
