"""Motion transfer between faces in landmarks: the driver's head and expression on the portrait's own face.

Both faces are brought into the head frame (`pose`), where what a face does is told apart from where the head is.
`relative`: the portrait moves as the driver has moved since a reference frame (Siarohin et al., "First order motion
model", NeurIPS 2019; in 3-D Wang et al., "One-shot free-view neural talking-head synthesis", CVPR 2021), its offsets
scaled by the square root of the ratio of the faces' volumes. Offsets alone do not make lips or lids meet on another
face, so the openings of eyes and mouth are carried over in each face's own range.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dubtool.face.aperture import (
    LEFT_EYE_CORNERS,
    LEFT_LIDS,
    LIP_CORNERS,
    LIPS,
    RIGHT_EYE_CORNERS,
    RIGHT_LIDS,
    eye_openings,
)
from dubtool.face.portrait_points import LEFT_IRIS, RIGHT_IRIS
from dubtool.face.pose import Poses
from dubtool.face.shape import ShapeModel
from dubtool.face.topology import TRACKED

_TRACKED = list(TRACKED)
# A head may leave its place by so much of the crop's side and grow or shrink by so much, softly: the crop ends there.
_FURTHEST, _MOST_ZOOM = 0.16, 0.2
_SIZE_RANGE = (0.7, 1.4)
# Of a closed eye, in the eye's width: lashes have a height.
_LID_FLOOR = 0.04
_WIDEST_EYE = 1.25
# Lips closer than this count as closed, in distances of the outer eye corners.
_LIP_FLOOR = 0.02
# An opening is not amplified beyond this where the driver's reference has a nearly closed mouth.
_MOST_GAIN = 4.0


@dataclass(frozen=True)
class _Opening:
    """An opening's pairs, the share of a change that its upper edge takes, and how far the skin around follows."""

    pairs: tuple[tuple[int, int], ...]
    corners: tuple[int, int]
    upper_share: float
    reach: tuple[float, float]


_LID_REACH, _LIP_REACH = (0.12, 0.08), (0.15, 0.35)
_EYES = (
    _Opening(RIGHT_LIDS, RIGHT_EYE_CORNERS, 0.9, _LID_REACH),
    _Opening(LEFT_LIDS, LEFT_EYE_CORNERS, 0.9, _LID_REACH),
)
_MOUTH = _Opening(LIPS, LIP_CORNERS, 0.35, _LIP_REACH)
_IRISES = (RIGHT_IRIS, LEFT_IRIS)


