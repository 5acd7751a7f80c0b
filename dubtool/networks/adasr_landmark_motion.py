"""AdaSR's dense motion in two dimensions, with landmarks for keypoints."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dubtool.networks.adasr_keypoints import channel_steps
from dubtool.networks.blocks import ConvBlock
from dubtool.networks.landmark_flow import landmark_flow, mixed, sampled, squared_distances

_VARIANCE = 0.003
# Motions for the whole picture: none, the head's, the smooth warp.
_WHOLE = 3
# By how much, before anything is learned, the smooth warp is believed more; and how little a far keypoint counts.
_BELIEF, _FAR = 5.0, -6.0
# The largest free correction, in half sides of the picture.
_FREE = 0.1


class _Hourglass(nn.Module):
    """Features at the input's size: [B, in, h, w] -> [B, width, h, w]; sides are multiples of 2**blocks."""

    def __init__(self, in_channels: int, width: int, largest: int, blocks: int) -> None:
        super().__init__()
        steps = channel_steps(width, largest, blocks)
        self.entry = ConvBlock(2, in_channels, width)
        self.down_blocks = nn.ModuleList(ConvBlock(2, low, high, pool=True) for low, high in itertools.pairwise(steps))
        self.up_blocks = nn.ModuleList()
        for i in range(blocks, 0, -1):
            joined = 1 if i == blocks else 2
            self.up_blocks.append(ConvBlock(2, joined * steps[i], steps[i - 1], up=True))
        self.exit = ConvBlock(2, 2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        scales = [self.entry(x)]
        for block in self.down_blocks:
            scales.append(block(scales[-1]))
        x = scales.pop()
        for block in self.up_blocks:
            x = torch.cat((block(x), scales.pop()), dim=1)
        return self.exit(x)


class LandmarkMotion(nn.Module):
    """Where every place of the driven picture comes from in the source, as a mix of motions, and what is new in it.

    To the keypoints' motions come none at all, the head's, and the smooth warp that landmarks give for nothing. The mix
    begins with the latter, so that an untrained network is a plain warp; a free correction is added.
    """

    def __init__(
        self, keypoints: int, rigid: int, drawing_channels: int, width: int = 32, largest: int = 192, blocks: int = 4
    ) -> None:
        super().__init__()
        self.rigid = rigid
        self.hourglass = _Hourglass(keypoints + 3 * _WHOLE + drawing_channels, width, largest, blocks)
        self.mask = nn.Conv2d(width, keypoints + _WHOLE, 3, padding=1)
        self.free = nn.Conv2d(width, 2, 3, padding=1)
        self.occlusion = nn.Conv2d(width, 1, 3, padding=1)
        for head in (self.mask, self.free, self.occlusion):
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)  # type: ignore[arg-type]
        with torch.no_grad():
            self.mask.bias[_WHOLE - 1] = _BELIEF  # type: ignore[index]
            self.occlusion.bias.fill_(2.0)  # type: ignore[union-attr]

    def forward(self, small: Tensor, source: Tensor, driven: Tensor, drawing: Tensor) -> tuple[Tensor, Tensor]:
        """small: the source picture at the motion's size [B, 3, h, w]. source, driven: keypoints [B, K, 2]. drawing:
        of the driven face, [B, D, h, w].

        Returns the sampling grid [B, h, w, (x, y)] and the occlusion map [B, 1, h, w] (1: seen in the source).
        """
        flow = landmark_flow(source, driven, self.rigid, (small.shape[2], small.shape[3]))
        whole = (flow.identity.expand_as(flow.affine), flow.affine, flow.smooth)
        near = -flow.nearness / (2 * _VARIANCE)
        there = (-squared_distances(flow.identity, source) / (2 * _VARIANCE)).exp()
        warped = [small, *(sampled(small, grid) for grid in whole[1:])]
        x = self.hourglass(torch.cat((near.exp() - there, *warped, drawing), dim=1))
        prior = F.pad(near.clamp_min(_FAR), (0, 0, 0, 0, _WHOLE, 0))
        mask = torch.softmax(self.mask(x).float() + prior, dim=1)
        # The keypoints' motions share the head's linear part: mixed without being laid out one by one.
        ours = mask[:, _WHOLE:]
        linear = flow.affine - flow.offset[:, None, None]
        grid = mixed(ours, flow.shifts) + ours.sum(dim=1)[..., None] * linear
        for share, places in zip(mask[:, :_WHOLE].unbind(dim=1), whole, strict=True):
            grid = grid + share[..., None] * places
        free = _FREE * torch.tanh(self.free(x).float())
        return grid + free.permute(0, 2, 3, 1), torch.sigmoid(self.occlusion(x))
