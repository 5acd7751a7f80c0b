"""The two graphs of a landmark-driven AdaSR give what the network gives, for any number of frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from dubtool.engine.session import Session
from dubtool.export.adasr import export_adasr
from dubtool.networks.adasr_landmarks import LandmarkAdaSR

KEYPOINTS, RIGID, DRAWING, SIDE = 12, 6, 2, 64


@pytest.fixture(scope="module")
def network() -> LandmarkAdaSR:
    torch.manual_seed(0)
    net = LandmarkAdaSR(KEYPOINTS, RIGID, DRAWING, width=8, middle=1, high_frequency=2)
    # An untrained network paints nothing over its warp, and moves features by landmarks alone.
    for layer in (net.paint, net.motion.mask, net.motion.free):
        torch.nn.init.normal_(layer.weight, 0, 0.1)
    with torch.no_grad():
        for _ in range(3):
            net.train()(*_inputs(2))
    return net.eval()


@pytest.fixture(scope="module")
def graphs(network: LandmarkAdaSR, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("adasr")
    once, frame = folder / "once.onnx", folder / "frame.onnx"
    numbers = range(KEYPOINTS)
    export_adasr(network, once, frame, side=SIDE, keypoints=numbers, descriptor={"steps": 7}, half_storage=False)
    return once, frame


def _inputs(batch: int, seed: int = 0) -> tuple[torch.Tensor, ...]:
    """image, source points, its drawing, driven points, their drawings, warps: one source, `batch` driven faces."""
    chance = torch.Generator().manual_seed(seed)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=chance)

    source = (drawn(1, KEYPOINTS, 2) - 0.5).expand(batch, -1, -1)
    image, drawing = drawn(1, 3, SIDE, SIDE), drawn(1, DRAWING, SIDE, SIDE)
    driven = source + 0.1 * (drawn(batch, KEYPOINTS, 2) - 0.5)
    fits = (batch, -1, -1, -1)
    drawings, warped = drawn(batch, DRAWING, SIDE, SIDE), drawn(batch, 3, SIDE, SIDE)
    return image.expand(fits), source, drawing.expand(fits), driven, drawings, warped


@pytest.mark.parametrize("batch", [1, 3])
def test_the_graphs_make_the_networks_pictures(network: LandmarkAdaSR, graphs: tuple[Path, Path], batch: int) -> None:
    image, source, source_drawing, driven, drawing, warped = _inputs(batch, seed=5)
    with torch.no_grad():
        wanted = network(image, source, source_drawing, driven, drawing, warped)[0].numpy()
    once, frame = (Session(path, "cpu", threads=1) for path in graphs)
    encoded = once.run({"image": image[:1].numpy(), "drawing": source_drawing[:1].numpy()})
    faces = {"driven": driven.numpy(), "drawing": drawing.numpy(), "warped": warped.numpy()}
    found = frame.run({"source": source[:1].numpy(), **encoded, **faces})["picture"]
    assert found.shape == (batch, 3, SIDE, SIDE)
    assert np.abs(found - wanted).max() < 2e-3


def test_the_graphs_say_what_they_are(graphs: tuple[Path, Path]) -> None:
    for path, name in zip(graphs, ("once", "frame"), strict=True):
        told = Session(path, "cpu", threads=1).metadata
        assert (told["network"], told["graph"], told["side"]) == ("adasr-landmarks", name, SIDE)
        assert told["keypoints"] == list(range(KEYPOINTS)) and told["steps"] == 7


def test_the_frame_graph_samples_in_two_dimensions_alone(graphs: tuple[Path, Path]) -> None:
    model = onnx.load(graphs[1])
    assert max(each.version for each in model.opset_import if each.domain in ("", "ai.onnx")) < 20
    assert [node for node in model.graph.node if node.op_type == "GridSample"]
    assert not [node for node in model.graph.node if node.op_type in ("BatchNormalization", "Einsum")]
