"""Which references are shown when, which of them vote, and where none will do."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dubtool.face.reference_warp import Picks
from dubtool.face.retrieval import Looks, MouthCosts, cheapest_path, nearest_apart

_VOTERS, _APART = 4, 3
# Whose mouth costs this much more than what is shown has no vote: in short films all others are unlike, and would
# outvote the one that fits. One voter alone would be no vote but a mean.
_UNLIKE, _FEWEST = 0.03, 2
# Moments of which the path is found at once, and how many of them again with the next, so that seams are no seams.
_BLOCK, _OVERLAP = 1024, 64
# At a change of reference each of the two frames shows so much of the other's.
_FADE = 1 / 3
# Cost of the reference from which on something else is mixed in, and from which on that alone is shown.
_DOUBTFUL, _HOPELESS = 0.10, 0.20
# How much further than in the reference a mouth opens: from here on teeth are stretched.
_STRETCHED, _TORN = 2.0, 3.0
_LEAST_OPENING = 0.02
# A share of the network this small changes a level or two: no frame is drawn for it.
_UNSEEN = 0.05


@dataclass(frozen=True)
class Plan:
    """Of every output frame: references shown, next, share of the next; voters [T, n] (-1: none). unlike, inside: how
    little they will do 0..1, in all and between the lips."""

    shown: np.ndarray
    next: np.ndarray
    share: np.ndarray
    voters: np.ndarray
    unlike: np.ndarray
    inside: np.ndarray

    def picks(self, number: int) -> Picks:
        """The references of one output frame."""
        return Picks(
            int(self.shown[number]),
            int(self.next[number]),
            float(self.share[number]),
            tuple(int(each) for each in self.voters[number] if each >= 0),
        )

    def switches(self, numbers: np.ndarray) -> list[int]:
        """Which of these output frames show another reference than the one before them."""
        return [int(number) for number in numbers[1:][np.diff(self.shown[numbers]) != 0]]


def plan_references(
    costs: MouthCosts,
    wanted: Looks,
    known: Looks,
    opened: tuple[np.ndarray, np.ndarray],
    frames: np.ndarray,
    numbers: np.ndarray,
    frame_count: int,
) -> Plan:
    """The plan for the output frames `numbers` (rising [T]) of `frame_count`, which are to look as `wanted` [T].

    known: what the N references show, in order of their `frames` [N]; there may be none. opened: how far mouths are
    open in `wanted` [T] and in `known` [N], eye corners 1 apart.
    """
    plan = Plan(
        np.zeros(frame_count, np.int32),
        np.zeros(frame_count, np.int32),
        np.zeros(frame_count, np.float32),
        np.full((frame_count, _VOTERS), -1, np.int32),
        np.ones(frame_count, np.float32),
        np.zeros(frame_count, np.float32),
    )
    if len(known) == 0:
        return plan
    openings = np.maximum(opened[1], _LEAST_OPENING)
    edges = np.flatnonzero(np.diff(numbers) != 1) + 1
    for first, last in zip([0, *edges], [*edges, len(numbers)], strict=True):
        start: int | None = None
        for begin in range(first, last, _BLOCK):
            part = slice(begin, min(begin + _BLOCK, last))
            here = costs(wanted[slice(begin, min(begin + _BLOCK + _OVERLAP, last))], known)
            path = cheapest_path(here, frames, start)[: part.stop - part.start]
            start = int(path[-1])
            _note(plan, numbers[part], path, here[: len(path)], frames)
            plan.inside[numbers[part]] = _ramp(opened[0][part] / openings[path], _STRETCHED, _TORN)
    return plan


def _note(plan: Plan, numbers: np.ndarray, path: np.ndarray, costs: np.ndarray, frames: np.ndarray) -> None:
    plan.shown[numbers] = plan.next[numbers] = path
    apart = np.flatnonzero(np.abs(np.diff(frames[path])) > 1)
    plan.next[numbers[apart]], plan.share[numbers[apart]] = path[apart + 1], _FADE
    plan.next[numbers[apart + 1]], plan.share[numbers[apart + 1]] = path[apart], _FADE
    shown = cv2.GaussianBlur(costs[np.arange(len(path)), path][:, None], (1, 0), 1.5)
    plan.unlike[numbers] = _ramp(shown[:, 0], _DOUBTFUL, _HOPELESS)
    # What is shown does not vote once more, nor its neighbours; who votes changes slowly.
    steady = cv2.blur(costs, (1, 5), borderType=cv2.BORDER_REPLICATE)
    near = np.abs(frames[None, :] - frames[path][:, None]) < _APART
    steady[near] = np.inf
    voters = nearest_apart(steady, frames, _VOTERS, _APART)
    voters[np.take_along_axis(steady, np.maximum(voters, 0), axis=1) > shown + _UNLIKE] = -1
    voters[(voters >= 0).sum(axis=1) < _FEWEST] = -1
    plan.voters[numbers] = voters


def _ramp(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 up to `low`, 1 from `high` on, smooth between; 0, too, where it would be too little to be seen."""
    share = np.clip((values - low) / (high - low), 0, 1).astype(np.float32)
    share = share * share * (3 - 2 * share)
    return np.where(share < _UNSEEN, np.float32(0), share)
