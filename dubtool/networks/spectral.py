"""A spectrally normalised convolution (Miyato et al., ICLR 2018), with the state-dict names of torch's hook."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

AnyModule = TypeVar("AnyModule", bound=nn.Module)

_EPS = 1e-12


class SpectralConv2d(nn.Module):
    """A size-keeping convolution whose kernel, viewed as a matrix, is divided by its largest singular value.

    The singular vectors are kept as `weight_u` and `weight_v`; each forward in training mode refines them by one step
    of the power iteration, evaluation takes them as they are.
    """

    weight_u: Tensor
    weight_v: Tensor

    def __init__(self, in_channels: int, out_channels: int, kernel: int = 3, *, bias: bool = True) -> None:
        super().__init__()
        plain = nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, bias=bias)
        self.padding = kernel // 2
        self.weight_orig = plain.weight
        self.bias = plain.bias
        matrix = plain.weight.detach().flatten(1)
        self.register_buffer("weight_u", F.normalize(torch.randn(matrix.shape[0]), dim=0, eps=_EPS))
        self.register_buffer("weight_v", F.normalize(torch.randn(matrix.shape[1]), dim=0, eps=_EPS))

    def weight(self) -> Tensor:
        """The normalised kernel."""
        matrix = self.weight_orig.flatten(1)
        if self.training:
            with torch.no_grad():
                self.weight_v.copy_(F.normalize(_product(matrix.T, self.weight_u), dim=0, eps=_EPS))
                self.weight_u.copy_(F.normalize(_product(matrix, self.weight_v), dim=0, eps=_EPS))
        # Clones, since the next forward overwrites the buffers before this one's gradient may have been taken.
        return self.weight_orig / (self.weight_u.clone() * _product(matrix, self.weight_v.clone())).sum()

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight(), self.bias, padding=self.padding)


def _product(matrix: Tensor, vector: Tensor) -> Tensor:
    """Their product, written so that autocast leaves it in single precision."""
    return (matrix * vector).sum(dim=1)


def bake_spectral_norm(network: AnyModule) -> AnyModule:
    """A copy of `network` for inference (evaluation mode), whose spectrally normalised convolutions are plain ones."""
    baked = copy.deepcopy(network).eval()
    for name, module in list(baked.named_modules()):
        if isinstance(module, SpectralConv2d):
            weight = module.weight().detach()
            plain = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2], padding=module.padding)
            plain.weight, plain.bias = nn.Parameter(weight), module.bias
            baked.set_submodule(name, plain)
    return baked
