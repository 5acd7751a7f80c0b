"""The reenactment network at work: two ONNX graphs, one run per portrait and one per batch of frames.

The second paints over what a piecewise warp makes of the portrait.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dubtool.engine.session import Session
from dubtool.errors import WeightsError
from dubtool.face.portrait_points import KEYPOINTS, draw_portrait, keypoints
from dubtool.face.warp import WarpAnimator


class LandmarkAnimator:
    """A portrait driven by landmarks (`animator.Animator`). `set_portrait` first, then `animate` for each batch.

    once, frame: the files that `dubtool.engine.export_adasr` writes. The other arguments are `Session`'s; half
    precision would round places in the picture to whole pixels, and is taken for "auto".

    Raises:
        WeightsError: the files are no reenactment network of this kind.
        DeviceError: the device is not usable.
    """

    def __init__(
        self, once: Path, frame: Path, device: str = "auto", precision: str = "auto", threads: int | None = None
    ) -> None:
        precision = "auto" if precision == "fp16" else precision
        self._once = Session(once, device, precision, threads)
        self._frame = Session(frame, device, precision, threads)
        for session, graph in ((self._once, "once"), (self._frame, "frame")):
            told = session.metadata
            if told.get("network") != "adasr-landmarks" or told.get("graph") != graph:
                raise WeightsError(f"{session.name}: not a reenactment network; see 'dubtool weights list'")
            if told.get("keypoints") != list(KEYPOINTS):
                raise WeightsError(f"{session.name}: was trained with other keypoints; train and export it again")
        self.side = int(self._frame.metadata["side"])
        self.device = str(self._frame.device)
        self._warp = WarpAnimator(self.side)
        self._constant: dict[str, np.ndarray] = {}

    def set_portrait(self, picture: np.ndarray, landmarks: np.ndarray) -> None:
        """picture: the upright crop of `portrait_crop`, uint8 [S, S, 3]. landmarks: in its px, float32 [478, 3]. Kept
        until the next call."""
        image = picture.transpose(2, 0, 1)[None].astype(np.float32) / 255
        encoded = self._once.run({"image": image, "drawing": self._drawings(landmarks[None])})
        self._constant = {"source": keypoints(landmarks[None], self.side), **encoded}
        self._warp.set_portrait(picture, landmarks)

    def animate(self, landmarks: np.ndarray) -> np.ndarray:
        """The portrait with its face where the given landmarks are: float32 [B, 478, 3] in crop px -> pictures float32
        [B, S, S, 3] in 0..255."""
        feeds = {
            **self._constant,
            "driven": keypoints(landmarks, self.side),
            "drawing": self._drawings(landmarks),
            "warped": self._warp.animate(landmarks).transpose(0, 3, 1, 2) / 255,
        }
        return self._frame.run(feeds)["picture"].transpose(0, 2, 3, 1) * 255

    def _drawings(self, landmarks: np.ndarray) -> np.ndarray:
        drawn = np.stack([draw_portrait(face, self.side) for face in landmarks])
        return drawn.astype(np.float32) / 255
