"""The shipped LPIPS as a torch module, to learn with: read out of the ONNX file that measures with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from dubtool.errors import WeightsError
from dubtool.networks.lpips import Lpips

# `engine.export.store_half` names a weight so that it has stored in half precision.
_HALF = "_half"


def load_shipped_lpips(path: Path) -> Lpips:
    """The network of the file that `engine.export_lpips` wrote, in evaluation mode and without gradients of its own.

    Raises:
        WeightsError: the file is something else.
    """
    network = Lpips()
    names = network.state_dict().keys()
    try:
        stored = {tensor.name.removesuffix(_HALF): tensor for tensor in onnx.load(path).graph.initializer}
        state = {name: torch.from_numpy(numpy_helper.to_array(stored[name]).astype(np.float32)) for name in names}
        network.load_state_dict(state)
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        raise WeightsError(f"{path}: not the LPIPS that dubtool ships; run 'dubtool weights verify'") from error
    return network.eval().requires_grad_(False)
