"""The painter over deformed references at work: one ONNX graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dubtool.engine.session import Session
from dubtool.errors import WeightsError


class WarpPainter:
    """Mends what deformed references show. side: of the mouth boxes it sees, px. The arguments are `Session`'s.

    Raises:
        WeightsError: the file is no such network. DeviceError: the device is not usable.
    """

    def __init__(
        self, graph: Path, *, device: str = "auto", precision: str = "auto", threads: int | None = None
    ) -> None:
        self._session = Session(graph, device, precision, threads)
        told = self._session.metadata
        if told.get("network") != "warp-painter":
            raise WeightsError(f"{graph.name}: no painter over references; run 'dubtool weights verify'")
        self.side = int(told["side"])

    def changes(self, pictures: np.ndarray) -> np.ndarray:
        """What is to be added to warped mouths, float32 [B, S, S, 3] in levels of 255, of `painting_over.painter_input`
        [B, 13, S, S]."""
        change = self._session.run({"pictures": np.ascontiguousarray(pictures, np.float32)})["change"]
        return np.asarray(change.transpose(0, 2, 3, 1) * 255)
