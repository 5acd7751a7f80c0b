"""G4G: dubbing with fine-grained intra-modal alignment (Zhang et al., 2024, arXiv 2402.18122).

No code was published. What the paper leaves open is decided here as follows:

- Image encoders, speech encoder, appearance blocks, AdaAT and decoder are DINet's, which the paper builds on.
- The embeddings i_s and i_r come from three strided convolutions and a mean over the feature maps that stage two uses
  anyway; l_r from the same layers on the landmark drawing. Their size d is 4*width (256).
- Fusion: i_s and i_r are two channels of a signal of length d; two 1-D convolutions widen it to 2*width channels.
- AdaIN normalises each of those channels over the length d. The fully connected layers give the deviation as a
  difference from 1, so that an untrained block does not erase its input. Three residual blocks.
- `fused`, the embedding that the attribute loss compares with l_r, is read before the AdaIN blocks; i_align after.
- The temperature is learned in the logarithm and starts at 0.07, as in CLIP.
- cat(i_align, speech) is AdaAT's code; its three heads are the "fully connected" layers of the paper.
- The references' five crops share one encoder input (15 channels), and the appearance blocks before and after AdaAT
  are kept, since the texture has to survive the transformation.
- The caller's mask says where `source` was blanked or shall be redrawn. It is grown by twice the deviation of the
  Gaussian before it is smoothed, so that nothing blanked shines through the soft edge. Deviation: width of the crop/80.
- The blend network is a small encoder-decoder on the composite and the smoothed mask, and outputs the picture. Its last
  layer sees the composite, too, as it was before the decoder's sigmoid, and begins by repeating it: detail that goes
  round the narrow middle need not be learned anew.
- The masks of several sizes, under which the paper supervises, belong to the loss and not to the network.
- The prior landmarks are lips and jaw as they are to be: in training the frame's own, at work those predicted from the
  speech. The source's own would show the wrong mouth at work, and without a mouth i_align would hold nothing that the
  contrast with speech could find. So that the sound is not left unheard, a share of the training examples draws the
  mouth at rest; with a share of 1 (or `landmarks = "rest"`) the sound alone moves the lips.
- `drawn` (ours, not the paper's) also puts the landmarks beside the source, as three pictures: open mouth, lips, jaw.
  An embedding alone is a long way to the pixels of the lips: see docs/models.md for how far it came.
- Two of the paper's ablations are arguments: without alignment the code is cat(fused, speech) and the landmarks are not
  looked at; without fusion the composite is the picture.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dubtool.networks.adaat import AdaAT
from dubtool.networks.blocks import ConvBlock, ResBlock
from dubtool.networks.dinet import image_encoder, picture_decoder
from dubtool.networks.g4g_alignment import Alignment, Embeddings

# A quarter of a grey level: what the blend network's sigmoid keeps away from 0 and 1.
_DARKEST = 1e-3


class Stages(NamedTuple):
    """What training supervises: three pictures [B, 3, H, W] in 0..1, and the embeddings."""

    decoded: Tensor
    composite: Tensor
    picture: Tensor
    embeddings: Embeddings


def smooth_mask(mask: Tensor) -> Tensor:
    """A mask [B, 1, H, W] grown, then smoothed by a Gaussian; still 1 wherever it was 1."""
    sigma = mask.shape[3] / 80
    radius = max(1, round(2 * sigma))
    offset = torch.arange(-radius, radius + 1, dtype=mask.dtype, device=mask.device)
    line = torch.exp(-(offset**2) / (2 * sigma**2))
    line = line / line.sum()
    grown = F.max_pool2d(mask, 2 * radius + 1, stride=1, padding=radius)
    grown = F.pad(grown, (radius,) * 4, mode="replicate")
    return F.conv2d(F.conv2d(grown, line.view(1, 1, -1, 1)), line.view(1, 1, 1, -1))


class _BlendNetwork(nn.Module):
    """Composite and smoothed mask [B, 4, H, W] -> the finished picture [B, 3, H, W]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            ConvBlock(2, 4, width, 7),
            ConvBlock(2, width, 2 * width, stride=2),
            ResBlock(2, 2 * width),
            ResBlock(2, 2 * width),
            ConvBlock(2, 2 * width, width, up=True),
        )
        self.last = nn.Conv2d(width + 3, 3, 7, padding=3)
        with torch.no_grad():
            for each in self.last.parameters():
                each.zero_()
            for channel in range(3):
                self.last.weight[channel, width + channel, 3, 3] = 1

    def forward(self, composite: Tensor, mask: Tensor) -> Tensor:
        features = self.layers(torch.cat((composite, mask), dim=1))
        bounded = composite.clamp(_DARKEST, 1 - _DARKEST)
        before_sigmoid = torch.log(bounded) - torch.log(1 - bounded)
        return torch.sigmoid(self.last(torch.cat((features, before_sigmoid), dim=1)))