class MotionTransfer:
    """From one driver to one portrait.

    portrait: float32 [478, 3] in px of a square crop of `side` px. reference: float32 [478, 3], the driver's frame that
    stands for the portrait as it is, px of square pixels. shapes: for head poses. eyes: the driver's closed and open
    state of each eye (`openings.eye_range`). relative: head and openings start from the portrait's own; otherwise they
    are the driver's. turn: degrees of pitch, yaw and roll that are added, as `Poses.angles` counts them.
    """

    def __init__(
        self,
        portrait: np.ndarray,
        reference: np.ndarray,
        shapes: ShapeModel,
        *,
        side: int,
        eyes: np.ndarray,
        relative: bool = True,
        turn: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> None:
        self._shapes, self._side, self._relative, self._turn = shapes, side, relative, turned(*turn)
        self._own_pose, self._own = self._head(portrait)
        self._ref_pose, self._ref = self._head(reference)
        self.size_ratio = size_ratio(self._own, self._ref)
        self._closed = eyes[0]
        start = eye_openings(reference[None])[0] if relative else eyes[1]
        # Where the reference itself blinks, the portrait's eyes are half closed at most.
        self._opened = np.maximum(start - eyes[0], 0.4 * (eyes[1] - eyes[0]))
        self._spreads = {opening.corners: _spread(self._own, opening) for opening in (*_EYES, _MOUTH)}

    def target(self, driver: np.ndarray) -> np.ndarray:
        """Landmarks of the portrait float32 [478, 3] in crop px, where the driver's are [478, 3]."""
        pose, head = self._head(driver)
        moved = self._own + (head - self._ref) * self.size_ratio
        wide = (eye_openings(driver[None])[0] - self._closed) / self._opened
        for eye, iris, share in zip(_EYES, _IRISES, np.clip(wide, 0.0, _WIDEST_EYE), strict=True):
            gaze = np.mean(moved[list(iris)] - self._own[list(iris)], axis=0) * min(float(share), 1.0)
            moved[list(iris)] = self._own[list(iris)] + gaze
            own = _gaps(self._own, eye.pairs)
            floor = np.minimum(own, _LID_FLOOR * _width(self._own, eye.corners))
            self._open(moved, eye, floor + (own - floor) * share)
        self._open(moved, _MOUTH, self._lip_gaps(head))
        return self._placed(pose, moved).astype(np.float32)

    def _head(self, points: np.ndarray) -> tuple[Poses, np.ndarray]:
        """Pose of one face, and its landmarks in the head frame [478, 3]."""
        pose = self._shapes.poses(points[None, _TRACKED])
        return pose, pose.to_head(points[None].astype(np.float64))[0]

    def _lip_gaps(self, head: np.ndarray) -> np.ndarray:
        """Of the portrait's lips [9]: as the driver's open, none where they are closed."""
        here = np.maximum(_gaps(head, LIPS), 0.0) * self.size_ratio
        if not self._relative:
            return here
        own = np.maximum(_gaps(self._own, LIPS), 0.0)
        start = np.maximum(_gaps(self._ref, LIPS), 0.0) * self.size_ratio
        # From closed to the reference's opening the portrait goes from closed to its own; further on by offsets.
        near = np.maximum(start, np.maximum(own / _MOST_GAIN, _LIP_FLOOR))
        return np.maximum(here + (own - start) * np.minimum(here / near, 1.0), 0.0)

    def _open(self, moved: np.ndarray, opening: _Opening, gaps: np.ndarray) -> None:
        """Bring the edges of an opening to these gaps in place, with the skin around them."""
        missing = gaps - _gaps(moved, opening.pairs)
        upper, lower = self._spreads[opening.corners]
        moved[:, 1] -= upper @ (missing * opening.upper_share)
        moved[:, 1] += lower @ (missing * (1 - opening.upper_share))

    def _placed(self, pose: Poses, head: np.ndarray) -> np.ndarray:
        """Head-frame landmarks put into the crop, at the head pose that follows from the driver's."""
        rotation = pose.rotation[0]
        if self._relative:
            rotation = rotation @ self._ref_pose.rotation[0].T @ self._own_pose.rotation[0]
        zoom = _softly(np.log(pose.scale[0] / self._ref_pose.scale[0]), _MOST_ZOOM)
        step = (pose.translation - self._ref_pose.translation)[0] * (self._own_pose.scale[0] / self._ref_pose.scale[0])
        far = float(np.linalg.norm(step[:2])) + 1e-9
        step *= _softly(far, _FURTHEST * self._side) / far
        placed = Poses(
            self._own_pose.scale * np.exp(zoom),
            (self._turn @ rotation)[None],
            self._own_pose.translation + step * (1.0, 1.0, 0.0),
        )
        return placed.to_picture(head[None])[0]


class Settle:
    """Holds the last motion where the driver's face is lost, and eases into the next one where it is back."""

    def __init__(self, rest: np.ndarray, ramp: float = 0.3) -> None:
        """rest: landmarks [478, 3] to begin with. ramp: seconds that easing takes."""
        self._held, self._from, self._back, self._ramp = rest, rest, 0.0, ramp
        self._lost, self._easing, self._first = False, False, True

    def at(self, target: np.ndarray | None, time: float, *, jump: bool = False) -> np.ndarray:
        """Landmarks [478, 3] to show at `time` seconds; `target` is None where the face is lost.

        jump: what was before does not lead here, as after a cut of the driver.
        """
        if target is None:
            self._lost, self._first = True, False
            return self._held
        if self._lost or (jump and not self._first):
            self._from, self._back, self._easing = self._held, time, True
        self._lost = self._first = False
        if self._easing:
            share = (time - self._back) / self._ramp
            self._easing = share < 1.0
            weight = np.float32(0.5 - 0.5 * np.cos(np.pi * min(share, 1.0)))
            target = self._from + weight * (target - self._from)
        self._held = target
        return target


def turned(pitch: float, yaw: float, roll: float) -> np.ndarray:
    """The rotation [3, 3] by which a frontal head gets these angles, as `Poses.angles` counts them; roll first."""
    (cp, cy, cr), (sp, sy, sr) = (f(np.radians([-pitch, -yaw, roll])) for f in (np.cos, np.sin))
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return about_x @ about_y @ about_z


def size_ratio(own: np.ndarray, other: np.ndarray) -> float:
    """Square root of the ratio of two faces' volumes [N, 3], within what faces differ by.

    The papers take the volumes of convex hulls; those of the ellipsoids of inertia have the same ratio wherever one
    face is a linear image of the other, and do not hang on a few outermost points.
    """
    volumes = [np.sqrt(max(float(np.linalg.det(np.cov(points.T))), 1e-18)) for points in (own, other)]
    return float(np.clip(np.sqrt(volumes[0] / volumes[1]), *_SIZE_RANGE))


def _softly(value: float, most: float) -> float:
    """`value`, bent so that it never goes beyond `most`."""
    return float(most * np.tanh(value / most))


def _gaps(head: np.ndarray, pairs: Sequence[tuple[int, int]]) -> np.ndarray:
    """Heights between upper and lower edge in the head frame, negative where they cross."""
    upper, lower = np.array(pairs).T
    return head[lower, 1] - head[upper, 1]


def _width(head: np.ndarray, corners: tuple[int, int]) -> float:
    return float(np.linalg.norm(head[corners[1], :2] - head[corners[0], :2]))


def _spread(head: np.ndarray, opening: _Opening) -> tuple[np.ndarray, np.ndarray]:
    """How much each landmark moves with each upper and each lower edge point: two [478, pairs]."""
    upper, lower = np.array(opening.pairs).T
    line = np.array([opening.corners[0], *upper, opening.corners[1]])
    back = np.array([opening.corners[0], *lower, opening.corners[1]])
    middle = (head[line, :2] + head[back, :2]) / 2
    order = np.argsort(middle[:, 0])
    above = head[:, 1] < np.interp(head[:, 0], middle[order, 0], middle[order, 1])
    spreads = []
    for edge, side, reach in ((upper, above, opening.reach[0]), (lower, ~above, opening.reach[1])):
        apart = np.linalg.norm(head[:, None, :2] - head[None, edge, :2], axis=2)
        near = np.exp(-np.square(apart / (0.4 * reach)))
        weights = near / (near.sum(axis=1, keepdims=True) + 1e-9)
        weights *= np.exp(-np.square(apart.min(axis=1, keepdims=True) / reach)) * side[:, None]
        weights[[*upper, *lower, *opening.corners, *range(468, 478)]] = 0.0
        weights[edge] = np.eye(len(edge))
        spreads.append(weights)
    return spreads[0], spreads[1]
