"""Half precision in training, where the processor has it: elsewhere it is emulated, and a hundred times slower."""

from __future__ import annotations

import functools

import torch


def mixed_precision(device: torch.device | str) -> torch.autocast:
    """A context in which convolutions and products run in bfloat16 on GPUs, and on CPUs that know it."""
    kind = torch.device(device).type
    return torch.autocast(kind, torch.bfloat16, enabled=kind != "cpu" or _cpu_knows_bfloat16())


@functools.cache
def _cpu_knows_bfloat16() -> bool:
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
