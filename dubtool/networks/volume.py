"""Trilinear sampling of volumes by bilinear sampling of pictures, which every ONNX provider has."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def sample_volume(volume: Tensor, grid: Tensor) -> Tensor:
    """`F.grid_sample(volume, grid, align_corners=False)` for volumes: trilinear, zeros outside.

    volume [B, C, D, H, W], grid [B, D', H', W', (x, y, z)] -> [B, C, D', H', W'].

    3-D GridSample came with ONNX opset 20, and CUDA's provider lacks it. So the slices are put below each other, each
    with a row of zeros above it, and the two slices next to a point are sampled and blended.
    """
    depth, height = volume.shape[2], volume.shape[3]
    column = F.pad(volume, (0, 0, 1, 0)).flatten(2, 3)
    x, y, z = grid.flatten(1, 2).unbind(dim=-1)
    # A row beyond a slice is one of zeros; further away than that would be within its neighbour.
    row = (((y + 1) * height - 1) / 2).clamp(-1, height)
    place = ((z + 1) * depth - 1) / 2
    lower = place.floor()
    share = place - lower

    def slices(index: Tensor, weight: Tensor) -> Tensor:
        inside = (index >= 0) & (index < depth)
        whole_row = index.clamp(0, depth - 1) * (height + 1) + 1 + row
        whole_y = (2 * whole_row + 1) / (depth * (height + 1)) - 1
        found = F.grid_sample(column, torch.stack((x, whole_y), dim=-1), align_corners=False)
        return found * (weight * inside).unsqueeze(1)

    sampled = slices(lower, 1 - share) + slices(lower + 1, share)
    return sampled.unflatten(2, (grid.shape[1], grid.shape[2]))
