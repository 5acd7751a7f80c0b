from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dubtool.engine.session import Session
from dubtool.export.lpips import export_lpips
from dubtool.networks.lpips import WIDTHS, Lpips


def random_lpips() -> Lpips:
    torch.manual_seed(0)
    return Lpips().eval()


def test_a_head_weighs_the_squared_difference_of_unit_features() -> None:
    network = random_lpips()
    with torch.no_grad():
        for head in network.heads:
            head.zero_()
        network.heads[2].fill_(1.0)
        a, b = torch.rand(2, 1, 3, 64, 64) * 2 - 1
        distance = network(a, b)
        # Of unit vectors u, v with non-negative entries |u - v|^2 lies in 0..2.
        assert 0 < distance.item() < 2
        network.heads[2].fill_(3.0)
        assert network(a, b).item() == pytest.approx(3 * distance.item(), rel=1e-5)


def test_the_exported_graph_gives_the_same_distances_at_other_sizes(tmp_path: Path) -> None:
    network = random_lpips()
    export_lpips(network, tmp_path / "lpips.onnx", "a test")
    session = Session(tmp_path / "lpips.onnx", device="cpu", threads=1)
    rng = np.random.default_rng(0)
    a, b = (rng.uniform(-1, 1, (2, 3, 80, 112)).astype(np.float32) for _ in range(2))
    with torch.no_grad():
        expected = network(torch.from_numpy(a), torch.from_numpy(b)).numpy()
    assert session.run({"image": a, "truth": b})["distance"] == pytest.approx(expected, rel=5e-3)


def test_the_widths_are_alexnets() -> None:
    shapes = {key: tuple(value.shape) for key, value in random_lpips().state_dict().items()}
    assert shapes["features.0.weight"] == (64, 3, 11, 11)
    assert shapes["features.10.weight"] == (256, 256, 3, 3)
    assert [shapes[f"heads.{index}"][1] for index in range(5)] == list(WIDTHS)
