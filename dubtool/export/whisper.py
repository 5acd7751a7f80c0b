"""Whisper's encoder from OpenAI's key names to one ONNX file: half-precision weights, single-precision maths.

python -m dubtool.export.whisper whisper_tiny_encoder.safetensors weights/whisper_tiny_encoder.onnx
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file

from dubtool.export.graph import export_traced
from dubtool.networks.whisper import WhisperEncoder

PREFIX = "encoder."


def load_encoder(path: Path, heads: int = 6) -> WhisperEncoder:
    """The encoder with the weights of a safetensors file in OpenAI's key names; its sizes are read from the weights."""
    state = {key.removeprefix(PREFIX): value.float() for key, value in load_file(path).items()}
    width, mels, _ = state["conv1.weight"].shape
    layers = 1 + max(int(key.split(".")[1]) for key in state if key.startswith("blocks."))
    encoder = WhisperEncoder(mels, state["positional_embedding"].shape[0], width, heads, layers)
    encoder.load_state_dict(state, strict=True)
    return encoder.eval()


def export_encoder(encoder: WhisperEncoder, path: Path, origin: str) -> None:
    """Write `encoder` as ONNX: input "mel" [1, mels, 2 T]; outputs "layer_1".. and "encoded", each [1, T, width]."""
    layers = len(encoder.blocks)
    outputs = [*(f"layer_{index + 1}" for index in range(layers)), "encoded"]
    descriptor = {
        "kind": "speech",
        "network": "whisper-encoder",
        "mels": encoder.conv1.in_channels,
        "width": encoder.conv1.out_channels,
        "layers": layers,
        "context": encoder.positional_embedding.shape[0],
        "rate": 50,
        "origin": origin,
    }
    export_traced(
        encoder,
        {"mel": torch.zeros(1, encoder.conv1.in_channels, encoder.positional_embedding.shape[0])},
        path,
        outputs=outputs,
        dynamic={"mel": {2: "frames"}, **{name: {1: "vectors"} for name in outputs}},
        descriptor=descriptor,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("safetensors", type=Path)
    parser.add_argument("onnx", type=Path)
    parser.add_argument("--origin", default="OpenAI Whisper tiny (multilingual), encoder only, MIT")
    arguments = parser.parse_args()
    export_encoder(load_encoder(arguments.safetensors), arguments.onnx, arguments.origin)


if __name__ == "__main__":
    main()
