from __future__ import annotations

import pytest
import torch
from random_network import settled
from torch import Tensor
from torch.nn import functional as F

from dubtool.networks.adaat import AdaAT
from dubtool.networks.window import Window


def volume_reference(adaat: AdaAT, features: Tensor, code: Tensor) -> Tensor:
    """The published formulation, point by point: one 3-D grid_sample over [C, H, W] volumes."""
    batch, channels, height, width = features.shape
    common = adaat.commn_linear(code)
    scale, angle = 2 * adaat.scale(common), 3.14159 * adaat.rotation(common)
    shift = adaat.translation(common).view(batch, channels, 2)
    grid = torch.zeros(batch, channels, height, width, 3)
    for b in range(batch):
        for c in range(channels):
            turn = torch.stack((angle[b, c].cos(), -angle[b, c].sin(), angle[b, c].sin(), angle[b, c].cos()))
            matrix = scale[b, c] * turn.view(2, 2)
            for row in range(height):
                for column in range(width):
                    point = torch.tensor([2 * column / (width - 1) - 1, 2 * row / (height - 1) - 1])
                    grid[b, c, row, column, :2] = matrix @ point + shift[b, c]
                    grid[b, c, row, column, 2] = 2 * c / (channels - 1) - 1
    sampled = F.grid_sample(features[:, None], grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return sampled[:, 0]


@pytest.mark.parametrize("channels", [8, 9])
def test_equals_the_volume_sampling_of_the_paper(channels: int) -> None:
    adaat = settled(AdaAT(6, channels))
    features, code = torch.randn(2, channels, 5, 4), 3 * torch.randn(2, 6)
    torch.testing.assert_close(adaat(features, code), volume_reference(adaat, features, code), rtol=0, atol=1e-5)


def test_a_window_holds_the_same_numbers_as_the_whole_map() -> None:
    adaat = settled(AdaAT(6, 8))
    blended, code = adaat.blend(torch.randn(1, 8, 13, 10)), torch.randn(3, 6)
    part = adaat.sample(blended, code, Window(2, 11, 0, 7, 13, 10))
    torch.testing.assert_close(part, adaat.sample(blended, code)[:, :, 2:11, 0:7], rtol=0, atol=1e-6)


def test_one_set_of_features_serves_a_batch_of_codes() -> None:
    adaat = settled(AdaAT(6, 8))
    features, code = torch.randn(1, 8, 6, 6), torch.randn(3, 6)
    torch.testing.assert_close(
        adaat.sample(adaat.blend(features), code), adaat(features.expand(3, -1, -1, -1), code), rtol=0, atol=1e-6
    )
