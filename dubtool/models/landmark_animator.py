"""The reenactment network at work: two ONNX graphs, one run per portrait and one per batch of frames.

The second paints over what a piecewise warp makes of the portrait. On crops larger than the network's own, what it
changes of the warp is enlarged and added to a warp of their size: the portrait's own detail stays.
"""

from __future__ import annotations

from typing import ClassVar

import cv2
import numpy as np

from dubtool.errors import WeightsError
from dubtool.face.portrait_crop import rescaled
from dubtool.face.portrait_points import KEYPOINTS, draw_portrait, keypoints
from dubtool.models.graphs import Graphs
from dubtool.models.piecewise_warp import WarpAnimator


class LandmarkAnimator:
    """A portrait driven by landmarks (`animator.Animator`). `set_portrait` first, then `animate` for each batch.

    graphs: those that `dubtool.export.adasr` writes. side: of the crops, px; never less than the network's own.

    Raises:
        WeightsError: the network was trained with other keypoints.
    """

    graphs: ClassVar[tuple[str, ...]] = ("once", "frame")
    refusal: ClassVar[str] = "not a reenactment network; see 'dubtool weights list'"

    def __init__(self, graphs: Graphs, side: int = 0) -> None:
        if graphs.metadata.get("keypoints") != list(KEYPOINTS):
            raise WeightsError(f"{graphs.name}: was trained with other keypoints; train and export it again")
        self._graphs = graphs
        self._own_side = int(graphs.metadata["side"])
        self.side = max(side, self._own_side)
        self.device = graphs.device
        self._warp = WarpAnimator(self._own_side)
        self._large = WarpAnimator(self.side) if self.side > self._own_side else None
        self._constant: dict[str, np.ndarray] = {}

    def set_portrait(self, picture: np.ndarray, landmarks: np.ndarray) -> None:
        """See `Animator.set_portrait`."""
        if self._large is not None:
            self._large.set_portrait(picture, landmarks)
            picture = cv2.resize(picture, (self._own_side, self._own_side), interpolation=cv2.INTER_AREA)
            landmarks = self._reduced(landmarks)
        image = picture.transpose(2, 0, 1)[None].astype(np.float32) / 255
        encoded = self._graphs.run("once", {"image": image, "drawing": self._drawings(landmarks[None])})
        self._constant = {"source": keypoints(landmarks[None], self._own_side), **encoded}
        self._warp.set_portrait(picture, landmarks)

    def animate(self, landmarks: np.ndarray) -> np.ndarray:
        """See `Animator.animate`."""
        if self._large is None:
            return self._painted(landmarks)[0]
        painted, warped = self._painted(self._reduced(landmarks))
        changes = [cv2.resize(one, (self.side, self.side), interpolation=cv2.INTER_CUBIC) for one in painted - warped]
        return np.clip(self._large.animate(landmarks) + np.stack(changes), 0.0, 255.0)

    def _painted(self, landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What the network makes, and the warp that it was given, at its own size: float32 [B, s, s, 3], 0..255."""
        warped = self._warp.animate(landmarks)
        feeds = {
            "driven": keypoints(landmarks, self._own_side),
            "drawing": self._drawings(landmarks),
            "warped": warped.transpose(0, 3, 1, 2) / 255,
        }
        return self._graphs.run_frames(feeds, self._constant)["picture"].transpose(0, 2, 3, 1) * 255, warped

    def _reduced(self, landmarks: np.ndarray) -> np.ndarray:
        """Landmarks [..., 3] of a crop in px of the network's."""
        return rescaled(landmarks, self._own_side / self.side)

    def _drawings(self, landmarks: np.ndarray) -> np.ndarray:
        drawn = np.stack([draw_portrait(face, self._own_side) for face in landmarks])
        return drawn.astype(np.float32) / 255
