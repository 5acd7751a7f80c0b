"""Batch norms of a trained network folded into the convolutions before them."""

from __future__ import annotations

import copy
from typing import TypeVar

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.utils.fusion import fuse_conv_bn_weights

AnyModule = TypeVar("AnyModule", bound=nn.Module)


def fold_batch_norm(network: AnyModule) -> AnyModule:
    """A copy of `network` for inference (evaluation mode), with the same outputs and fewer layers.

    Modules name their pairs in `foldable`: (convolution, the batch norm that alone reads its output).
    """
    folded = copy.deepcopy(network).eval()
    for module in list(folded.modules()):
        for conv_name, norm_name in getattr(module, "foldable", ()):
            _fold(module, conv_name, norm_name)
    return folded


def _fold(owner: nn.Module, conv_name: str, norm_name: str) -> None:
    conv, norm = owner.get_submodule(conv_name), owner.get_submodule(norm_name)
    if isinstance(norm, nn.Identity):
        return
    if not isinstance(conv, _ConvNd) or not isinstance(norm, _BatchNorm):
        raise TypeError(f"{conv_name} and {norm_name} are not a convolution and a batch norm")
    if norm.running_mean is None or norm.running_var is None:
        raise TypeError(f"{norm_name} has no running statistics")
    conv.weight, conv.bias = fuse_conv_bn_weights(
        conv.weight,
        conv.bias,
        norm.running_mean,
        norm.running_var,
        norm.eps,
        norm.weight,
        norm.bias,
        transpose=isinstance(conv, _ConvTransposeNd),
    )
    owner.set_submodule(norm_name, nn.Identity())
