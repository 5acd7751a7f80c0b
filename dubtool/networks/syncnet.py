"""The lip-sync expert that DINet is trained against (Zhang et al., AAAI 2023): does this mouth say this sound?"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dubtool.networks.blocks import ConvBlock, ResBlock


class _FaceEncoder(nn.Module):
    """Stacked mouth boxes [B, image_channels, m, m] -> [B, hidden, m/32, m/32]."""

    def __init__(self, image_channels: int, hidden: int) -> None:
        super().__init__()
        width = hidden // 2
        layers: list[nn.Module] = [ConvBlock(2, image_channels, width, 7, norm=False)]
        for _ in range(4):
            layers += [
                ResBlock(2, width, norm=False),
                ConvBlock(2, width, width, pool=True, norm=False),
                ConvBlock(2, width, hidden, norm=False),
            ]
            width = hidden
        layers += [
            ResBlock(2, hidden, norm=False),
            ConvBlock(2, hidden, hidden, pool=True, norm=False),
            ConvBlock(2, hidden, hidden, 1, norm=False),
        ]
        self.face_conv = nn.Sequential(*layers)

    def forward(self, image: Tensor) -> Tensor:
        return self.face_conv(image)


class _AudioEncoder(nn.Module):
    """Speech features [B, audio_channels, steps] -> [B, hidden]."""

    def __init__(self, audio_channels: int, hidden: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [ConvBlock(1, audio_channels, hidden, 7, norm=False)]
        for _ in range(3):
            layers += [ResBlock(1, hidden, norm=False), ConvBlock(1, hidden, hidden, stride=2, norm=False)]
        layers.append(ConvBlock(1, hidden, hidden, norm=False))
        self.audio_conv = nn.Sequential(*layers)

    def forward(self, audio: Tensor) -> Tensor:
        return self.audio_conv(audio).mean(dim=2)


class SyncNet(nn.Module):
    """Patch-wise score of how well a stack of mouth boxes fits the speech; trained towards 1 for a true pair.

    `image_channels` is 3 times the number of stacked frames (5 in the paper).
    """

    def __init__(self, image_channels: int = 15, audio_channels: int = 29, hidden: int = 128) -> None:
        super().__init__()
        self.audio_channels = audio_channels
        self.face_encoder = _FaceEncoder(image_channels, hidden)
        self.audio_encoder = _AudioEncoder(audio_channels, hidden)
        self.merge_encoder = nn.Sequential(
            nn.Conv2d(2 * hidden, hidden, 3, padding=1), nn.LeakyReLU(0.2), nn.Conv2d(hidden, 1, 3, padding=1)
        )

    def forward(self, image: Tensor, audio: Tensor) -> Tensor:
        """image [B, image_channels, m, m], RGB 0..1, m >= 32; audio [B, audio_channels, steps], any number of steps.

        Returns unbounded scores [B, 1, m//32, m//32] (8 x 8 for the paper's 256, 4 x 4 for 128, 2 x 2 for 64).
        """
        return self.merge(self.face_encoder(image), self.audio_encoder(audio))

    def merge(self, face: Tensor, sound: Tensor) -> Tensor:
        """Scores of what `face_encoder` [B, hidden, h, w] and `audio_encoder` [B, hidden] found: [B, 1, h, w]."""
        return self.merge_encoder(torch.cat((face, sound[:, :, None, None].expand(-1, -1, *face.shape[2:])), dim=1))


class LightSyncNet(nn.Module):
    """An expert of the same use at a tenth of the work, ours: it learns from an hour of speech what the paper's learns
    from days.

    Small strided convolutions keep where in the mouth box something is, which averages over patches lose; the score is
    the cosine of two vectors, stretched to begin at 0 and end at 1. mouth: side of the mouth boxes, a multiple of 16;
    steps: of the speech window; heavy dropout on the speech is what lets it hold on voices it never heard.
    """

    def __init__(
        self,
        image_channels: int = 15,
        audio_channels: int = 384,
        hidden: int = 64,
        mouth: int = 64,
        steps: int = 11,
        input_dropout: float = 0.5,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.audio_channels = audio_channels
        width = hidden // 2
        self.face_encoder = nn.Sequential(
            ConvBlock(2, image_channels, width, 5, stride=2),
            ConvBlock(2, width, 2 * width, stride=2),
            ConvBlock(2, 2 * width, 4 * width, stride=2),
            ConvBlock(2, 4 * width, 4 * width, stride=2),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(4 * width * (mouth // 16) ** 2, hidden),
            nn.Unflatten(1, (hidden, 1, 1)),
        )
        self.audio_encoder = nn.Sequential(
            nn.Dropout(input_dropout),
            nn.Conv1d(audio_channels, 2 * hidden, 1),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Conv1d(2 * hidden, 2 * hidden, 3, padding=1),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Flatten(),
            nn.Linear(2 * hidden * steps, hidden),
        )
        self.stretch = nn.Parameter(torch.tensor([1.0, 0.0]))

    def forward(self, image: Tensor, audio: Tensor) -> Tensor:
        """As `SyncNet.forward`, with audio of exactly `steps`: [B, 1, 1, 1]."""
        return self.merge(self.face_encoder(image), self.audio_encoder(audio))

    def merge(self, face: Tensor, sound: Tensor) -> Tensor:
        cosine = F.cosine_similarity(face.flatten(1).float(), sound.float(), dim=1)
        return (self.stretch[0] * cosine + self.stretch[1])[:, None, None, None]
