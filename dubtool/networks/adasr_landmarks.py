"""A slim AdaSR (Song et al., ICASSP 2024) whose keypoints are face landmarks: one picture in, driven pictures out.

As there an encoder without batch norm keeps the source's fine detail, dense motion moves its features, and a SPADE
decoder paints; but features are flat, keypoints are given, and so is the portrait warped piecewise, with lids and lips
that part and meet. That goes round the decoder, which paints what it lacks: what was hidden, teeth, shading, and
sharpness. A fiftieth of the paper's work.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dubtool.networks.adasr_landmark_motion import LandmarkMotion
from dubtool.networks.adasr_spade import SpadeResBlock
from dubtool.networks.blocks import ConvBlock, ResBlock
from dubtool.networks.landmark_flow import enlarged, sampled

# How much paint covers the warped portrait before anything is learned: sigmoid of it.
_TIMID = -4.0


class HighFrequency(nn.Module):
    """The adaptive encoder of high frequencies: residual blocks without batch norm, which would wash fine detail out.

    How much of what they find is added depends on the picture as a whole, since a sharp source needs less.
    [B, C, h, w] -> the same size.
    """

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(ResBlock(2, channels, norm=False) for _ in range(blocks)))
        self.gate = nn.Sequential(
            nn.Conv2d(channels, channels // 4, 1), nn.ReLU(), nn.Conv2d(channels // 4, channels, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        found = self.blocks(x) - x
        return x + torch.sigmoid(self.gate(found.mean(dim=(2, 3), keepdim=True))) * found


class LandmarkAdaSR(nn.Module):
    """Pictures [B, 3, S, S], RGB 0..1; S is a multiple of 64. Keypoints [B, K, 2], -1..1 from edge to edge, the first
    `rigid` of which move with the skull. Drawings of faces [B, D, S, S], 0..1.

    width: features at full size; twice as many at half, four times as many at a quarter. middle: SPADE blocks at a
    quarter. high_frequency: residual blocks of the adaptive encoder; 0 leaves it out.
    """

    def __init__(
        self,
        keypoints: int,
        rigid: int,
        drawing_channels: int,
        width: int = 32,
        middle: int = 2,
        high_frequency: int = 4,
    ) -> None:
        super().__init__()
        self.keypoints, self.rigid, self.drawing_channels = keypoints, rigid, drawing_channels
        half, quarter = 2 * width, 4 * width
        self.first = ConvBlock(2, 3 + drawing_channels, width, norm=False, slope=0.2)
        self.down_half = ConvBlock(2, width, half, norm=False, slope=0.2, pool=True)
        self.fine = HighFrequency(half, high_frequency // 2) if high_frequency else nn.Identity()
        self.down_quarter = ConvBlock(2, half, quarter, norm=False, slope=0.2, pool=True)
        self.coarse = HighFrequency(quarter, high_frequency) if high_frequency else nn.Identity()
        self.detail = nn.Conv2d(half, width, 1)
        self.motion = LandmarkMotion(keypoints, rigid, 4 * drawing_channels)
        condition, hidden = 3 * width, 3 * width // 2
        self.condition = nn.Conv2d(quarter + 16 * drawing_channels, condition, 3, padding=1)
        self.entry = nn.Conv2d(condition, quarter, 3, padding=1)
        self.middle = nn.ModuleList(SpadeResBlock(quarter, quarter, condition, hidden) for _ in range(middle))
        upper = 3 * width // 2
        self.up_half = nn.Conv2d(quarter, 4 * upper, 3, padding=1)
        seen = upper + width + 4 * drawing_channels
        self.join_half = nn.Conv2d(seen, upper, 3, padding=1)
        self.spade_half = SpadeResBlock(upper, upper, width + 4 * drawing_channels, width)
        last = 3 * width // 4
        self.up_full = nn.Conv2d(upper, 4 * last, 3, padding=1)
        self.join_full = nn.Conv2d(last + 3 + drawing_channels, width // 2, 3, padding=1)
        # Paint, how much of it, and detail that is added to the warped portrait.
        self.paint = nn.Conv2d(width // 2, 7, 3, padding=1)
        nn.init.zeros_(self.paint.weight)
        with torch.no_grad():
            assert self.paint.bias is not None
            self.paint.bias.copy_(torch.tensor([0.0, 0.0, 0.0, _TIMID, 0.0, 0.0, 0.0]))

    def encode_source(self, image: Tensor, drawing: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """All that depends on the source alone: features at a quarter [B, 4w, S/4, S/4], at half [B, w, S/2, S/2], and
        the picture at a quarter [B, 3, S/4, S/4]."""
        half = self.fine(self.down_half(self.first(torch.cat((image, drawing), dim=1))))
        return self.coarse(self.down_quarter(half)), self.detail(half), F.avg_pool2d(image, 4)

    def animate(
        self,
        encoded: tuple[Tensor, Tensor, Tensor],
        source: Tensor,
        driven: Tensor,
        drawing: Tensor,
        warped: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Driven frames: what `encode_source` made of the source, the keypoints of both faces, the driven one's
        drawing, and the source picture warped to it. Returns the pictures [B, 3, S, S], and the source picture as the
        network's own motion moves it, at a quarter of the size."""
        features, detail, small = encoded
        small_drawing = F.pixel_unshuffle(F.avg_pool2d(drawing, 2), 2)
        grid, occlusion = self.motion(small, source, driven, small_drawing)
        condition = torch.cat((sampled(features, grid) * occlusion, F.pixel_unshuffle(drawing, 4)), dim=1)
        condition = F.leaky_relu(self.condition(condition), 0.2)
        x = self.entry(condition)
        for block in self.middle:
            x = block(x, condition)
        x = F.pixel_shuffle(self.up_half(F.leaky_relu(x, 0.2)), 2)
        half = detail.shape[2], detail.shape[3]
        condition = torch.cat((sampled(detail, enlarged(grid, half)), F.pixel_unshuffle(drawing, 2)), dim=1)
        x = self.join_half(F.leaky_relu(torch.cat((x, condition), dim=1), 0.2))
        x = F.pixel_shuffle(self.up_full(F.leaky_relu(self.spade_half(x, condition), 0.2)), 2)
        x = self.join_full(torch.cat((F.leaky_relu(x, 0.2), warped, drawing), dim=1))
        paint, cover, more = self.paint(F.leaky_relu(x, 0.2)).float().split((3, 1, 3), dim=1)
        cover = torch.sigmoid(cover)
        made = warped * (1 - cover) + torch.sigmoid(paint) * cover + more
        return made.clamp(0, 1), sampled(small, grid)

    def forward(
        self, image: Tensor, source: Tensor, source_drawing: Tensor, driven: Tensor, drawing: Tensor, warped: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What `animate` returns, from the source picture and its drawing."""
        return self.animate(self.encode_source(image, source_drawing), source, driven, drawing, warped)
