"""The last two convolutions of the picture decoder at half the resolution: the same numbers, a third of the work.

A nearest x2 followed by a 3x3 kernel reads each small pixel up to four times. Here every output pixel of the 2x2 group
that straddles four small pixels gets its own 2x2 kernel on the small map, and the last 7x7 convolution is rewritten as
a 4x4 one on those groups. The three output channels become twelve on the way, which also fills the vector units.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dubtool.networks.blocks import ConvBlock

# How many small pixels around its result the tail reads.
MARGIN = 2


class PolyphaseTail(nn.Module):
    """Stands for (nearest x2, 3x3 convolution, ReLU), then (7x7 convolution), without padding.

    Input [B, C, h + 4, w + 4], output [B, 3, 2h, 2w]: the picture of the middle h x w pixels. Made from a decoder's
    block, whose batch norm is folded, and its last convolution.
    """

    def __init__(self, up: ConvBlock, last: nn.Conv2d) -> None:
        super().__init__()
        if not up.up or not isinstance(up.norm, nn.Identity) or up.radius != 1 or last.kernel_size != (7, 7):
            raise TypeError("not a folded 3x3 upsampling block and a 7x7 convolution")
        assert up.conv.bias is not None
        groups = _groups(up.conv.weight.detach())
        self.spread = nn.Conv2d(groups.shape[1], groups.shape[0], 2)
        self.spread.weight = nn.Parameter(groups)
        self.spread.bias = nn.Parameter(up.conv.bias.detach().repeat(4))
        gathered = _gathered(last.weight.detach())
        self.gather = nn.Conv2d(gathered.shape[1], gathered.shape[0], 4)
        self.gather.weight = nn.Parameter(gathered)
        assert last.bias is not None
        self.gather.bias = nn.Parameter(last.bias.detach().repeat_interleave(4))

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(self.gather(F.relu(self.spread(x))), 2)


def _groups(kernel: Tensor) -> Tensor:
    """[O, I, 3, 3] on the enlarged map -> [4*O, I, 2, 2] on the small one.

    Along one axis group i holds the enlarged pixels 2i (g = 0) and 2i - 1 (g = 1), and reads small pixels i - 1 and i.
    """
    taps = torch.tensor([[[1, 0, 0], [0, 1, 1]], [[1, 1, 0], [0, 0, 1]]], dtype=kernel.dtype)
    spread = torch.einsum("gta,hub,oiab->ghoitu", taps, taps, kernel)
    return spread.flatten(0, 2).contiguous()


def _gathered(kernel: Tensor) -> Tensor:
    """[3, C, 7, 7] on the enlarged map -> [12, 4*C, 4, 4] on the groups, whose output is shuffled to 2x2 pixels.

    Along one axis output pixel 2k + s reads enlarged pixel 2k + s - 3 + j, which is number g of group k - 1 + c.
    """
    taps = torch.zeros(2, 4, 2, 7, dtype=kernel.dtype)
    for s in range(2):
        for c in range(4):
            for g in range(2):
                j = 2 * c - g - s + 1
                if 0 <= j < 7:
                    taps[s, c, g, j] = 1
    gathered = torch.einsum("scga,rdhb,oiab->osrghicd", taps, taps, kernel)
    return gathered.flatten(3, 5).flatten(0, 2).contiguous()


def with_polyphase_tail(decoder: nn.Sequential) -> nn.Sequential:
    """A folded picture decoder with its last two layers replaced; it can no longer draw the border of the frame."""
    *head, up, last, activation = decoder.children()
    if not isinstance(up, ConvBlock) or not isinstance(last, nn.Conv2d):
        raise TypeError("not a picture decoder")
    return nn.Sequential(*head, PolyphaseTail(up, last), activation)
