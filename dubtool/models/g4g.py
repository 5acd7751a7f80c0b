"""G4G at work: mel windows, and the drawing as a picture of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dubtool.face.draw import landmark_picture
from dubtool.models.generator import Generator
from dubtool.models.graphs import Graphs


class G4GGenerator(Generator):
    """The graphs that `dubtool.export.g4g` writes."""

    def __init__(self, graphs: Graphs) -> None:
        super().__init__(graphs)
        self._drawn = int(graphs.metadata.get("landmark_channels", 1)) > 1

    @staticmethod
    def _draws(metadata: Mapping[str, Any]) -> bool:
        return True

    def _feeds(self, source: np.ndarray, conditions: np.ndarray, drawings: np.ndarray | None) -> dict[str, np.ndarray]:
        if drawings is None:
            raise ValueError("this generator needs drawings")
        return {
            "source": source.astype(np.float32) / 255,
            "landmarks": (drawings if self._drawn else landmark_picture(drawings)).astype(np.float32) / 255,
            # The speech goes forward along the first axis.
            "mel": np.ascontiguousarray(conditions.transpose(0, 2, 1), np.float32),
        }
