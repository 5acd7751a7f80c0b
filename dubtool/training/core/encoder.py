"""Whisper's encoder as a torch network, with the weights of the graph that is used at work."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from dubtool.errors import WeightsError
from dubtool.networks.whisper import WhisperEncoder

_HALF = "_half"


def read_encoder(path: Path) -> WhisperEncoder:
    """The encoder of a graph that `dubtool.export.whisper` wrote, in evaluation mode, its weights frozen.

    Raises:
        WeightsError: the file is no such graph.
    """
    try:
        graph = onnx.load(str(path)).graph
        stored = {
            each.name.removesuffix(_HALF): numpy_helper.to_array(each).astype(np.float32) for each in graph.initializer
        }
        # The exporter turns the weights of linear layers over and names them anew; the node tells whose they are.
        for node in graph.node:
            if node.op_type == "MatMul" and node.input[1] in stored:
                stored[f"{_layer(node.name)}.weight"] = stored[node.input[1]].T
        width, mels, _ = stored["conv1.weight"].shape
        layers = 1 + max(int(name.split(".")[1]) for name in stored if name.startswith("blocks."))
        encoder = WhisperEncoder(mels, len(stored["positional_embedding"]), width, max(1, width // 64), layers)
        wanted = encoder.state_dict().keys()
        encoder.load_state_dict({name: torch.from_numpy(stored[name].copy()) for name in wanted})
    except Exception as error:
        raise WeightsError(f"{path}: not a Whisper encoder; run 'dubtool weights verify'") from error
    return encoder.eval().requires_grad_(False)


def _layer(node: str) -> str:
    """The module of a node: "/blocks.0/mlp/mlp.2/MatMul" is of blocks.0.mlp.2."""
    parts = node.strip("/").split("/")[:-1]
    inner = [part for part, after in zip(parts, [*parts[1:], ""], strict=True) if not after.startswith(f"{part}.")]
    return ".".join(inner)
