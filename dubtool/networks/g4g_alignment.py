"""G4G's first stage: embeddings of face, references, landmarks and speech, and their alignment (see g4g.py)."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dubtool.networks.blocks import ConvBlock
from dubtool.networks.dinet import speech_encoder

_INITIAL_TEMPERATURE = 0.07


class Embeddings(NamedTuple):
    """Vectors [B, d] of one batch: `fused` of source and references before the landmarks shaped it, `landmark`,
    `align` (the fused one under the landmarks' statistics) and `speech`."""

    fused: Tensor
    landmark: Tensor
    align: Tensor
    speech: Tensor


class _MapEmbedding(nn.Module):
    """Feature maps [B, C, h, w] -> [B, d]."""

    def __init__(self, channels: int, hidden: int, embedding: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            ConvBlock(2, channels, hidden, stride=2),
            ConvBlock(2, hidden, hidden, stride=2),
            ConvBlock(2, hidden, hidden, stride=2),
        )
        self.project = nn.Linear(hidden, embedding)

    def forward(self, x: Tensor) -> Tensor:
        return self.project(self.encoder(x).mean(dim=(2, 3)))


class _AdaIN(nn.Module):
    """Instance norm over [B, C, L] whose mean and deviation are read from a style vector [B, d]."""

    def __init__(self, channels: int, embedding: int) -> None:
        super().__init__()
        self.deviation = nn.Linear(embedding, channels)
        self.mean = nn.Linear(embedding, channels)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        return F.instance_norm(x) * (1 + self.deviation(style).unsqueeze(2)) + self.mean(style).unsqueeze(2)


class _AdaINResBlock(nn.Module):
    def __init__(self, channels: int, embedding: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = _AdaIN(channels, embedding), _AdaIN(channels, embedding)
        self.conv1 = nn.Conv1d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv1d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        out = self.conv1(F.relu(self.norm1(x, style)))
        return x + self.conv2(F.relu(self.norm2(out, style)))


class Alignment(nn.Module):
    """Intra-modality alignment (image under landmarks) and the speech embedding it is contrasted with.

    blocks: of AdaIN; with none of them `align` is `fused`.
    """

    def __init__(
        self,
        feature_channels: int,
        hidden: int,
        embedding: int,
        mel_bands: int,
        landmark_channels: int = 1,
        *,
        blocks: int = 3,
    ) -> None:
        super().__init__()
        self.source = _MapEmbedding(feature_channels, hidden, embedding)
        self.reference = _MapEmbedding(feature_channels, hidden, embedding)
        self.landmark = _MapEmbedding(landmark_channels, hidden, embedding)
        self.fusion = nn.Sequential(ConvBlock(1, 2, hidden, 3), ConvBlock(1, hidden, hidden, 3))
        self.fused = nn.Conv1d(hidden, 1, 1)
        self.blocks = nn.ModuleList(_AdaINResBlock(hidden, embedding) for _ in range(blocks))
        self.align = nn.Conv1d(hidden, 1, 1) if blocks else self.fused
        self.speech = speech_encoder(mel_bands, hidden)
        self.speech_project = nn.Linear(hidden, embedding)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(_INITIAL_TEMPERATURE)))

    def forward(self, source: Tensor, reference: Tensor, landmarks: Tensor, mel: Tensor) -> Embeddings:
        """Feature maps of source and references, landmark drawing [B, L, H, W], mel [B, steps, bands]."""
        return self.with_reference(source, self.reference(reference), landmarks, mel)

    def with_reference(self, source: Tensor, reference: Tensor, landmarks: Tensor, mel: Tensor) -> Embeddings:
        """`forward` with the references' embedding [B or 1, d], which is the same over a video."""
        source = self.source(source)
        x = self.fusion(torch.stack((source, reference.expand(source.shape[0], -1)), dim=1))
        fused = self.fused(x).squeeze(1)
        landmark = self.landmark(landmarks)
        for block in self.blocks:
            x = block(x, landmark)
        speech = self.speech_project(self.speech(mel.transpose(1, 2)).mean(dim=2))
        return Embeddings(fused, landmark, self.align(x).squeeze(1), speech)

    def similarities(self, embeddings: Embeddings) -> Tensor:
        """Cosines of every aligned image with every sound of the batch, over the temperature: [B, B].

        Inter-modality alignment is the cross entropy of its rows and of its columns towards the diagonal.
        """
        image, sound = F.normalize(embeddings.align, dim=1), F.normalize(embeddings.speech, dim=1)
        return self.log_scale.exp() * image @ sound.T
