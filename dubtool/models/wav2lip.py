"""Wav2Lip at work: a small square face, its lower half hidden, beside one picture of the same person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import cv2
import numpy as np

from dubtool.models.generator import Generator
from dubtool.models.graphs import Graphs


class Wav2LipGenerator(Generator):
    """The graph that `dubtool.export.wav2lip` writes.

    The crop of all generators holds about what a face detector's box does, 2.5 by 3.25 radii. As the authors do with
    their boxes, it is squeezed into the network's square, and what was made is stretched back.
    """

    graphs: ClassVar[tuple[str, ...]] = ("frame",)

    def __init__(self, graphs: Graphs) -> None:
        super().__init__(graphs)
        self._side = int(graphs.metadata["side"])

    def set_references(self, crops: np.ndarray) -> None:
        """See `Generator.set_references`."""
        self._constant = {"reference": self._squares(crops)}

    @staticmethod
    def _draws(metadata: Mapping[str, Any]) -> bool:
        return False

    def _feeds(self, source: np.ndarray, conditions: np.ndarray, drawings: np.ndarray | None) -> dict[str, np.ndarray]:
        return {
            "source": self._squares(source.transpose(0, 2, 3, 1)),
            "mel": np.ascontiguousarray(conditions[:, None], np.float32),
        }

    def _mouths(self, masked: np.ndarray, conditions: np.ndarray, drawings: np.ndarray | None) -> np.ndarray:
        feeds = self._feeds(masked.transpose(0, 3, 1, 2), conditions, drawings)
        planes = self._graphs.run_frames(feeds, self._constant)["face"][:, ::-1]
        faces = np.ascontiguousarray(planes.transpose(0, 2, 3, 1)) * 255
        size = self.spec.size
        wide = [cv2.resize(face, (size.width, size.height), interpolation=cv2.INTER_CUBIC) for face in faces]
        return np.clip(np.stack(wide)[:, *size.box], 0, 255)

    def _squares(self, crops: np.ndarray) -> np.ndarray:
        """Crops uint8 RGB [B, H, W, 3] as the network takes them: float32 BGR [B, 3, side, side] in 0..1."""
        shape = (self._side, self._side)
        small = np.stack(
            [cv2.resize(np.ascontiguousarray(crop), shape, interpolation=cv2.INTER_AREA) for crop in crops]
        )
        return np.ascontiguousarray(small[..., ::-1].transpose(0, 3, 1, 2), np.float32) / 255
