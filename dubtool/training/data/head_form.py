"""Learning what tells heads apart, from tracked landmarks of known people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dubtool.errors import InputError
from dubtool.face.pose import fit_poses
from dubtool.face.topology import tracked
from dubtool.tracking.head_form import HeadForm

_CORNERS = tracked((33, 263))
# Added to what one person differs by, as a share of its mean variance: few people tell little of its small directions.
_SHRINKAGE = 0.1


def head_form_of(people: Sequence[np.ndarray], size: int = 48) -> HeadForm:
    """The discriminants of people, each given by landmarks [N, P, 3] of some frames; they count alike.

    size: how many directions are kept, fewer than there are people.

    Raises:
        InputError: too few people.
    """
    if len(people) <= size:
        raise InputError(f"{size} directions of head form need more than {size} people, and here are {len(people)}")
    head = people[0][0].astype(np.float64)
    everybody = np.concatenate(people).astype(np.float64)
    for _ in range(3):
        head = fit_poses(everybody, head).to_head(everybody).mean(axis=0)
        head = (head - head[_CORNERS].mean(axis=0)) / np.linalg.norm(np.subtract(*head[_CORNERS, :2]))
    aligned = [fit_poses(points, head).to_head(points.astype(np.float64)) for points in people]
    flat = [heads[..., :2].reshape(len(heads), -1) for heads in aligned]
    own = np.stack([heads.mean(axis=0) for heads in flat])
    mean = own.mean(axis=0)
    within = sum(np.cov(heads.T, bias=True) for heads in flat) / len(flat)
    within = within + _SHRINKAGE * np.trace(within) / len(mean) * np.eye(len(mean))
    values, vectors = np.linalg.eigh(within)
    white = vectors / np.sqrt(values)
    spread = (own - mean) @ white
    _, directions = np.linalg.eigh(spread.T @ spread)
    projection = white @ directions[:, ::-1][:, :size]
    return HeadForm(head.astype(np.float32), mean.astype(np.float32), projection.astype(np.float32))
