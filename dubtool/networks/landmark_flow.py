"""Motion of a picture that follows from landmarks alone: a smooth warp, in coordinates -1..1 from edge to edge.

Products are written as sums of elements: as matrix products autocast would round places to whole pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

# Pulls a fit to few or aligned points towards no motion.
_RIDGE = 1e-3
# Within this distance a landmark's own motion holds; beyond, that of its neighbours mixes in.
_REACH = 0.02
# The face carries its surroundings along, half at this many deviations of its points.
_HALO = 0.55


@dataclass
class LandmarkFlow:
    """Where each place of the driven picture [h, w] lies in the source's: sampling grids and what they are made of.

    identity: [1, h, w, 2]. linear: [B, 2, 2] and offset: [B, 2], the head's motion. affine, smooth: [B, h, w, 2], the
    head's motion everywhere, and the smooth warp, which fades to no motion away from the face. shifts: [B, K, 2], what
    of each keypoint's place is left when the head's linear part is taken away. nearness: [B, K, h, w], the squared
    distance to each driven keypoint.
    """

    identity: Tensor
    linear: Tensor
    offset: Tensor
    affine: Tensor
    smooth: Tensor
    shifts: Tensor
    nearness: Tensor


def pixel_grid(height: int, width: int, like: Tensor) -> Tensor:
    """Places of pixel centres [1, height, width, (x, y)], the picture's edges at -1 and 1."""
    y, x = ((torch.arange(n, dtype=like.dtype, device=like.device) * 2 + 1) / n - 1 for n in (height, width))
    return torch.stack((x[None, :].expand(height, -1), y[:, None].expand(-1, width)), dim=-1)[None]


def landmark_flow(source: Tensor, driven: Tensor, rigid: int, size: tuple[int, int]) -> LandmarkFlow:
    """source, driven: keypoints [B, K, 2], the first `rigid` of which tell the head's motion."""
    linear, offset = _affine(driven[:, :rigid], source[:, :rigid])
    identity = pixel_grid(*size, source)
    affine = turned(linear, identity.flatten(1, 2)).unflatten(1, size) + offset[:, None, None]
    squared = squared_distances(identity, driven)
    # Shepard's interpolation of what the head's motion leaves over.
    weight = (squared + _REACH**2) ** -2
    shifts = source - turned(linear, driven)
    total = weight.sum(dim=1)
    left = mixed(weight, shifts - offset[:, None]) / total[..., None]
    spread = (driven - driven.mean(dim=1, keepdim=True)).square().sum(dim=2).mean(dim=1)
    squared_reach = (_HALO**2 * spread)[:, None, None]
    carried = (1 / (1 + 1 / (total * squared_reach**2)))[..., None]
    smooth = identity + carried * (affine + left - identity)
    return LandmarkFlow(identity, linear, offset, affine, smooth, shifts, squared)


def enlarged(grid: Tensor, size: tuple[int, int]) -> Tensor:
    """A sampling grid [B, h, w, 2] for a larger picture. Motions are interpolated: places would end at the edge."""
    moved = grid - pixel_grid(grid.shape[1], grid.shape[2], grid)
    moved = F.interpolate(moved.permute(0, 3, 1, 2), size=size, mode="bilinear", align_corners=False)
    return moved.permute(0, 2, 3, 1) + pixel_grid(*size, grid)


def sampled(x: Tensor, grid: Tensor) -> Tensor:
    """x [B, C, H, W] at the places of a grid [B, h, w, 2]; its edges go on for ever."""
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


def turned(linear: Tensor, points: Tensor) -> Tensor:
    """[B, 2, 2] times each point of [B or 1, N, 2] -> [B, N, 2]."""
    return (linear[:, None] * points[:, :, None]).sum(dim=3)


def mixed(weight: Tensor, values: Tensor) -> Tensor:
    """Weights [B, K, h, w] of values [B, K, 2] -> their weighted sum at each place [B, h, w, 2]."""
    return torch.stack([(weight * values[:, :, i, None, None]).sum(dim=1) for i in range(2)], dim=-1)


def squared_distances(grid: Tensor, points: Tensor) -> Tensor:
    """[1, h, w, 2] and [B, K, 2] -> [B, K, h, w]."""
    x = (grid[..., 0][:, None] - points[:, :, 0, None, None]).square()
    return x + (grid[..., 1][:, None] - points[:, :, 1, None, None]).square()


def _affine(points: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """The map of least squares [B, 2, 2], [B, 2] that takes points [B, K, 2] to `wanted`."""
    here, there = points.mean(dim=1), wanted.mean(dim=1)
    centred, towards = points - here[:, None], wanted - there[:, None]
    ridge = _RIDGE * torch.eye(2, dtype=points.dtype, device=points.device)
    moment = (centred[..., :, None] * centred[..., None, :]).sum(dim=1) + ridge
    common = (towards[..., :, None] * centred[..., None, :]).sum(dim=1) + ridge
    # Written out: graphs have no inverse.
    a, b, c, d = moment[:, 0, 0], moment[:, 0, 1], moment[:, 1, 0], moment[:, 1, 1]
    inverse = torch.stack((torch.stack((d, -b), -1), torch.stack((-c, a), -1)), -2) / (a * d - b * c)[:, None, None]
    linear = (common[..., :, :, None] * inverse[..., None, :, :]).sum(dim=2)
    return linear, there - turned(linear, here[:, None])[:, 0]
