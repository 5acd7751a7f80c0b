"""Volumes sampled in two dimensions give what torch samples in three, inside, on the edges and outside."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from dubtool.networks.volume import sample_volume


def drawn(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float64).to(dtype)


@pytest.mark.parametrize(("dtype", "most"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
@pytest.mark.parametrize("depth", [1, 2, 5])
def test_inside_on_the_edges_and_outside(depth: int, dtype: torch.dtype, most: float) -> None:
    volume = drawn(2, 3, depth, 6, 8, dtype=dtype) - 0.5
    # A third of the numbers lies outside, some of them by more than a whole volume.
    grid = 6 * drawn(2, 4, 7, 5, 3, dtype=dtype) - 3
    grid[:, :, 3:] /= 2.5
    torch.testing.assert_close(
        sample_volume(volume, grid), F.grid_sample(volume, grid, align_corners=False), rtol=0, atol=most
    )


def test_just_around_every_border() -> None:
    volume = drawn(1, 2, 3, 4, 5, dtype=torch.float64)
    steps = torch.tensor([-5.0, -1.5, -1.01, -1, -0.99, -0.8, 0, 0.8, 0.99, 1, 1.01, 1.5, 5], dtype=torch.float64)
    grid = torch.cartesian_prod(steps, steps, steps).view(1, 13, 13, 13, 3)
    torch.testing.assert_close(
        sample_volume(volume, grid), F.grid_sample(volume, grid, align_corners=False), rtol=0, atol=1e-12
    )


def test_at_the_size_of_the_published_network() -> None:
    volume, grid = drawn(1, 4, 16, 64, 64), 2.6 * drawn(1, 16, 64, 64, 3) - 1.3
    difference = sample_volume(volume, grid) - F.grid_sample(volume, grid, align_corners=False)
    # Single precision places a row of a column of 1040 to some millionths of the column.
    assert difference.abs().max() < 1e-4 and difference.abs().mean() < 1e-5


def test_the_gradient_is_that_of_torch() -> None:
    volume, grid = drawn(1, 2, 3, 6, 8, dtype=torch.float64), 3 * drawn(1, 2, 5, 5, 3, dtype=torch.float64) - 1.5
    found = []
    for sample in (sample_volume, lambda *given: F.grid_sample(*given, align_corners=False)):
        leaves = volume.clone().requires_grad_(), grid.clone().requires_grad_()
        sample(*leaves).square().sum().backward()
        found.append([leaf.grad for leaf in leaves])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-9)
