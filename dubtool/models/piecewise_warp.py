"""A portrait animated without a network: a piecewise affine warp between its landmarks and the wanted ones.

The baseline that a network must beat, and what works where no weights fit. Skin stretches with the mesh; eyeballs and
teeth do not, but are covered and laid bare by lids and lips; where a mouth opens that was closed, there is darkness.
"""

from __future__ import annotations

import cv2
import numpy as np

from dubtool.face.aperture import LIP_CORNERS, LIPS
from dubtool.face.portrait_points import LEFT_IRIS, RIGHT_IRIS
from dubtool.face.pose import Poses, fit_poses
from dubtool.face.topology import OUTER_LIP, STABLE
from dubtool.face.warp_mesh import FACE_POINTS, OPENINGS, Surroundings, depths, triangles

_STABLE = list(STABLE)
# Fixed-point bits of polygon corners in OpenCV's rasteriser.
_SHIFT = 4
_UPPER_LIP = [LIP_CORNERS[0], *(upper for upper, _ in LIPS), LIP_CORNERS[1]]
# Softness of the edges of eyes and mouth, and how much further a mouth opens until it is dark, in sides of the crop.
_SOFT, _GROWN = 0.002, 0.01
# The inside of a mouth, as a share of the lips' own colour: it is redder than dark.
_DARK = np.array([0.24, 0.17, 0.17], np.float32)


