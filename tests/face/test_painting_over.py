"""The painter over deformed references at work on its graph, and what it says to files that are something else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dubtool.engine.session import Session
from dubtool.errors import WeightsError
from dubtool.face.painting_over import mouth_box, painter_input, shrunken_into
from dubtool.models.registry import open_warp_painter
from dubtool.weights.locate import find

torch = pytest.importorskip("torch")
SIDE = 48


@pytest.fixture(scope="module")
def network():  # type: ignore[no-untyped-def]
    """One that changes something."""
    from dubtool.networks import warp_painter

    torch.manual_seed(3)
    net = warp_painter.WarpPainter(8)
    torch.nn.init.normal_(net.leave.weight, std=0.05)
    return net.eval()


@pytest.fixture(scope="module")
def graph(network, tmp_path_factory: pytest.TempPathFactory) -> Path:  # type: ignore[no-untyped-def]
    from dubtool.export.warp_painter import export_warp_painter

    path = tmp_path_factory.mktemp("painter") / "painter.onnx"
    export_warp_painter(network, path, side=SIDE, descriptor={"steps": 7})
    return path


@pytest.mark.parametrize("batch", [1, 3])
def test_the_graph_paints_what_the_network_paints(batch: int, network, graph: Path) -> None:  # type: ignore[no-untyped-def]
    pictures = torch.rand(batch, 13, SIDE, SIDE, generator=torch.Generator().manual_seed(batch))
    with torch.no_grad():
        wanted = 255 * network(pictures).permute(0, 2, 3, 1).numpy()
    painter = open_warp_painter(graph, device="cpu", threads=1)
    changes = painter.changes(pictures.numpy())
    assert painter.side == SIDE
    assert changes.shape == (batch, SIDE, SIDE, 3) and np.abs(wanted).max() > 20
    # The weights are stored in half precision.
    np.testing.assert_allclose(changes, wanted, atol=0.3)


def test_the_graph_says_what_it_is(graph: Path) -> None:
    told = Session(graph, "cpu", threads=1).metadata
    assert (told["network"], told["side"], told["width"], told["steps"]) == ("warp-painter", SIDE, 8, 7)


def test_other_files_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no painter over references"):
        open_warp_painter(find("lpips"), device="cpu")
    (tmp_path / "torn.onnx").write_bytes(b"no graph")
    with pytest.raises(WeightsError, match=r"torn\.onnx"):
        open_warp_painter(tmp_path / "torn.onnx", device="cpu")


def _given(mask: np.ndarray) -> np.ndarray:
    side = len(mask)
    one, other, source = (np.full((side, side, 3), value, np.float32) for value in (300.0, -20.0, 102.0))
    angle = np.linspace(0, 2 * np.pi, 55, endpoint=False)
    mouth = np.stack([0.4 * np.cos(angle), 1.0 + 0.2 * np.sin(angle)], axis=1)
    return painter_input(one, other, source, mask, mouth)


def test_the_network_never_sees_what_it_is_to_make() -> None:
    mask = np.zeros((SIDE, SIDE), np.float32)
    mask[20:40, 10:30] = 0.5
    given = _given(mask)
    assert given.shape == (13, SIDE, SIDE) and given.dtype == np.float32
    assert (given.min(), given.max()) == (0.0, 1.0), "overshoots are cut off"
    assert (given[:3] == 1).all() and (given[3:6] == 0).all()
    assert (given[6:9, mask > 0] == 0).all() and np.allclose(given[6:9, mask == 0], 0.4)
    # The drawing lies where the mouth does: x 0 is the middle, y 0 the top, one radius is half a side.
    rows, columns = np.nonzero(given[9:12].any(axis=0))
    assert abs(columns.mean() - (SIDE / 2 - 0.5)) < 1.5 and 0.6 * SIDE / 2 < rows.mean() < 1.4 * SIDE / 2
    np.testing.assert_array_equal(given[12], mask)


@pytest.mark.parametrize("radius", [8.0, 60.0, 200.0])
def test_a_mouth_box_shows_the_same_whatever_the_size_of_the_face(radius: float) -> None:
    """A round spot of 0.3 radii around (0.2, 1.1) of the unit crop, in pictures of any size."""
    size = round(3 * radius)
    to_unit = np.array([[1 / radius, 0, -1.5], [0, 1 / radius, -0.4]])
    x, y = np.meshgrid(np.arange(size) / radius - 1.5, np.arange(size) / radius - 0.4)
    sharp = np.clip((0.3 - np.hypot(x - 0.2, y - 1.1)) * radius + 0.5, 0, 1)
    picture = np.repeat(200 * sharp[..., None], 3, axis=2).astype(np.float32)
    shown = shrunken_into(picture, mouth_box(to_unit, SIDE), SIDE)
    assert shown.shape == (SIDE, SIDE, 3)
    weight = shown[..., 0] / shown[..., 0].sum()
    rows, columns = np.indices(weight.shape)
    assert (weight * columns).sum() == pytest.approx(SIDE / 2 - 0.5 + 0.2 * SIDE / 2, abs=0.15)
    assert (weight * rows).sum() == pytest.approx(1.1 * SIDE / 2 - 0.5, abs=0.15)
    area = shown[..., 0].sum() / 200 / (SIDE / 2) ** 2
    assert area == pytest.approx(np.pi * 0.3**2, rel=0.08)


def test_shrinking_makes_no_stripes_of_what_is_too_fine_to_be_seen() -> None:
    radius = 100.3
    picture = np.zeros((300, 300, 3), np.float32)
    picture[:, ::4] = picture[:, 1::4] = 200
    to_unit = np.array([[1 / radius, 0, -1.5], [0, 1 / radius, -0.4]])
    assert shrunken_into(picture, mouth_box(to_unit, SIDE), SIDE).std() < 20
