"""HDTR-Net: real-time high-definition teeth restoration (Li et al., PRCV 2023).

Submodule names are those of the authors' checkpoint, which loads with `strict=True` at the default width.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dubtool.networks.hdtr_detail import DeepDetailHead, DetailHead
from dubtool.networks.hdtr_fgff import FeatureFusion


class _QuarterSize(nn.Sequential):
    """Two strided convolutions, each after its batch norm and ReLU."""

    foldable: ClassVar[tuple[tuple[str, str], ...]] = (("2", "3"),)

    def __init__(self, channels: int) -> None:
        super().__init__(
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, stride=2, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, stride=2, padding=1),
        )


class _Encoder(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.mask_model = FeatureFusion(6, width)
        self.ref_model = FeatureFusion(3, width)
        self.m_conv1 = _QuarterSize(4 * width)
        # In the checkpoint, but read by nobody: the authors send both branches through m_conv1.
        self.m_conv2 = _QuarterSize(4 * width)

    def mouth(self, mask: Tensor, contour: Tensor) -> Tensor:
        return self.m_conv1(self.mask_model(torch.cat((mask, contour), dim=1)))

    def reference(self, reference: Tensor) -> Tensor:
        return self.m_conv1(self.ref_model(reference))


class _ConvolutionStack(nn.Module):
    """`count` layers of convolution, batch norm and ReLU, then twice the size."""

    def __init__(self, block: int, in_channels: int, out_channels: int, count: int) -> None:
        super().__init__()
        self.foldable = tuple((f"conv{block}_{i}", f"conv{block}_{i}_bn") for i in range(count))
        for i, (conv, norm) in enumerate(self.foldable):
            self.add_module(conv, nn.Conv2d(in_channels if i == 0 else out_channels, out_channels, 3, padding=1))
            self.add_module(norm, nn.BatchNorm2d(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        for conv, norm in self.foldable:
            x = F.relu(self.get_submodule(norm)(self.get_submodule(conv)(x)))
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class _Decoder(nn.Module):
    foldable: ClassVar[tuple[tuple[str, str], ...]] = (
        ("deconv1_1_new", "deconv1_1_bn"),
        ("conv4_1", "conv4_1_bn"),
    )

    def __init__(self, width: int) -> None:
        super().__init__()
        self.deconv1_1_new = nn.ConvTranspose2d(8 * width, 8 * width, 3, padding=1)
        self.deconv1_1_bn = nn.BatchNorm2d(8 * width)
        self.convblock1 = _ConvolutionStack(1, 8 * width, 4 * width, 2)
        self.convblock2 = _ConvolutionStack(2, 4 * width, 2 * width, 3)
        self.convblock3 = _ConvolutionStack(3, 2 * width, width, 4)
        self.conv4_1 = nn.ConvTranspose2d(width, width // 2, 3, padding=1)
        self.conv4_1_bn = nn.BatchNorm2d(width // 2)
        self.conv4_2 = nn.ConvTranspose2d(width // 2, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.deconv1_1_bn(self.deconv1_1_new(x)))
        x = self.convblock3(self.convblock2(self.convblock1(x)))
        x = F.relu(self.conv4_1_bn(self.conv4_1(x)))
        return (torch.tanh(self.conv4_2(x)) + 1) / 2


class HDTRNet(nn.Module):
    """Redraws a blurred mouth. `width` 64 is the paper's (a multiple of 8); every channel count scales with it.

    Pictures are **BGR**, 0..1, [B, 3, S, S] with S a multiple of 8 * shrink (96 in the paper). `detail` is the width of
    a `DetailHead`, or where `deep` of a `DeepDetailHead`, which the authors' network does not have: 0. shrink: by how
    much the mouth is drawn smaller than the crops are; more than 1 needs `detail`.
    """

    def __init__(self, width: int = 64, detail: int = 0, *, deep: bool = False, shrink: int = 1) -> None:
        super().__init__()
        if width <= 0 or width % 8:
            raise ValueError(f"width {width} is not a multiple of 8")
        self.width = width
        self.encoder = _Encoder(width)
        self.decoder = _Decoder(width)
        if shrink > 1 and not detail:
            raise ValueError("what is drawn smaller than the crop cannot replace it")
        self.shrink = shrink
        self.detail = (DeepDetailHead if deep else DetailHead)(detail) if detail else None

    def encode_mouth(self, mouth_mask: Tensor, mouth_contour: Tensor) -> Tensor:
        """The frame's own branch -> [B, 4*width, s, s], s = S / 8 / shrink."""
        return self.encoder.mouth(self._shrunken(mouth_mask), self._shrunken(mouth_contour))

    def encode_reference(self, reference: Tensor) -> Tensor:
        """The reference branch -> [B, 4*width, s, s]; once, if one reference serves many frames."""
        return self.encoder.reference(self._shrunken(reference))

    def decode(self, mouth: Tensor, reference: Tensor) -> Tensor:
        """The two encoded branches -> restored mouth [B, 3, S, S] in 0..1."""
        drawn = self.decoder(torch.cat((mouth, reference), dim=1))
        return drawn if self.shrink == 1 else F.interpolate(drawn, scale_factor=float(self.shrink), mode="bilinear")

    def correct(self, drawn: Tensor, crop: Tensor) -> Tensor:
        """The frame's own crop [B, 3, S, S], corrected by the mouth that was drawn; needs `detail`."""
        assert self.detail is not None
        return self.detail(drawn, crop)

    def forward(self, mouth_mask: Tensor, mouth_contour: Tensor, reference: Tensor) -> Tensor:
        """The mouth with the lips' polygon black, the drawn contour, and the reference -> [B, 3, S, S] in 0..1."""
        return self.decode(self.encode_mouth(mouth_mask, mouth_contour), self.encode_reference(reference))

    def _shrunken(self, picture: Tensor) -> Tensor:
        return picture if self.shrink == 1 else F.avg_pool2d(picture, self.shrink)
