"""DINet at work: speech or mouth shapes, and drawings as further channels of the masked crop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dubtool.models.generator import Generator


class DINetGenerator(Generator):
    """The graphs that `dubtool.export.dinet` writes."""

    @staticmethod
    def _draws(metadata: Mapping[str, Any]) -> bool:
        return int(metadata["source_channels"]) > 3

    def _feeds(self, source: np.ndarray, conditions: np.ndarray, drawings: np.ndarray | None) -> dict[str, np.ndarray]:
        if drawings is not None:
            source = np.concatenate([source, drawings], axis=1)
        return {"source": source.astype(np.float32) / 255, "audio": conditions.astype(np.float32)}
