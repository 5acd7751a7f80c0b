"""LPIPS: how different two pictures look, by a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np

# AlexNet's strides leave too little of anything smaller.
_SMALLEST_SIDE = 64

Run = Callable[[dict[str, np.ndarray]], Mapping[str, np.ndarray]]


class Lpips:
    """Learned perceptual distance, AlexNet, version 0.1 (Zhang, Isola, Efros, Shechtman, Wang, CVPR 2018, eq. 1).

    run: of a session of `lpips_alex.onnx` (inputs "image" and "truth", float32 [N, 3, H, W] in -1..1; output
    "distance" [N]).
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    def __call__(self, image: np.ndarray, truth: np.ndarray) -> float:
        """The distance of two RGB pictures uint8 [H, W, 3]: 0 for equal ones, about 0.7 for unrelated ones.

        Pictures with a side below 64 px are both enlarged to it.
        """
        return float(self._run({"image": _prepared(image), "truth": _prepared(truth)})["distance"][0])


def _prepared(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    scale = _SMALLEST_SIDE / min(height, width)
    if scale > 1:
        size = (max(_SMALLEST_SIDE, round(width * scale)), max(_SMALLEST_SIDE, round(height * scale)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(image.astype(np.float32).transpose(2, 0, 1)[None] / 127.5 - 1.0)
