"""The three graphs of an AdaSR with learned keypoints give what the network gives, for any number of frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from learned_adasr import KEYPOINTS, SIDE, pictures, small_adasr

from dubtool.engine.session import Session
from dubtool.export.adasr_learned import export_learned_adasr
from dubtool.face.learned_keypoints import Posture, posed
from dubtool.models.registry import open_animator
from dubtool.networks.adasr import AdaSR


@pytest.fixture(scope="module")
def network() -> AdaSR:
    return small_adasr()


@pytest.fixture(scope="module")
def graphs(network: AdaSR, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    folder = tmp_path_factory.mktemp("learned")
    files = folder / "keypoints.onnx", folder / "once.onnx", folder / "frame.onnx"
    export_learned_adasr(network, *files, side=SIDE, descriptor={"steps": 7}, half_storage=False)
    return files


@pytest.mark.parametrize("batch", [1, 3])
def test_the_graphs_make_the_networks_pictures(network: AdaSR, graphs: tuple[Path, ...], batch: int) -> None:
    source, driving = pictures(1, seed=5), pictures(batch, seed=6)
    with torch.no_grad():
        own = network.kp_detector(source)
        points = network.keypoints(own.expand(batch, -1, -1), driving)
        # Heads that no picture has taught hardly move.
        moved = points + 0.2 * torch.randn(points.shape, generator=torch.Generator().manual_seed(0))
        repeated = source.expand(batch, -1, -1, -1)
        wanted = network.generator(repeated, network.keypoints(own, source).expand(batch, -1, -1), moved).numpy()
    keypoints, once, frame = (Session(path, "cpu", threads=1) for path in graphs)
    portrait = once.run({"image": source.numpy(), **keypoints.run({"image": source.numpy()})})
    canonical = portrait.pop("canonical")[0]
    seen = keypoints.run({"image": driving.numpy()})
    postures = [Posture(*(seen[name][i] for name in ("angles", "translation", "expression"))) for i in range(batch)]
    driven = np.stack([posed(canonical, posture) for posture in postures])
    np.testing.assert_allclose(driven, points.numpy(), atol=1e-5)
    found, still = (
        frame.run({**portrait, "driven": each})["picture"]
        for each in (moved.numpy(), np.repeat(portrait["source"], batch, 0))
    )
    assert found.shape == (batch, 3, SIDE, SIDE)
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    assert np.abs(found - still).max() > 0.01


def test_the_animator_gives_them_as_pictures(network: AdaSR, graphs: tuple[Path, Path, Path]) -> None:
    animator = open_animator(*graphs, device="cpu", threads=1)
    source, driving = ((255 * pictures(1, seed)[0]).round().byte().permute(1, 2, 0).numpy() for seed in (5, 6))
    animator.set_portrait(source)
    made = animator.animate(posed(animator.canonical, animator.posture(driving))[None])
    images = [torch.from_numpy(each).permute(2, 0, 1)[None] / 255 for each in (source, driving)]
    with torch.no_grad():
        wanted = 255 * network(*images)[0].permute(1, 2, 0).numpy()
    assert made.shape == (1, SIDE, SIDE, 3) and made.dtype == np.float32
    np.testing.assert_allclose(made[0], wanted, atol=0.05)


def test_the_graphs_say_what_they_are(graphs: tuple[Path, ...]) -> None:
    for path in graphs:
        told = Session(path, "cpu", threads=1).metadata
        assert (told["network"], told["graph"]) == ("adasr-learned", path.stem)
        assert (told["side"], told["keypoints"], told["steps"]) == (SIDE, KEYPOINTS, 7)


def test_volumes_are_sampled_in_two_dimensions_by_an_old_opset(graphs: tuple[Path, ...]) -> None:
    model = onnx.shape_inference.infer_shapes(onnx.load(graphs[2]))
    assert max(each.version for each in model.opset_import if each.domain in ("", "ai.onnx")) < 20
    ranks = {each.name: len(each.type.tensor_type.shape.dim) for each in model.graph.value_info}
    sampled = [node for node in model.graph.node if node.op_type == "GridSample"]
    assert len(sampled) == 4 and {ranks[node.output[0]] for node in sampled} == {4}
    assert not [node for node in model.graph.node if "Spectral" in node.name or node.op_type == "Einsum"]


def test_what_depends_on_the_portrait_alone_is_not_in_the_frame_graph(network: AdaSR, graphs: tuple[Path, ...]) -> None:
    weights = {tuple(each.dims) for each in onnx.load(graphs[2]).graph.initializer}
    for once in (network.generator.first.conv, network.generator.second, network.kp_detector.kp):
        assert tuple(once.weight.shape) not in weights
