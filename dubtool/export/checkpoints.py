"""Checkpoints of other people: opened safely, unwrapped, and recognised by what their state dict holds.

Authors save the same network in many layouts; the file's name says nothing reliable. A few tensors that only one
architecture has, with their shapes, say it all.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dubtool.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor

State = Mapping[str, "Tensor"]

_WRAPPERS = ("state_dict", "net_g", "net")
# AdaSR keeps its networks side by side in one file.
_PARTS = ("generator", "kp_detector", "he_estimator")

# Tensors that identify an architecture, with their number of dimensions.
_SIGNATURES: dict[str, dict[str, int]] = {
    "dinet": {"adaAT.commn_linear.0.weight": 2, "source_in_conv.0.conv.weight": 4, "audio_encoder.0.conv.weight": 3},
    "syncnet_dinet": {"face_encoder.face_conv.0.conv.weight": 4, "merge_encoder.0.weight": 4},
    "hdtr": {"encoder.mask_model.conv1.weight": 4, "decoder.deconv1_1_new.weight": 4},
    "wav2lip": {"face_encoder_blocks.0.0.conv_block.0.weight": 4, "output_block.0.conv_block.0.weight": 4},
    "adasr": {"kp_detector.kp.weight": 5, "he_estimator.fc_roll.weight": 2},
}


@dataclass(frozen=True)
class Checkpoint:
    """A recognised checkpoint: `architecture` is a name of the registry, `state` the bare state dict."""

    architecture: str
    state: State


def load(path: Path) -> Checkpoint:
    """Open `path` (tensors only: nothing in the file is executed), unwrap and recognise it.

    Raises:
        WeightsError: the file is no checkpoint, or it holds no network that is known.
    """
    # Here, because reading the registry must not load torch.
    import torch

    try:
        with warnings.catch_warnings(action="ignore"):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error})") from error
    except Exception as error:
        # Any type at all, depending on the first bytes of what is no checkpoint.
        raise WeightsError(
            f"{path}: not a PyTorch checkpoint that holds only tensors; download it again from its authors"
        ) from error
    state = unwrap(content)
    architecture = recognise(state)
    if architecture is None:
        raise WeightsError(f"{path}: the network in it is none that dubtool knows ({', '.join(_SIGNATURES)})")
    return Checkpoint(architecture, state)


def unwrap(content: Any) -> State:
    """The bare state dict inside what an author saved; empty if there is none."""
    if not isinstance(content, Mapping):
        return {}
    if all(isinstance(content.get(part), Mapping) for part in _PARTS):
        return {f"{part}.{key}": value for part in _PARTS for key, value in unwrap(content[part]).items()}
    for wrapper in _WRAPPERS:
        if isinstance(content.get(wrapper), Mapping):
            return unwrap(content[wrapper])
    # DataParallel prefixes every name with "module.".
    return {str(key).removeprefix("module."): value for key, value in content.items() if hasattr(value, "shape")}


def recognise(state: State) -> str | None:
    """The registry's name of the architecture that `state` belongs to; None if it is unknown."""
    for architecture, signature in _SIGNATURES.items():
        if all(key in state and state[key].ndim == ndim for key, ndim in signature.items()):
            return architecture
    return None
