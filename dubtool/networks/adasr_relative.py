"""Relative motion (Siarohin et al., NeurIPS 2019): the source moves as the driver moved since its first frame."""

from __future__ import annotations

from itertools import combinations

import torch
from torch import Tensor


def hull_volume(points: Tensor) -> float:
    """Volume of the convex hull of a few points [N, 3].

    Every triple of points with all others on one side is a facet. That needs no four points in one plane, so they are
    moved apart by a millionth of their spread, which changes the volume as little.
    """
    exact = points.detach().double().cpu()
    exact = exact - exact.mean(dim=0)
    spread = exact.abs().max()
    noise = torch.randn(exact.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    moved = exact + 1e-6 * spread * noise
    triple = torch.tensor(list(combinations(range(len(moved)), 3)))
    a, b, c = moved[triple[:, 0]], moved[triple[:, 1]], moved[triple[:, 2]]
    normal = torch.linalg.cross(b - a, c - a)
    heights = normal @ moved.T - (normal * a).sum(dim=1, keepdim=True)
    heights.scatter_(1, triple, 0.0)
    facet = (heights >= 0).all(dim=1) | (heights <= 0).all(dim=1)
    # The centroid (the origin) is inside the hull: the tetrahedra from it to the facets fill the hull.
    return float((normal * a).sum(dim=1)[facet].abs().sum() / 6)


def relative_keypoints(source: Tensor, driving: Tensor, first_driving: Tensor) -> Tensor:
    """source [1, K, 3] + (driving [B, K, 3] - first_driving [1, K, 3]), adapted to the size of the source's face."""
    scale = (hull_volume(source[0]) / hull_volume(first_driving[0])) ** 0.5
    return (driving - first_driving) * scale + source
