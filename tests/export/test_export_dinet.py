from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from dubtool.export.dinet import export_dinet
from dubtool.export.graph import store_half
from dubtool.networks import DINet
from dubtool.networks.dinet import crop_size

MOUTH = 64


@dataclass
class Exported:
    network: DINet
    once: ort.InferenceSession
    frame: ort.InferenceSession
    paths: tuple[Path, ...]

    @property
    def bytes(self) -> int:
        return sum(path.stat().st_size for path in self.paths)


def sessions(once: Path, frame: Path) -> list[ort.InferenceSession]:
    return [ort.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"]) for path in (once, frame)]


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    torch.manual_seed(3)
    network = DINet(source_channels=6, audio_channels=12, width=8)
    height, width = crop_size(MOUTH)
    # One forward in training mode gives the batch norms statistics to fold.
    network.train()(torch.rand(4, 6, height, width), torch.rand(4, 15, height, width), torch.randn(4, 12, 5))
    network.eval()
    folder = tmp_path_factory.mktemp("full")
    paths = folder / "once.onnx", folder / "frame.onnx"
    export_dinet(network, *paths, mouth=MOUTH, descriptor={"version": 7}, half_storage=False)
    return Exported(network, *sessions(*paths), paths)


@pytest.fixture(scope="module")
def half(full: Exported) -> Exported:
    paths = tuple(path.with_suffix(".half.onnx") for path in full.paths)
    for whole, small in zip(full.paths, paths, strict=True):
        model = onnx.load(whole)
        store_half(model)
        onnx.save(model, small)
    return Exported(full.network, *sessions(*paths), paths)


def difference(exported: Exported, batch: int) -> float:
    """The two graphs against the whole torch network, inside the mouth box."""
    height, width = crop_size(MOUTH)
    source, reference = torch.rand(batch, 6, height, width), torch.rand(1, 15, height, width)
    audio = torch.randn(batch, 12, 5)
    with torch.no_grad():
        picture = exported.network(source, reference.expand(batch, -1, -1, -1), audio).numpy()
    features, alignment = exported.once.run(["features", "alignment"], {"reference": reference.numpy()})
    feeds = {"source": source.numpy(), "audio": audio.numpy(), "features": features, "alignment": alignment}
    mouth = exported.frame.run(["mouth"], feeds)[0]
    top, left = MOUTH // 2, MOUTH // 8
    return float(np.abs(mouth - picture[:, :, top : top + MOUTH, left : left + MOUTH]).max())


@pytest.mark.parametrize("batch", [1, 3])
def test_two_graphs_equal_the_network(full: Exported, batch: int) -> None:
    assert difference(full, batch) < 1e-4


def test_half_storage_is_close_and_small(full: Exported, half: Exported) -> None:
    assert difference(half, 2) < 2e-3
    assert half.bytes < 0.7 * full.bytes


def test_the_files_describe_themselves(full: Exported) -> None:
    descriptors = [
        json.loads(session.get_modelmeta().custom_metadata_map["dubtool"]) for session in (full.once, full.frame)
    ]
    sizes = {
        "network": "dinet",
        "mouth": 64,
        "width": 8,
        "source_channels": 6,
        "reference_channels": 15,
        "audio_channels": 12,
        "audio_steps": 5,
        "version": 7,
    }
    assert descriptors == [{**sizes, "graph": "once"}, {**sizes, "graph": "frame"}]
