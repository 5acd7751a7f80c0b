"""The mesh that a portrait is warped by: MediaPipe's triangles, openings closed by strips, rings out to the border."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np

from dubtool.face.aperture import LEFT_EYE_CORNERS, LEFT_LIDS, LIP_CORNERS, LIPS, RIGHT_EYE_CORNERS, RIGHT_LIDS, ring
from dubtool.face.topology import FACE_OVAL

FACE_POINTS = 468
# Rings around the face, in shares of the way from its outline to the border, with how far each goes with the head:
# hair does, the neck hardly, the background not.
_RINGS = ((0.12, 0.97, 0.8), (0.3, 0.85, 0.5), (0.55, 0.5, 0.22), (0.8, 0.15, 0.06), (1.0, 0.0, 0.0))
# What the outline does beyond the head's own turn (the jaw opens) ends here.
_OUTLINE_SHARES = (0.55, 0.2, 0.0, 0.0, 0.0)
# The border ring lies outside the picture by so many sides, so that its straight edges lie there too.
_BEYOND = 0.03

# In the order of `triangles`: the face's own, then those that close its openings.
_SKIN = 852
_FILLS = 2 * (2 * len(RIGHT_LIDS) + len(LIPS))

OPENINGS = (ring(RIGHT_LIDS, RIGHT_EYE_CORNERS), ring(LEFT_LIDS, LEFT_EYE_CORNERS), ring(LIPS, LIP_CORNERS))


@cache
def triangles() -> np.ndarray:
    """Vertex numbers int64 [T, 3]: first the face's, then the strips between rings; see `vertices`."""
    # It looks for sound devices when it is imported, which takes half a second, and is needed for portraits alone.
    import mediapipe as mp

    edges = mp.tasks.vision.FaceLandmarksConnections.FACE_LANDMARKS_TESSELATION
    faces = [tuple(edge.start for edge in edges[place : place + 3]) for place in range(0, len(edges), 3)]
    for pairs, corners in ((RIGHT_LIDS, RIGHT_EYE_CORNERS), (LEFT_LIDS, LEFT_EYE_CORNERS), (LIPS, LIP_CORNERS)):
        rungs = [(corners[0], corners[0]), *pairs, (corners[1], corners[1])]
        for (a, b), (c, d) in pairwise(rungs):
            faces += [face for face in ((a, b, c), (b, d, c)) if len(set(face)) == 3]
    count = len(FACE_OVAL)
    inner = list(FACE_OVAL)
    for number in range(len(_RINGS)):
        outer = [FACE_POINTS + number * count + place for place in range(count)]
        for place in range(count):
            after = (place + 1) % count
            faces += [(inner[place], inner[after], outer[place]), (inner[after], outer[after], outer[place])]
        inner = outer
    return np.array(faces)


class Surroundings:
    """The rings around a portrait's face, and where they go as the head moves.

    landmarks: float [478, 3] px of a square picture of `side` px.
    """

    def __init__(self, landmarks: np.ndarray, side: int) -> None:
        self._outline = landmarks[list(FACE_OVAL)].astype(np.float64)
        centre = self._outline[:, :2].mean(axis=0)
        rays = self._outline[:, :2] - centre
        middle, half = (side - 1) / 2, side * (0.5 + _BEYOND)
        with np.errstate(divide="ignore"):
            reach = np.where(rays > 0, (middle + half - centre) / rays, (middle - half - centre) / rays).min(axis=1)
        border = centre + rays * np.maximum(reach, 1.2)[:, None]
        down = np.clip(rays[:, 1] / np.linalg.norm(rays, axis=1), 0.0, 1.0)[:, None]
        self._rings, self._shares = [], []
        for share, hair, neck in _RINGS:
            points = self._outline.copy()
            points[:, :2] += share * (border - self._outline[:, :2])
            self._rings.append(points)
            self._shares.append(hair + (neck - hair) * down)
        self.rest = np.concatenate(self._rings)

    def moved(self, landmarks: np.ndarray, scale: float, rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
        """Ring points [R, 3] for a face at `landmarks` [478, 3], whose head has moved by this similarity."""

        def rigid(points: np.ndarray) -> np.ndarray:
            return scale * points @ rotation.T + translation

        own = landmarks[list(FACE_OVAL)] - rigid(self._outline)
        parts = []
        for points, share, outline in zip(self._rings, self._shares, _OUTLINE_SHARES, strict=True):
            parts.append(points + share * (rigid(points) - points) + outline * own)
        return np.concatenate(parts)


def depths(target: np.ndarray, span: float) -> np.ndarray:
    """How far each triangle lies from the viewer [T], of vertices [V, 3] that reach over `span` px.

    Rings are behind the face, outer ones behind inner ones. So are openings: a closed one is a line without width, and
    must not be drawn over its own lids or lips.
    """
    faces = triangles()
    depth = target[faces, 2].mean(axis=1)
    depth[_SKIN:][:_FILLS] += 5 * span
    level = np.maximum((faces.max(axis=1) - FACE_POINTS) // len(FACE_OVAL) + 1, 0)
    return depth + 10 * span * level
