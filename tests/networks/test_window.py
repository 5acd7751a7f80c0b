from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_network import settled
from torch import nn

from dubtool.networks.blocks import ConvBlock, ResBlock
from dubtool.networks.window import Window, apply_within, needed


@settings(max_examples=25, deadline=None)
@given(top=st.integers(0, 39), left=st.integers(0, 27), height=st.integers(1, 12), width=st.integers(1, 12))
def test_any_window_of_the_result_is_exact(top: int, left: int, height: int, width: int) -> None:
    """Borders included: near the frame's edge the true zero padding must be used, elsewhere none may leak in."""
    layers = settled(
        nn.Sequential(
            ConvBlock(2, 3, 4, 5), ConvBlock(2, 4, 4, up=True), ResBlock(2, 4), ConvBlock(2, 4, 4, up=True),
            nn.Conv2d(4, 2, 7, padding=3), nn.Sigmoid(),
        )
    )  # fmt: skip
    x = torch.randn(1, 3, 10, 7)
    want = Window(top, min(top + height, 40), left, min(left + width, 28), 40, 28)
    with torch.no_grad():
        whole = layers(x)
        part = apply_within(layers, x, Window.whole(10, 7), want)
    torch.testing.assert_close(part, whole[:, :, want.top : want.bottom, want.left : want.right], rtol=0, atol=1e-6)


def test_the_reach_is_no_larger_than_the_layers_need() -> None:
    layers = [ResBlock(2, 2), ConvBlock(2, 2, 2, up=True)]
    wanted = Window(40, 42, 40, 42, 100, 100)
    assert needed(layers, wanted) == [
        Window(17, 24, 17, 24, 50, 50),
        Window(19, 22, 19, 22, 50, 50),
        wanted,
    ]


def test_a_layer_of_unknown_reach_is_refused() -> None:
    with pytest.raises(TypeError, match="AvgPool2d"):
        needed([nn.AvgPool2d(2)], Window.whole(4, 4))
