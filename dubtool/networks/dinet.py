"""DINet: deformation inpainting of the mouth (Zhang et al., AAAI 2023).

The generator is written in two halves that training and export share: `encode_reference` holds all that stays the
same over a video, `generate` all that changes from frame to frame. State dicts of the authors load with
`strict=True` at the default sizes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dubtool.networks.adaat import AdaAT
from dubtool.networks.blocks import ConvBlock, ResBlock
from dubtool.networks.window import Window, apply_within, needed


def crop_size(mouth: int) -> tuple[int, int]:
    """(height, width) of the face crop for a mouth box of `mouth` pixels, a multiple of 32."""
    if mouth <= 0 or mouth % 32:
        raise ValueError(f"a mouth box of {mouth} pixels is not a multiple of 32")
    return 3 * (mouth // 2) + mouth // 8, mouth + mouth // 4


def mouth_window(height: int, width: int) -> Window:
    """The mouth box inside a face crop of this size; ValueError if no mouth box belongs to the size."""
    mouth = width * 4 // 5
    if mouth % 32 or mouth == 0 or crop_size(mouth) != (height, width):
        raise ValueError(f"{width} x {height} is not the crop of any mouth box")
    top, left = mouth // 2, mouth // 8
    return Window(top, top + mouth, left, left + mouth, height, width)


def image_encoder(channels: int, width: int) -> nn.Sequential:
    """[B, channels, H, W] -> [B, 4*width, H/4, W/4]."""
    return nn.Sequential(
        ConvBlock(2, channels, width, 7),
        ConvBlock(2, width, 2 * width, stride=2),
        ConvBlock(2, 2 * width, 4 * width, stride=2),
    )


def _alignment_encoder(width: int) -> nn.Sequential:
    hidden = 2 * width
    return nn.Sequential(
        ConvBlock(2, 8 * width, hidden),
        ConvBlock(2, hidden, hidden, 11),
        ConvBlock(2, hidden, hidden, 11),
        ConvBlock(2, hidden, hidden, stride=2),
        ConvBlock(2, hidden, hidden, 7),
        ConvBlock(2, hidden, hidden, 7),
        ConvBlock(2, hidden, hidden, stride=2),
        ConvBlock(2, hidden, hidden),
        ConvBlock(2, hidden, hidden, stride=2),
        ConvBlock(2, hidden, hidden),
        ConvBlock(2, hidden, hidden, stride=2),
    )


def speech_encoder(channels: int, hidden: int) -> nn.Sequential:
    """[B, channels, steps] -> [B, hidden, about steps/4]."""
    return nn.Sequential(
        ConvBlock(1, channels, hidden, 5),
        ResBlock(1, hidden),
        ConvBlock(1, hidden, hidden, stride=2),
        ResBlock(1, hidden),
        ConvBlock(1, hidden, hidden, stride=2),
        ConvBlock(1, hidden, hidden),
    )


def picture_decoder(width: int) -> nn.Sequential:
    """Features of source and deformed references [B, 8*width, H/4, W/4] -> [B, 3, H, W] in 0..1."""
    hidden = 2 * width
    return nn.Sequential(
        ConvBlock(2, 8 * width, hidden),
        ConvBlock(2, hidden, hidden, up=True),
        ResBlock(2, hidden),
        ConvBlock(2, hidden, hidden, up=True),
        nn.Conv2d(hidden, 3, 7, padding=3),
        nn.Sigmoid(),
    )


class DINet(nn.Module):
    """The generator.

    `width` 64 is the paper's; every channel count scales with it (a multiple of 8). `source_channels` may exceed 3
    to carry drawings beside the masked picture, and `audio_channels` is the size of one step of any conditioning.
    """

    def __init__(
        self, source_channels: int = 3, reference_channels: int = 15, audio_channels: int = 29, width: int = 64
    ) -> None:
        super().__init__()
        if width <= 0 or width % 8:
            raise ValueError(f"width {width} is not a multiple of 8")
        self.width = width
        self.source_channels, self.reference_channels = source_channels, reference_channels
        self.audio_channels = audio_channels
        channels = 4 * width
        self.source_in_conv = image_encoder(source_channels, width)
        self.ref_in_conv = image_encoder(reference_channels, width)
        self.trans_conv = _alignment_encoder(width)
        self.audio_encoder = speech_encoder(audio_channels, 2 * width)
        self.appearance_conv_list = nn.ModuleList(
            nn.Sequential(*(ResBlock(2, channels) for _ in range(4))) for _ in range(2)
        )
        self.adaAT = AdaAT(channels, channels)
        self.out_conv = picture_decoder(width)

    def encode_reference(self, reference: Tensor) -> tuple[Tensor, Tensor]:
        """All that depends on the references alone: [B, 15, H, W], RGB 0..1, five crops stacked on channels.

        Returns the features that AdaAT samples, channels blended [B, 4*width, H/4, W/4], and the references' share
        of the first alignment layer [B, 2*width, H/4, W/4], before its bias.
        """
        features = self.ref_in_conv(reference)
        # A convolution is linear in its input channels: the second half reads the references.
        weight = self._alignment_layer().conv.weight[:, 4 * self.width :]
        alignment = F.conv2d(features, weight, padding=1)
        return self.adaAT.blend(self.appearance_conv_list[0](features)), alignment

    def generate(
        self, source: Tensor, audio: Tensor, features_blended: Tensor, alignment_half: Tensor, mouth_only: bool = False
    ) -> Tensor:
        """One picture per frame.

        source [B, S, H, W]: face crop, RGB 0..1, mouth box 0 (further channels as trained); audio [B, K, steps];
        the other two from `encode_reference`, with batch 1 or B. Returns [B, 3, H, W] in 0..1, or with `mouth_only`
        the mouth box [B, 3, m, m] of the same picture, at a good half of the cost. In training mode `mouth_only`
        differs: the batch statistics are then those of the box and its surroundings.
        """
        source_features = self.source_in_conv(source)
        frame = Window.whole(*source_features.shape[2:])
        code = torch.cat((self._align(source_features, alignment_half), self._encode_audio(audio)), dim=1)

        want = mouth_window(*source.shape[2:]) if mouth_only else frame.doubled().doubled()
        decoded = needed(self.out_conv, want)[0]
        refine = list(self.appearance_conv_list[1].children())
        sampled = needed(refine, decoded)[0]
        deformed = self.adaAT.sample(features_blended, code, sampled)
        deformed = apply_within(refine, deformed, sampled, decoded)
        both = torch.cat((decoded.cut_from(source_features, frame), deformed), dim=1)
        return apply_within(self.out_conv, both, decoded, want)

    def forward(self, source: Tensor, reference: Tensor, audio: Tensor) -> Tensor:
        """source [B, S, H, W], reference [B, 15, H, W], audio [B, K, steps] -> picture [B, 3, H, W] in 0..1."""
        features_blended, alignment_half = self.encode_reference(reference)
        return self.generate(source, audio, features_blended, alignment_half)

    def _alignment_layer(self) -> ConvBlock:
        layer = self.trans_conv[0]
        assert isinstance(layer, ConvBlock)
        return layer

    def _align(self, source_features: Tensor, alignment_half: Tensor) -> Tensor:
        first = self._alignment_layer()
        x = F.conv2d(source_features, first.conv.weight[:, : 4 * self.width], first.conv.bias, padding=1)
        x = first.activate(first.norm(x + alignment_half))
        return self.trans_conv[1:](x).mean(dim=(2, 3))

    def _encode_audio(self, audio: Tensor) -> Tensor:
        return self.audio_encoder(audio).mean(dim=2)
