"""HDTR-Net at work: two ONNX graphs, one for what a mouth is compared with and one for the mouth itself."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from dubtool.face.teeth import draw_contour, hide_lips
from dubtool.models.graphs import Graphs


class Restorer:
    """Redraws blurred mouths.

    graphs: those that `dubtool.export.hdtr` writes. corrects: the answer is the crop, corrected, and not a mouth drawn
    afresh. lower_face: all of the lower face is restored, and not only teeth and lips; then only detail is added.
    reach: side of the crop over that of the paper's.
    """

    graphs: ClassVar[tuple[str, ...]] = ("once", "frame")
    refusal: ClassVar[str] = "does not restore teeth; see 'dubtool weights list'"

    def __init__(self, graphs: Graphs) -> None:
        self._graphs = graphs
        self.side = int(graphs.metadata["side"])
        self.corrects = bool(graphs.metadata.get("corrects", False))
        self.lower_face = bool(graphs.metadata.get("lower_face", False))
        self.reach = float(graphs.metadata.get("reach", 1.0))
        self.device = graphs.device

    def encode(self, references: np.ndarray) -> np.ndarray:
        """What the network keeps of references, crops uint8 RGB [B, S, S, 3]: float32 [B, C, h, w]."""
        return self._graphs.run("once", {"reference": _planes(references)})["features"]

    def restore(self, crops: np.ndarray, lips: np.ndarray, features: np.ndarray) -> np.ndarray:
        """Redrawn crops, float32 RGB [B, S, S, 3] in 0..255.

        crops: uint8 RGB [B, S, S, 3]. lips: their points in crop px [B, 20, 2]. features: of one reference for each
        crop, or of one for all.
        """
        pairs = list(zip(crops, lips, strict=True))
        feeds = {
            "mask": _planes(np.stack([hide_lips(crop, points) for crop, points in pairs])),
            "contour": _planes(np.stack([draw_contour(crop, points) for crop, points in pairs])),
            "features": np.broadcast_to(features, (len(crops), *features.shape[1:])),
        }
        if self.corrects:
            feeds["crop"] = _planes(crops)
        made = self._graphs.run_frames(feeds)["mouth"]
        return np.ascontiguousarray(made.transpose(0, 2, 3, 1)[..., ::-1]) * 255


def _planes(rgb: np.ndarray) -> np.ndarray:
    """Pictures uint8 RGB [B, S, S, 3] as the network takes them: float32 BGR [B, 3, S, S] in 0..1."""
    return np.ascontiguousarray(rgb[..., ::-1].transpose(0, 3, 1, 2), np.float32) / 255
