"""A small network that paints over deformed references: it mends what no deformation can (ghosts, teeth, shading).

In the manner of retrieve-warp-refine (Song and others, 2023).
"""

from __future__ import annotations

from torch import Tensor, nn

from dubtool.networks.folded_unet import FoldedUNet

# Two warped references, the frame without its mouth, the drawn wanted mouth, and the mask.
CHANNELS = 13


class WarpPainter(FoldedUNet):
    """What is to be added to a warped mouth.

    width: of the outermost level. depth: blocks on each level.
    """

    def __init__(self, width: int = 24, depth: int = 1) -> None:
        super().__init__(CHANNELS, width, (depth, depth, depth))
        self.width, self.depth = width, depth

    def forward(self, pictures: Tensor) -> Tensor:
        """Change [B, 3, S, S] in units of 0..1.

        pictures [B, 13, S, S], 0..1, S a multiple of 8: RGB of the warped mouth, of the next best one, of the frame
        where it stays, of the drawing, and the mask.
        """
        return self.change(pictures * 2 - 1)


def painted_over(net: nn.Module, pictures: Tensor) -> Tensor:
    """The warped mouth [B, 3, S, S] with the network's change."""
    return pictures[:, :3] + net(pictures)
