from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from dubtool.engine.session import DESCRIPTOR_KEY
from dubtool.export.g4g import export_g4g
from dubtool.face.crop import CropSize
from dubtool.networks.g4g import G4G

MOUTH = 64
HIDDEN = (0.42, 2.0, -0.9, 0.9)


@dataclass
class Exported:
    network: G4G
    hidden: torch.Tensor
    once: ort.InferenceSession
    frame: ort.InferenceSession
    paths: tuple[Path, Path]


def hidden_part(part: tuple[float, float, float, float]) -> torch.Tensor:
    size = CropSize(MOUTH)
    mask = torch.zeros(1, 1, size.height, size.width)
    rows, columns = size.part(part)
    mask[..., rows, columns] = 1
    return mask


def exported(network: G4G, folder: Path, part: tuple[float, float, float, float]) -> Exported:
    size, hidden = CropSize(MOUTH), hidden_part(part)
    # One forward in training mode gives the batch norms statistics to fold.
    crop, reference = torch.rand(4, 3, size.height, size.width), torch.rand(4, 15, size.height, size.width)
    network.train()(crop, crop[:, : network.landmark_channels], reference, torch.randn(4, 16, 80), hidden)
    network.eval()
    paths = folder / "once.onnx", folder / "frame.onnx"
    export_g4g(network, *paths, mouth=MOUTH, hidden=hidden, descriptor={"version": 7}, half_storage=False)
    sessions = [ort.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"]) for path in paths]
    return Exported(network, hidden, *sessions, paths)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    torch.manual_seed(3)
    return exported(G4G(width=8), tmp_path_factory.mktemp("full"), HIDDEN)


def difference(made: Exported, batch: int) -> float:
    """The two graphs against the whole torch network, inside the mouth box."""
    size = CropSize(MOUTH)
    generator = torch.Generator().manual_seed(batch)
    source = torch.rand(batch, 3, size.height, size.width, generator=generator) * (1 - made.hidden)
    landmarks = torch.rand(batch, made.network.landmark_channels, size.height, size.width, generator=generator)
    reference = torch.rand(1, 15, size.height, size.width, generator=generator)
    mel = torch.randn(batch, 16, 80, generator=generator)
    with torch.no_grad():
        picture = made.network(source, landmarks, reference, mel, made.hidden).numpy()
    features, embedding = made.once.run(["features", "embedding"], {"reference": reference.numpy()})
    feeds = {"source": source, "landmarks": landmarks, "mel": mel}
    constant = {"features": features, "embedding": embedding}
    mouth = made.frame.run(["mouth"], {name: value.numpy() for name, value in feeds.items()} | constant)[0]
    return float(np.abs(mouth - picture[:, :, size.box[0], size.box[1]]).max())


@pytest.mark.parametrize("batch", [1, 3])
def test_two_graphs_equal_the_network(full: Exported, batch: int) -> None:
    assert difference(full, batch) < 1e-5


def test_variants_are_exported_and_the_whole_mouth_box_may_be_hidden(tmp_path: Path) -> None:
    torch.manual_seed(6)
    network = G4G(width=8, drawn=True, aligned=False, blended=False)
    assert difference(exported(network, tmp_path, (0.0, 2.0, -1.0, 1.0)), 2) < 1e-5


def test_graphs_say_what_they_are(full: Exported) -> None:
    for path, graph in zip(full.paths, ("once", "frame"), strict=True):
        told = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
        said = json.loads(told[DESCRIPTOR_KEY])
        assert said == {
            "network": "g4g",
            "graph": graph,
            "mouth": MOUTH,
            "width": 8,
            "reference_channels": 15,
            "landmark_channels": 1,
            "audio_channels": 80,
            "audio_steps": 16,
            "version": 7,
        }
