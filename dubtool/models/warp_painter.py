"""The painter over deformed references at work: one ONNX graph."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from dubtool.models.graphs import Graphs


class WarpPainter:
    """Mends what deformed references show. side: of the mouth boxes it sees, px."""

    graphs: ClassVar[tuple[str, ...]] = ("frame",)
    refusal: ClassVar[str] = "no painter over references; run 'dubtool weights verify'"

    def __init__(self, graphs: Graphs) -> None:
        self._graphs = graphs
        self.side = int(graphs.metadata["side"])

    def changes(self, pictures: np.ndarray) -> np.ndarray:
        """What is to be added to warped mouths, float32 [B, S, S, 3] in levels of 255, of `painting_over.painter_input`
        [B, 13, S, S]."""
        change = self._graphs.run_frames({"pictures": np.ascontiguousarray(pictures, np.float32)})["change"]
        return np.asarray(change.transpose(0, 2, 3, 1) * 255)
