"""Loading the networks that a job asks for."""

from __future__ import annotations

from dubtool.engine.device import resolve
from dubtool.errors import WeightsError
from dubtool.face.generator import Generator
from dubtool.face.restorer import Restorer
from dubtool.jobs.options import DEFAULT_RESTORER
from dubtool.weights.locate import find_graphs, graph_names, known


def load_generator(model: str, device: str, precision: str) -> tuple[Generator, tuple[str, str]]:
    """Generator `model`, and the names of the two weights it was made of.

    Raises:
        UsageError, WeightsError, DeviceError: see `find_graphs` and `Session`.
    """
    # On the CPU 8-bit convolutions take half the time, for a difference that cannot be seen.
    quantised = precision == "auto" and not resolve(device).is_cuda
    once, frame = find_graphs(model, quantised=quantised)
    return Generator(once, frame, device=device, precision=precision), graph_names(model, quantised=quantised)


def load_restorer(model: str, device: str, precision: str) -> tuple[Restorer, tuple[str, str]]:
    """The network `model` that restores teeth, and the names of the two weights it was made of.

    Raises:
        UsageError, WeightsError, DeviceError: see `find_graphs` and `Session`.
    """
    if model == DEFAULT_RESTORER and f"{model}_frame" not in known():
        raise WeightsError(
            f"weights {model!r} do not come with this version of dubtool; take over the authors' by "
            "'dubtool weights import hdtr FILE', then choose the model hdtr"
        )
    once, frame = find_graphs(model)
    return Restorer(once, frame, device=device, precision=precision), graph_names(model)