class G4G(nn.Module):
    """The generator. `width` 64 gives the paper's 256 transformed channels; a multiple of 8.

    drawn: landmarks come as three pictures, and go beside the source, too. aligned, blended: False leaves out the
    landmarks' alignment, or the blend network (the paper's ablations).
    """

    def __init__(
        self,
        reference_channels: int = 15,
        mel_bands: int = 80,
        width: int = 64,
        *,
        drawn: bool = False,
        aligned: bool = True,
        blended: bool = True,
    ) -> None:
        super().__init__()
        if width <= 0 or width % 8:
            raise ValueError(f"width {width} is not a multiple of 8")
        self.width, self.drawn, self.aligned, self.blended = width, drawn, aligned, blended
        self.landmark_channels = 3 if drawn else 1
        self.reference_channels, self.mel_bands = reference_channels, mel_bands
        channels = 4 * width
        self.source_encoder = image_encoder(3 + (self.landmark_channels if drawn else 0), width)
        self.reference_encoder = image_encoder(reference_channels, width)
        self.alignment = Alignment(
            channels, 2 * width, channels, mel_bands, self.landmark_channels, blocks=3 if aligned else 0
        )
        self.before = nn.Sequential(*(ResBlock(2, channels) for _ in range(4)))
        self.adaat = AdaAT(2 * channels, channels)
        self.after = nn.Sequential(*(ResBlock(2, channels) for _ in range(4)))
        self.decoder = picture_decoder(width)
        self.blend = _BlendNetwork(width // 2) if blended else None

    def embed(self, source: Tensor, landmarks: Tensor, reference: Tensor, mel: Tensor) -> Embeddings:
        """The first stage alone, for contrastive training; arguments as in `forward`."""
        return self._embed(self.encode_source(source, landmarks), self.reference_encoder(reference), landmarks, mel)

    def encode_source(self, source: Tensor, landmarks: Tensor) -> Tensor:
        """Feature maps [B, 4*width, H/4, W/4] of the source, and of the landmarks where they are drawn beside it."""
        return self.source_encoder(torch.cat((source, landmarks), dim=1) if self.drawn else source)

    def _embed(self, source: Tensor, reference: Tensor, landmarks: Tensor, mel: Tensor) -> Embeddings:
        return self.alignment(source, _for_each(reference, source), landmarks, mel)

    def stages(self, source: Tensor, landmarks: Tensor, reference: Tensor, mel: Tensor, mask: Tensor) -> Stages:
        """Every intermediate picture; arguments as in `forward`."""
        source_features, reference_features = self.encode_source(source, landmarks), self.reference_encoder(reference)
        embeddings = self._embed(source_features, reference_features, landmarks, mel)
        moving = _for_each(self.adaat.blend(self.before(reference_features)), source)
        deformed = self.after(self.adaat.sample(moving, self.code(embeddings)))
        decoded = self.decoder(torch.cat((source_features, deformed), dim=1))
        soft = smooth_mask(mask).expand(source.shape[0], -1, -1, -1)
        composite = soft * decoded + (1 - soft) * source
        picture = composite if self.blend is None else self.blend(composite, soft)
        return Stages(decoded, composite, picture, embeddings)

    @staticmethod
    def code(embeddings: Embeddings) -> Tensor:
        """What steers AdaAT: [B, 8*width]."""
        return torch.cat((embeddings.align, embeddings.speech), dim=1)

    def forward(self, source: Tensor, landmarks: Tensor, reference: Tensor, mel: Tensor, mask: Tensor) -> Tensor:
        """One picture [B, 3, H, W], RGB 0..1.

        source [B, 3, H, W], RGB 0..1, 0 under the mask; landmarks [B, 1, H, W], or [B, 3, H, W] if `drawn`, the
        drawing of the prior landmarks, 0..1; reference [B or B / n, 15, H, W], five crops, each for n frames in a row;
        mel [B, 16, 80], 0.2 s around the frame; mask [B or 1, 1, H, W], 1 where the face is redrawn. H and W are
        multiples of 4 (416 x 320 in the paper).
        """
        return self.stages(source, landmarks, reference, mel, mask).picture


def _for_each(references: Tensor, frames: Tensor) -> Tensor:
    """What belongs to B / n references, repeated for the n frames of each."""
    return references.repeat_interleave(len(frames) // len(references), dim=0)
