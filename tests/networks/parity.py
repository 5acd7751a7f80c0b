"""Weights, inputs and outputs of the authors' networks, for those who hold the parity folder (DUBTOOL_PARITY)."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

FOLDER = Path(os.environ.get("DUBTOOL_PARITY", "no parity folder"))
needs_parity = pytest.mark.skipif(not FOLDER.is_dir(), reason="DUBTOOL_PARITY names no folder")


def _filler() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fill_weights", FOLDER / "fill_weights.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def description(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{name}.json").read_text())


def state(entries: list[Any], seed: int, gain: float, prefix: str = "") -> dict[str, torch.Tensor]:
    return {key: torch.from_numpy(value) for key, value in _filler().fill(entries, seed, gain, prefix).items()}


def random_input(name: str, shape: list[int], seed: int, kind: str = "uniform") -> torch.Tensor:
    return torch.from_numpy(_filler().random_input(name, shape, seed, kind))


def expected(name: str) -> dict[str, np.ndarray]:
    with np.load(FOLDER / f"{name}.npz") as archive:
        return dict(archive)


def largest_difference(output: torch.Tensor, name: str, case: str) -> float:
    """Of a flattened output from the positions that the archive holds."""
    values = expected(name)
    index = torch.from_numpy(values[f"{case}.index"])
    return float((output.flatten()[index] - torch.from_numpy(values[f"{case}.value"])).abs().max())
