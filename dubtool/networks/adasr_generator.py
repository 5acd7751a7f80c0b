"""AdaSR's generator: the source's feature volume, warped by the dense motion, decoded to a picture."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from dubtool.networks.adasr_motion import DenseMotion
from dubtool.networks.adasr_spade import SpadeDecoder
from dubtool.networks.blocks import ConvBlock, ResBlock
from dubtool.networks.volume import sample_volume


class Generator(nn.Module):
    """`generator`; the defaults are the published sizes. Images [B, 3, H, W] have sides of 4 * 2**motion_blocks."""

    def __init__(
        self,
        keypoints: int = 15,
        width: int = 64,
        volume_channels: int = 32,
        depth: int = 16,
        resblocks: int = 6,
        motion_width: int = 32,
        motion_largest: int = 1024,
        motion_blocks: int = 5,
        motion_channels: int = 4,
    ) -> None:
        super().__init__()
        self.depth = depth
        volume = volume_channels * depth
        self.dense_motion_network = DenseMotion(
            keypoints, volume_channels, depth, motion_width, motion_largest, motion_blocks, motion_channels
        )
        self.first = ConvBlock(2, 3, width)
        self.down_blocks = nn.ModuleList(
            (ConvBlock(2, width, 2 * width, pool=True), ConvBlock(2, 2 * width, 4 * width, pool=True))
        )
        self.second = nn.Conv2d(4 * width, volume, 1)
        self.resblocks_3d = nn.Sequential(
            OrderedDict((f"3dr{i}", ResBlock(3, volume_channels)) for i in range(resblocks))
        )
        self.third = ConvBlock(2, volume, 4 * width, slope=0.01)
        self.fourth = nn.Conv2d(4 * width, 4 * width, 1)
        self.decoder = SpadeDecoder(width)

    def encode_source(self, image: Tensor) -> Tensor:
        """All that depends on the source alone: [B, 3, H, W], RGB 0..1 -> volume [B, C, D, H/4, W/4]."""
        x = self.first(image)
        for block in self.down_blocks:
            x = block(x)
        return self.resblocks_3d(self.second(x).unflatten(1, (-1, self.depth)))

    def animate(self, volume: Tensor, source: Tensor, driving: Tensor) -> Tensor:
        """One driven frame: the volume, source and driving keypoints [B, K, 3] -> [B, 3, H, W] in 0..1."""
        return self.decode(volume, *self.dense_motion_network(volume, source, driving))

    def decode(self, volume: Tensor, deformation: Tensor, occlusion: Tensor) -> Tensor:
        """The picture of the volume warped by what the dense motion network gives."""
        warped = sample_volume(volume, deformation).flatten(1, 2)
        return self.decoder(self.fourth(self.third(warped)) * occlusion)

    def forward(self, image: Tensor, source: Tensor, driving: Tensor) -> Tensor:
        """image [B, 3, H, W], source and driving keypoints [B, K, 3] -> picture [B, 3, H, W] in 0..1."""
        return self.animate(self.encode_source(image), source, driving)
