"""The painter over deformed references as one ONNX graph."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from dubtool.export.graph import export_module
from dubtool.networks.warp_painter import CHANNELS, WarpPainter


def export_warp_painter(network: WarpPainter, path: Path, *, side: int, descriptor: Mapping[str, Any]) -> None:
    """Write pictures [B, 13, side, side] -> change [B, 3, side, side], both in units of 0..1; B is free."""
    export_module(
        network,
        {"pictures": torch.zeros(2, CHANNELS, side, side)},
        path,
        outputs=("change",),
        dynamic={"pictures": {0: "batch"}},
        descriptor={**descriptor, "network": "warp-painter", "side": side, "width": network.width},
        half_storage=True,
    )
