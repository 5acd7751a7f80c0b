"""LPIPS: a perceptual distance of two pictures (Zhang, Isola, Efros, Shechtman, Wang, CVPR 2018), AlexNet, v0.1."""

from __future__ import annotations

import torch
from torch import Tensor, nn

WIDTHS = (64, 192, 384, 256, 256)
# Places of the five convolutions in torchvision's AlexNet.
_CONVOLUTIONS = (0, 3, 6, 8, 10)


class Lpips(nn.Module):
    """Weighted squared distance of channel-normalised features after each of AlexNet's five convolutions.

    State dict: `features.N.weight|bias` as in torchvision's AlexNet, `heads.I` [1, C, 1, 1].
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.ModuleDict(
            {
                "0": nn.Conv2d(3, 64, 11, stride=4, padding=2),
                "3": nn.Conv2d(64, 192, 5, padding=2),
                "6": nn.Conv2d(192, 384, 3, padding=1),
                "8": nn.Conv2d(384, 256, 3, padding=1),
                "10": nn.Conv2d(256, 256, 3, padding=1),
            }
        )
        self.heads = nn.ParameterList([nn.Parameter(torch.rand(1, width, 1, 1) / width) for width in WIDTHS])
        # ImageNet's mean and deviation for pictures in -1..1, as the published network rounds them.
        self.register_buffer("mean", torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1), persistent=False)

    def forward(self, image: Tensor, truth: Tensor) -> Tensor:
        """Distances [N] of pictures [N, 3, H, W], RGB in -1..1, sides of 64 px or more."""
        distance = torch.zeros(image.shape[0], dtype=image.dtype, device=image.device)
        pairs = zip(self._taps(image), self._taps(truth), self.heads, strict=True)
        for a, b, head in pairs:
            distance = distance + ((a - b) ** 2 * head).sum(dim=1).mean(dim=(1, 2))
        return distance

    def _taps(self, image: Tensor) -> list[Tensor]:
        x = (image - self.mean) / self.deviation
        taps = []
        for place in _CONVOLUTIONS:
            if place in (3, 6):
                x = nn.functional.max_pool2d(x, 3, stride=2)
            x = torch.relu(self.features[str(place)](x))
            taps.append(x / ((x * x).sum(dim=1, keepdim=True).sqrt() + 1e-10))
        return taps
