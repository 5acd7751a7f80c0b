"""The device that a training runs on."""

from __future__ import annotations

import torch

from dubtool.errors import DeviceError


def training_device(name: str) -> str:
    """What torch calls the device "auto", "cpu", "cuda" or "cuda:N".

    Raises:
        DeviceError: there is no such device, or it cannot be used here.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name.split(":")[0] not in ("cpu", "cuda"):
        raise DeviceError(f"no device is called {name!r}; use auto, cpu, cuda or cuda:N")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise DeviceError(f"{name}: torch finds no usable CUDA device; use --device cpu")
    return name
