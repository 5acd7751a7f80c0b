from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from restorer_stub import SIDE, write_graphs

from dubtool.errors import WeightsError
from dubtool.models.registry import open_restorer


@pytest.fixture
def graphs(tmp_path: Path) -> tuple[Path, Path]:
    return write_graphs(tmp_path, "stub")


def _crops(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)


def test_colours_come_back_in_their_order(graphs: tuple[Path, Path]) -> None:
    restorer = open_restorer(*graphs, device="cpu")
    crops, lips = _crops(3), np.full((3, 20, 2), 48.0)
    assert (restorer.side, restorer.device) == (SIDE, "cpu")
    features = restorer.encode(crops)
    assert features.shape == (3, 3, SIDE, SIDE)
    # The network itself is given blue first.
    np.testing.assert_allclose(features[:, 2], crops[..., 0] / 255, atol=1e-6)
    np.testing.assert_allclose(restorer.restore(crops, lips, features), 255.0 - crops, atol=1e-3)


def test_one_reference_serves_all(graphs: tuple[Path, Path]) -> None:
    restorer = open_restorer(*graphs, device="cpu")
    crops, lips = _crops(2), np.full((2, 20, 2), 48.0)
    made = restorer.restore(crops, lips, restorer.encode(crops[:1]))
    np.testing.assert_allclose(made, 255.0 - crops[[0, 0]], atol=1e-3)


def test_a_network_that_corrects_is_given_the_crop(tmp_path: Path) -> None:
    restorer = open_restorer(*write_graphs(tmp_path, "stub", corrects=True), device="cpu")
    crops, lips = _crops(2), np.full((2, 20, 2), 48.0)
    assert restorer.corrects
    np.testing.assert_allclose(restorer.restore(crops, lips, restorer.encode(crops)), crops, atol=1e-3)


def test_other_networks_are_refused(graphs: tuple[Path, Path]) -> None:
    once, frame = graphs
    with pytest.raises(WeightsError, match=r"stub_once\.onnx: does not restore teeth"):
        open_restorer(frame, once, device="cpu")
