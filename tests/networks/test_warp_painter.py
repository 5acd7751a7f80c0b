"""The network that paints over deformed references: what an untaught one does, and that light passes."""

from __future__ import annotations

import pytest
import torch

from dubtool.networks.warp_painter import CHANNELS, WarpPainter, painted_over


@pytest.mark.parametrize(("width", "depth"), [(8, 1), (12, 2)])
def test_an_untaught_network_changes_nothing(width: int, depth: int) -> None:
    pictures = torch.rand(2, CHANNELS, 48, 48)
    net = WarpPainter(width, depth).eval()
    with torch.no_grad():
        assert not net(pictures).any()
        assert torch.equal(painted_over(net, pictures), pictures[:, :3])


@pytest.mark.parametrize("side", [8, 40, 160])
def test_any_side_that_eight_divides_will_do(side: int) -> None:
    net = WarpPainter(8)
    torch.nn.init.normal_(net.leave.weight)
    with torch.no_grad():
        change = net(torch.rand(1, CHANNELS, side, side))
    assert change.shape == (1, 3, side, side) and change.std() > 0


def test_every_weight_is_taught_once_the_last_layer_is_awake() -> None:
    net = WarpPainter(8, 2)
    for _ in range(2):
        net.zero_grad()
        pictures = torch.rand(1, CHANNELS, 32, 32)
        (painted_over(net, pictures) - torch.rand(1, 3, 32, 32)).square().mean().backward()
        with torch.no_grad():
            net.leave.weight -= 0.1 * net.leave.weight.grad
    asleep = [name for name, each in net.named_parameters() if each.grad is None or not each.grad.any()]
    assert asleep == []


def test_each_input_is_looked_at() -> None:
    net = WarpPainter(8)
    torch.nn.init.normal_(net.leave.weight)
    pictures = torch.rand(1, CHANNELS, 32, 32, requires_grad=True)
    net(pictures).square().sum().backward()
    assert pictures.grad is not None and (pictures.grad.abs().sum(dim=(0, 2, 3)) > 0).all()