class WarpAnimator:
    """An `Animator` that needs no weights. side: of its crops, px."""

    device = "cpu"

    def __init__(self, side: int = 512) -> None:
        self.side = side
        self._grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).astype(np.float32)

    def set_portrait(self, picture: np.ndarray, landmarks: np.ndarray) -> None:
        """See `Animator.set_portrait`."""
        self._picture, self._landmarks = picture, landmarks.astype(np.float64)
        self._around = Surroundings(self._landmarks, self.side)
        self._vertices = np.concatenate([self._landmarks[:FACE_POINTS], self._around.rest])
        self._own_openings = [self._softened(self._filled(self._landmarks[outline])) for outline in OPENINGS]
        lips = self._filled(self._landmarks[list(OUTER_LIP)]) > 0.5
        colour = picture[lips].mean(axis=0) if lips.any() else np.full(3, 128.0)
        self._dark = colour.astype(np.float32) * _DARK

    def animate(self, landmarks: np.ndarray) -> np.ndarray:
        """See `Animator.animate`."""
        heads = fit_poses(landmarks[:, _STABLE].astype(np.float64), self._landmarks[_STABLE])
        pairs = zip(landmarks.astype(np.float64), (heads[slice(n, n + 1)] for n in range(len(heads))), strict=True)
        return np.stack([self._drawn(face, head) for face, head in pairs])

    def _drawn(self, face: np.ndarray, head: Poses) -> np.ndarray:
        drawn = self._sampled(self._skin_map(face, head))
        for number, iris in enumerate((RIGHT_IRIS, LEFT_IRIS)):
            self._lay(drawn, number, face, self._with_gaze(list(iris), face, head))
        grown = _height(face) - float(head.scale[0]) * _height(self._landmarks)
        dark = min(max(grown / (_GROWN * self.side), 0.0), 1.0)
        # What a portrait shows of its teeth hangs on the upper lip.
        self._lay(drawn, 2, face, _similarity(self._landmarks[_UPPER_LIP, :2], face[_UPPER_LIP, :2]), dark)
        return np.clip(drawn, 0.0, 255.0)

    def _lay(self, drawn: np.ndarray, number: int, face: np.ndarray, forward: np.ndarray, dark: float = 0.0) -> None:
        """Put what lies behind an opening into it, in place; what the portrait does not show of it is so `dark`.

        forward: the matrix [2, 3] from where that is in the portrait.
        """
        outline = face[OPENINGS[number]]
        box = self._box(outline)
        if box is None:
            return
        back = cv2.invertAffineTransform(forward).astype(np.float32)
        inside = self._grid[box] @ back[:, :2].T + back[:, 2]
        opening = self._softened(self._filled(outline))[box][..., None]
        seen = _remapped(self._own_openings[number], inside, cv2.INTER_LINEAR)[..., None]
        # What the stretched seam of closed lips shows is no mouth.
        behind = drawn[box] + dark * (1 - seen) * opening * (self._dark - drawn[box])
        drawn[box] = behind + opening * seen * (self._sampled(inside) - behind)

    def _box(self, outline: np.ndarray) -> tuple[slice, slice] | None:
        """Rows and columns that a softened polygon reaches, None where it lies outside."""
        margin = 4 * _SOFT * self.side + 1
        low = np.clip(np.floor(outline[:, :2].min(axis=0) - margin), 0, self.side).astype(int)
        high = np.clip(np.ceil(outline[:, :2].max(axis=0) + margin) + 1, 0, self.side).astype(int)
        return (slice(low[1], high[1]), slice(low[0], high[0])) if (low < high).all() else None

    def _skin_map(self, face: np.ndarray, head: Poses) -> np.ndarray:
        """Where in the portrait each pixel's skin, hair or background comes from: float32 [S, S, 2]."""
        rings = self._around.moved(face, float(head.scale[0]), head.rotation[0], head.translation[0])
        target, faces = np.concatenate([face[:FACE_POINTS], rings]), triangles()
        numbers = np.zeros((self.side, self.side), np.int32)
        corners = np.rint(target[faces, :2] * 2**_SHIFT).astype(np.int32)
        # The farthest first: what turns away is covered by what is before it.
        for number in np.argsort(-depths(target, self.side), kind="stable"):
            cv2.fillConvexPoly(numbers, corners[number], int(number), cv2.LINE_8, _SHIFT)
        back = _affine(target[faces, :2], self._vertices[faces, :2]).astype(np.float32)[numbers]
        return back[..., 0] * self._grid[..., :1] + back[..., 1] * self._grid[..., 1:] + back[..., 2]

    def _with_gaze(self, iris: list[int], face: np.ndarray, head: Poses) -> np.ndarray:
        """How an eyeball goes with the skull, and to where its iris is to be: matrix [2, 3]."""
        own = self._landmarks[iris].mean(axis=0)
        turn = head.scale[0] * head.rotation[0, :2, :2]
        return np.column_stack([turn, face[iris, :2].mean(axis=0) - turn @ own[:2]])

    def _sampled(self, where: np.ndarray) -> np.ndarray:
        return _remapped(self._picture, where, cv2.INTER_CUBIC).astype(np.float32)

    def _filled(self, outline: np.ndarray) -> np.ndarray:
        """A polygon's share of each pixel: float32 [S, S]."""
        mask = np.zeros((self.side, self.side), np.uint8)
        corners = np.rint(outline[:, :2] * 2**_SHIFT).astype(np.int32)
        cv2.fillPoly(mask, [corners], 255, cv2.LINE_AA, _SHIFT)
        return mask.astype(np.float32) / 255

    def _softened(self, mask: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(mask, (0, 0), _SOFT * self.side)


def _remapped(picture: np.ndarray, where: np.ndarray, how: int) -> np.ndarray:
    # An empty second map in the place of None is read beyond its end.
    return np.asarray(cv2.remap(picture, where, None, how, borderMode=cv2.BORDER_REPLICATE))  # type: ignore[call-overload]


def _height(face: np.ndarray) -> float:
    """Of the open mouth, px."""
    upper, lower = np.array(LIPS).T
    return float(np.linalg.norm(face[lower, :2] - face[upper, :2], axis=1).mean())


def _similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Least-squares turn, scale and shift [2, 3] from points [N, 2] to others."""
    a, b = (points @ (1, 1j) for points in (source, target))
    factor = np.vdot(a - a.mean(), b - b.mean()) / np.vdot(a - a.mean(), a - a.mean()).real
    shift = b.mean() - factor * a.mean()
    return np.array([[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]])


def _affine(target: np.ndarray, source: np.ndarray) -> np.ndarray:
    """What carries target triangles [T, 3, 2] onto source triangles: [T, 2 (x, y), 3]; slivers carry their corner."""
    edges, own = target[:, 1:] - target[:, :1], source[:, 1:] - source[:, :1]
    area = edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0]
    safe = np.where(np.abs(area) < 1e-2, np.inf, area)
    inverse = np.stack(
        [
            np.stack([edges[:, 1, 1], -edges[:, 0, 1]], axis=-1),
            np.stack([-edges[:, 1, 0], edges[:, 0, 0]], axis=-1),
        ],
        axis=1,
    )
    linear = np.matmul(inverse / safe[:, None, None], own)
    offset = source[:, 0] - np.matmul(target[:, :1], linear)[:, 0]
    return np.concatenate([linear.transpose(0, 2, 1), offset[..., None]], axis=2)
