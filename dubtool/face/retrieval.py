"""Which of a person's own frames shows nearly the mouth that is wanted: costs, and the cheapest way over time.

Relatives: Video Rewrite (Bregler, Covell, Slaney, SIGGRAPH 1997), and retrieve-warp-refine (Song and others, 2023).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dubtool.face.shape import ShapeModel, split_mouth

# What a lip's misplacement weighs beside the inner lip's; a jaw's is hidden by skin that stretches.
_OUTER, _INNER, _JAW = 1.0, 2.0, 0.4
# Cost of a degree of another head pose, in distances of the outer eye corners: it changes shading and teeth.
_POSE_COST = 0.0012
# Cost of another shot: other light, another lens.
_SHOT_COST = 0.03
# Cost of each halving of the face's size, which is seen as blur, and octaves that are not: a head that moves.
_COARSE_COST, _NO_COARSER = 0.05, 0.2
# Cost of going on with another reference than the present one or its neighbours in time.
_CHANGE_COST = 0.02
# What speech tells best is how far lips are open: where it chooses, the inner lip weighs this much.
INNER_OF_DUBS = 4.0


@dataclass(frozen=True)
class Looks:
    """What N frames show, or are wanted to show.

    shapes: float32 [N, K] coefficients. angles: float32 [N, 2 or more] degrees, pitch and yaw first. shots: int [N].
    sizes: of the faces, picture px [N]; None where they are no matter.
    """

    shapes: np.ndarray
    angles: np.ndarray
    shots: np.ndarray
    sizes: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.shapes)

    def __getitem__(self, where: slice | np.ndarray) -> Looks:
        sizes = None if self.sizes is None else self.sizes[where]
        return Looks(self.shapes[where], self.angles[where], self.shots[where], sizes)


class MouthCosts:
    """How far looks are apart, in distances of the outer eye corners.

    Root of the weighted mean of the squared distances of the mouths' points, and a share for another pose and shot, and
    for less detail. inner: what a misplacement of the inner lip weighs, of the outer 1.
    """

    def __init__(self, model: ShapeModel, inner: float = _INNER) -> None:
        parts = zip(split_mouth(model.basis), (_OUTER, inner, _JAW), strict=True)
        weights = np.concatenate([np.full(part.shape[1], weight) for part, weight in parts])
        weighted = (model.basis * np.sqrt(weights / weights.sum())[:, None]).reshape(model.size, -1)
        gram = weighted.astype(np.float64) @ weighted.T.astype(np.float64)
        self._embedding = np.linalg.cholesky(gram).astype(np.float32)

    def __call__(self, wanted: Looks, candidates: Looks) -> np.ndarray:
        """Cost of each candidate for each wanted look: float32 [len(wanted), len(candidates)]."""
        a, b = wanted.shapes @ self._embedding, candidates.shapes @ self._embedding
        squared = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1) - 2 * (a @ b.T)
        cost = np.sqrt(np.maximum(squared, 0.0))
        for axis in (0, 1):
            cost += np.float32(_POSE_COST) * np.abs(wanted.angles[:, None, axis] - candidates.angles[None, :, axis])
        cost += np.float32(_SHOT_COST) * (wanted.shots[:, None] != candidates.shots)
        if wanted.sizes is not None and candidates.sizes is not None:
            octaves = np.log2(wanted.sizes)[:, None] - np.log2(candidates.sizes) - _NO_COARSER
            cost += np.float32(_COARSE_COST) * np.maximum(octaves, 0).astype(np.float32)
        return cost


def cheapest_path(costs: np.ndarray, frames: np.ndarray, start: int | None = None) -> np.ndarray:
    """The candidate for each moment int32 [T] that costs least in all (dynamic programming, Viterbi 1967).

    costs: float32 [T, N]. frames: int [N] source frames of the candidates, rising: staying, or going on to the frame
    before or behind, is free; any other change costs. start: the candidate of the moment before, if there is one.
    """
    moments, count = costs.shape
    joined = np.diff(frames) == 1
    reached = np.zeros(count) if start is None else np.where(np.abs(frames - frames[start]) > 1, _CHANGE_COST, 0.0)
    total = reached + costs[0]
    # How each candidate was come to: 0 by staying, 1 from the one before it, -1 from the one behind it, 2 by a change.
    came = np.zeros((moments, count), np.int8)
    best = np.zeros(moments, np.int32)
    for moment in range(1, moments):
        best[moment] = int(total.argmin())
        cheapest, step = total.copy(), came[moment]
        forward = joined & (total[:-1] < cheapest[1:])
        cheapest[1:][forward], step[1:][forward] = total[:-1][forward], 1
        backward = joined & (total[1:] < cheapest[:-1])
        cheapest[:-1][backward], step[:-1][backward] = total[1:][backward], -1
        change = total[best[moment]] + _CHANGE_COST
        changed = change < cheapest
        cheapest[changed], step[changed] = change, 2
        total = cheapest + costs[moment]
    path = np.empty(moments, np.int32)
    path[-1] = int(total.argmin())
    for moment in range(moments - 1, 0, -1):
        step = came[moment, path[moment]]
        path[moment - 1] = best[moment] if step == 2 else path[moment] - step
    return path


def nearest_apart(costs: np.ndarray, frames: np.ndarray, count: int, apart: int) -> np.ndarray:
    """The `count` cheapest candidates of each moment, each at least `apart` frames from the others: int32 [T, count],
    -1 where there are no more.

    costs: float32 [T, N]. frames: int [N] of the candidates.
    """
    found = np.full((len(costs), count), -1, np.int32)
    # Neighbours in time are alike: of so many cheapest ones enough lie apart.
    looked = min(costs.shape[1], count * (2 * apart + 1))
    nearest = np.argpartition(costs, looked - 1, axis=1)[:, :looked]
    order = np.take_along_axis(nearest, np.argsort(np.take_along_axis(costs, nearest, 1), axis=1, kind="stable"), 1)
    for moment, candidates in enumerate(order):
        taken: list[int] = []
        for candidate in candidates.tolist():
            if all(abs(int(frames[candidate]) - int(frames[other])) >= apart for other in taken):
                taken.append(candidate)
                if len(taken) == count:
                    break
        found[moment, : len(taken)] = taken
    return found
