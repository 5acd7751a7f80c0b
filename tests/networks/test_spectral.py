from __future__ import annotations

import torch

from dubtool.networks.spectral import SpectralConv2d


def test_training_steps_bring_the_largest_singular_value_to_one() -> None:
    layer = SpectralConv2d(6, 5).train()
    x = torch.rand(1, 6, 4, 4)
    for _ in range(60):
        layer(x)
    layer.eval()
    largest = torch.linalg.matrix_norm(layer.weight().flatten(1), ord=2)
    torch.testing.assert_close(largest, torch.tensor(1.0), rtol=1e-3, atol=0)


def test_evaluation_leaves_the_vectors_alone() -> None:
    layer = SpectralConv2d(3, 4).eval()
    before = layer.weight_u.clone()
    layer(torch.rand(1, 3, 4, 4))
    assert torch.equal(layer.weight_u, before)


def test_two_forwards_before_one_backward() -> None:
    layer = SpectralConv2d(3, 4).train()
    x = torch.rand(1, 3, 4, 4)
    (layer(x) + layer(x)).sum().backward()
    assert layer.weight_orig.grad is not None
