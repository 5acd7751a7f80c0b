from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from random_network import settled
from torch import nn

from dubtool.engine.session import Session
from dubtool.export.dinet import export_dinet
from dubtool.networks import DINet
from dubtool.networks.dinet import crop_size
from dubtool.networks.quick_convolution import FourierConvolution, WinogradConvolution, with_quick_convolutions


@pytest.mark.parametrize(("height", "width"), [(24, 31), (12, 8), (7, 40)])
@pytest.mark.parametrize(
    ("size", "kind"), [(11, FourierConvolution), (7, FourierConvolution), (3, WinogradConvolution)]
)
def test_the_numbers_are_the_same(size: int, kind: type[nn.Module], height: int, width: int) -> None:
    """Of sizes that are whole tiles, and that are not; of pictures smaller than one."""
    torch.manual_seed(size)
    plain = nn.Conv2d(5, 4, size, padding=size // 2)
    x = torch.randn(2, 5, height, width)
    torch.testing.assert_close(kind(plain)(x), plain(x), rtol=0, atol=2e-5)


def test_what_gains_nothing_stays() -> None:
    few, strided, wide = (
        nn.Conv2d(16, 16, 3, padding=1), nn.Conv2d(128, 128, 3, 2, padding=1), nn.Conv2d(128, 128, 5, padding=2)
    )  # fmt: skip
    bare, large, small = nn.Conv2d(128, 128, 3), nn.Conv2d(128, 128, 7, padding=3), nn.Conv2d(128, 128, 3, padding=1)
    layers = nn.Sequential(few, strided, nn.Sequential(wide, bare), large, small)
    with_quick_convolutions(layers)
    assert [layers[0], layers[1], *layers[2]] == [few, strided, wide, bare]
    assert isinstance(layers[3], FourierConvolution) and isinstance(layers[4], WinogradConvolution)


def test_a_graph_of_them_is_no_larger_and_draws_the_same(tmp_path: Path) -> None:
    network, paths = settled(DINet(width=64)), [tmp_path / f"{name}.onnx" for name in ("once", "plain", "quick")]
    export_dinet(network, paths[0], paths[1], mouth=32, descriptor={}, half_storage=False, on_cpu=paths[2])
    plain, quick = (Session(path, "cpu", threads=1) for path in paths[1:])
    rng = np.random.default_rng(0)
    height, width = crop_size(32)
    feeds = {
        name: rng.random((2, 3, height, width) if name == "source" else (2, 29, 5) if name == "audio" else shape)
        for name, shape in plain.shapes.items()
    }
    feeds = {name: values.astype(np.float32) for name, values in feeds.items()}
    pictures = [session.run(feeds)["mouth"] for session in (plain, quick)]
    np.testing.assert_allclose(*pictures, rtol=0, atol=1e-4)
    assert paths[2].stat().st_size < 1.02 * paths[1].stat().st_size
    kinds = [[node.op_type for node in onnx.load(path).graph.node].count("Conv") for path in paths[1:]]
    # Seven large kernels have gone; those of 3x3 still have one convolution each, of their tiles.
    assert kinds[1] < kinds[0]
