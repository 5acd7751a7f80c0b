"""Whether the packages of the extra `train` are there."""

from __future__ import annotations

import importlib.util

from dubtool.errors import DubtoolError

_NEEDED = ("torch", "onnx", "onnxscript", "safetensors")


def require_extra() -> None:
    """Raise DubtoolError if any of them is missing, before anything is imported that needs them."""
    missing = [package for package in _NEEDED if importlib.util.find_spec(package) is None]
    if missing:
        raise DubtoolError(f'training needs {", ".join(missing)}: pip install "dubtool[train]"')
