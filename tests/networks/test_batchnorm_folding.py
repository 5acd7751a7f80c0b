from __future__ import annotations

from typing import ClassVar

import pytest
import torch
from random_network import settled
from torch import nn

from dubtool.networks.batchnorm_folding import fold_batch_norm
from dubtool.networks.blocks import ConvBlock, ResBlock


def norms(network: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d) for module in network.modules())


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_folding_keeps_the_output_and_removes_the_norms(dims: int) -> None:
    network = settled(
        nn.Sequential(ConvBlock(dims, 3, 8, stride=2), ResBlock(dims, 8, 6), ConvBlock(dims, 6, 4, up=True))
    )
    x = torch.randn(2, 3, *[8] * dims)
    folded = fold_batch_norm(network)
    torch.testing.assert_close(folded(x), network(x), rtol=0, atol=1e-5)
    # A norm in front of a ReLU in front of its convolution cannot be folded.
    assert (norms(network), norms(folded)) == (4, 1)


def test_a_wrong_pair_is_refused() -> None:
    class Wrong(nn.Module):
        foldable: ClassVar = (("conv", "conv"),)

        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 1)

    with pytest.raises(TypeError, match="not a convolution and a batch norm"):
        fold_batch_norm(Wrong())
