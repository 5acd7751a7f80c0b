from __future__ import annotations

import pytest
import torch
from random_network import settled
from torch import nn

from dubtool.networks import DINet
from dubtool.networks.batchnorm_folding import fold_batch_norm
from dubtool.networks.blocks import ConvBlock
from dubtool.networks.dinet import crop_size
from dubtool.networks.polyphase import PolyphaseTail, with_polyphase_tail
from dubtool.networks.window import Window, needed


def layers() -> tuple[ConvBlock, nn.Conv2d]:
    return ConvBlock(2, 6, 5, up=True, norm=False), nn.Conv2d(5, 3, 7, padding=3)


def test_tail_equals_the_two_layers_away_from_the_border() -> None:
    up, last = layers()
    x = torch.randn(2, 6, 9, 12)
    torch.testing.assert_close(PolyphaseTail(up, last)(x), last(up(x))[:, :, 4:-4, 4:-4], rtol=0, atol=1e-5)


@pytest.mark.parametrize("mouth", [32, 64, 96])
def test_dinet_draws_the_same_mouth_with_it(mouth: int) -> None:
    net = fold_batch_norm(settled(DINet(width=8)))
    height, width = crop_size(mouth)
    source, audio = torch.rand(2, 3, height, width), torch.randn(2, 29, 5)
    with torch.no_grad():
        encoded = net.encode_reference(torch.rand(1, 15, height, width))
        before = net.generate(source, audio, *encoded, mouth_only=True)
        net.out_conv = with_polyphase_tail(net.out_conv)
        after = net.generate(source, audio, *encoded, mouth_only=True)
    torch.testing.assert_close(after, before, rtol=0, atol=1e-5)


def test_a_window_at_the_border_is_refused() -> None:
    tail = PolyphaseTail(*layers())
    assert needed([tail], Window(4, 36, 4, 36, 40, 40))[0] == Window(0, 20, 0, 20, 20, 20)
    with pytest.raises(ValueError, match="too close"):
        needed([tail], Window(2, 36, 4, 36, 40, 40))


def test_other_layers_are_refused() -> None:
    up, last = layers()
    with pytest.raises(TypeError, match="not a folded"):
        PolyphaseTail(ConvBlock(2, 6, 5, norm=False), last)
    with pytest.raises(TypeError, match="not a picture decoder"):
        with_polyphase_tail(nn.Sequential(up, nn.ReLU(), last))
