"""Perception loss on VGG-19 features (Johnson et al. 2016; weights 10 at full and half scale in DINet)."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from dubtool.errors import WeightsError

# Convolution widths between max pools, of which the first of each block is compared.
_BLOCKS = ((64, 64), (128, 128), (256, 256, 256, 256), (512, 512, 512, 512), (512,))


class Vgg19(nn.Module):
    """VGG-19 up to conv5_1: RGB 0..1 [B, 3, H, W] to the features after conv1_1, 2_1, 3_1, 4_1 and 5_1 (ReLU).

    The file holds plain convolution weights in order, the first a 1x1 that subtracts the mean; 3x3 convolutions pad by
    reflection.

    Raises:
        WeightsError: the file is missing, or holds something else.
    """

    def __init__(self, weights: Path, depth: int = 5) -> None:
        super().__init__()
        try:
            stored = load_file(weights)
            numbers = sorted({int(name.split(".")[0]) for name in stored})
        except (OSError, SafetensorError, ValueError) as error:
            raise WeightsError(f"{weights}: not a readable VGG-19 file; see 'dubtool train generator -h'") from error
        wanted = 1 + sum(len(block) for block in _BLOCKS[:depth])
        self.convolutions = nn.ModuleList()
        for number in numbers[:wanted]:
            weight, bias = stored[f"{number}.weight"].float(), stored[f"{number}.bias"].float()
            layer = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2])
            layer.load_state_dict({"weight": weight, "bias": bias})
            self.convolutions.append(layer)
        self.depth = depth
        self.requires_grad_(False).eval()

    def forward(self, x: Tensor) -> list[Tensor]:
        layers = iter(self.convolutions)
        x = next(layers)(x)
        features = []
        for number, block in enumerate(_BLOCKS[: self.depth]):
            if number:
                x = F.max_pool2d(x, 2)
            for position in range(len(block)):
                x = F.relu(next(layers)(F.pad(x, (1, 1, 1, 1), mode="reflect")))
                if position == 0:
                    features.append(x)
                    if number == self.depth - 1:
                        return features
        return features


def perception_loss(vgg: Vgg19, made: Tensor, true: Tensor, scales: int = 2) -> Tensor:
    """Mean absolute difference of VGG-19 features, summed over depths, averaged over `scales` halvings.

    made, true: [B, 3, H, W] RGB 0..1.
    """
    total = made.new_zeros(())
    for scale in range(scales):
        if scale:
            made, true = F.avg_pool2d(made, 2), F.avg_pool2d(true, 2)
        with torch.no_grad():
            wanted = vgg(true)
        for got, want in zip(vgg(made), wanted, strict=True):
            total = total + (got - want).abs().mean()
    return total / scales
