"""Whose face it is, by its looks: SFace (Zhong et al., "SFace: Sigmoid-Constrained Hypersphere Loss", TIP 2021)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dubtool.engine.session import Session
from dubtool.face.alignment import ALIGNED_SIDE, IDENTITY_POINTS, five_points, to_aligned
from dubtool.face.picture import Picture
from dubtool.face.topology import tracked

WEIGHTS = "face_identity"
VECTOR_SIZE = 128
# More faces at once need more memory, and are no faster.
_AT_ONCE = 8


class FaceRecognizer:
    """SFace of the OpenCV Zoo with 8-bit weights, on the CPU: a few faces of each shot are all it looks at.

    Raises:
        WeightsError: the file is no readable network.
    """

    def __init__(self, model: Path, threads: int | None = None) -> None:
        self._session = Session(model, "cpu", threads=threads)

    def vectors(self, faces: np.ndarray) -> np.ndarray:
        """Unit vectors float32 [N, 128] of aligned faces, uint8 RGB [N, 112, 112, 3] (`aligned_face`).

        Their products are cosines, -1..1. OpenCV calls 0.363 and above the same person.
        """
        found = [np.empty((0, VECTOR_SIZE), np.float32)]
        for start in range(0, len(faces), _AT_ONCE):
            batch = faces[start : start + _AT_ONCE].transpose(0, 3, 1, 2).astype(np.float32)
            found.append(self._session.run({"data": np.ascontiguousarray(batch)})["fc1"])
        return unit(np.concatenate(found))


def aligned_face(picture: Picture, points: np.ndarray) -> np.ndarray:
    """The face with tracked landmarks [P, 2 or more] (px of the picture) as the recognizer wants it, uint8 RGB."""
    return picture.region(to_aligned(five_points(points[tracked(IDENTITY_POINTS)])), ALIGNED_SIDE)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors [..., K] of length 1."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9), np.float32)
