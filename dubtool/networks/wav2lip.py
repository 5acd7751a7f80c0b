"""Wav2Lip's generator (Prajwal et al., "A Lip Sync Expert Is All You Need for Speech to Lip Generation In the Wild",
ACM Multimedia 2020).

Written from the paper and public descriptions of its layer table. A face whose lower half is blanked goes in beside a
picture of the same person; the code of a window of speech is widened, step by step, into the whole face, and at every
size meets what the face encoder saw there. Submodule names are those of the published checkpoints.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIDE = 96
MEL_BANDS, MEL_STEPS = 80, 16

# Widths in units of the first layer's, and how many residual blocks follow the layer that brings them about.
_FACE = ((2, 2), (4, 3), (8, 2), (16, 2), (32, 1))
_DECODER = ((32, 1), (32, 2), (24, 2), (16, 2), (8, 2), (4, 2))
_SPEECH: tuple[tuple[int, int, int | tuple[int, int]], ...] = ((2, 2, 1), (4, 2, (3, 1)), (8, 2, 3), (16, 1, (3, 2)))
_CODE = 32


class _Block(nn.Module):
    """Convolution - batch norm - [+ input] - ReLU. up: the convolution is transposed."""

    foldable: ClassVar[tuple[tuple[str, str], ...]] = (("conv_block.0", "conv_block.1"),)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int = 3,
        stride: int | tuple[int, int] = 1,
        padding: int = 1,
        *,
        residual: bool = False,
        up: bool = False,
    ) -> None:
        super().__init__()
        convolution: nn.Module
        if up:
            # Doubles the size; without a stride it makes 3 x 3 of one value.
            more = 1 if stride == 2 else 0
            convolution = nn.ConvTranspose2d(in_channels, out_channels, kernel, stride, padding, more)
        else:
            convolution = nn.Conv2d(in_channels, out_channels, kernel, stride, padding)
        self.conv_block = nn.Sequential(convolution, nn.BatchNorm2d(out_channels))
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        made = self.conv_block(x)
        return F.relu(made + x if self.residual else made)


class Wav2Lip(nn.Module):
    """Draws a face that says what is heard. width: channels of the first layer; 16 is the paper's."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.width = width
        faces = [nn.Sequential(_Block(6, width, 7, padding=3))]
        channels = width
        for wide, count in _FACE:
            faces.append(nn.Sequential(_Block(channels, wide * width, stride=2), *_residuals(wide * width, count)))
            channels = wide * width
        faces.append(_to_code(channels, _CODE * width))
        self.face_encoder_blocks = nn.ModuleList(faces)

        layers: list[nn.Module] = []
        channels = 1
        for wide, count, stride in _SPEECH:
            layers += [_Block(channels, wide * width, stride=stride), *_residuals(wide * width, count)]
            channels = wide * width
        self.audio_encoder = nn.Sequential(*layers, *_to_code(channels, _CODE * width))

        code = _CODE * width
        drawn = [nn.Sequential(_Block(code, code, 1, padding=0))]
        channels = code
        seen = [code, *(wide * width for wide, _ in reversed(_FACE)), width]
        for number, (wide, count) in enumerate(_DECODER):
            stride, padding = (2, 1) if number else (1, 0)
            widened = _Block(channels + seen[number], wide * width, stride=stride, padding=padding, up=True)
            drawn.append(nn.Sequential(widened, *_residuals(wide * width, count)))
            channels = wide * width
        self.face_decoder_blocks = nn.ModuleList(drawn)
        self.output_block = nn.Sequential(_Block(channels + width, 2 * width), nn.Conv2d(2 * width, 3, 1), nn.Sigmoid())

    def forward(self, source: Tensor, reference: Tensor, mel: Tensor) -> Tensor:
        """The face [B, 3, 96, 96], BGR in 0..1.

        source: face with its lower half 0 [B, 3, 96, 96]; reference: another picture of the person [B, 3, 96, 96], both
        BGR in 0..1. mel: [B, 1, 80, 16], mel bands and steps of 1/80 s, -4..4.
        """
        x = torch.cat((source, reference), dim=1)
        seen = []
        for encode in self.face_encoder_blocks:
            x = encode(x)
            seen.append(x)
        x = self.audio_encoder(mel)
        for draw in self.face_decoder_blocks:
            x = torch.cat((draw(x), seen.pop()), dim=1)
        return self.output_block(x)


def _residuals(channels: int, count: int) -> list[_Block]:
    return [_Block(channels, channels, residual=True) for _ in range(count)]


def _to_code(in_channels: int, out_channels: int) -> nn.Sequential:
    """3 x 3 values to a single vector."""
    return nn.Sequential(_Block(in_channels, out_channels, padding=0), _Block(out_channels, out_channels, 1, padding=0))
