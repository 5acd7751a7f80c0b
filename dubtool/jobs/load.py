"""Loading the generator that a job asks for."""

from __future__ import annotations

from dubtool.engine.device import resolve
from dubtool.face.generator import Generator
from dubtool.weights.locate import find_graphs, graph_names


def load_generator(model: str, device: str, precision: str) -> tuple[Generator, tuple[str, str]]:
    """Generator `model`, and the names of the two weights it was made of.

    Raises:
        UsageError, WeightsError, DeviceError: see `find_graphs` and `Session`.
    """
    # On the CPU 8-bit convolutions take half the time, for a difference that cannot be seen.
    quantised = precision == "auto" and not resolve(device).is_cuda
    once, frame = find_graphs(model, quantised=quantised)
    return Generator(once, frame, device=device, precision=precision), graph_names(model, quantised=quantised)
