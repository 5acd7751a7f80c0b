"""Loading the networks that a job asks for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dubtool.engine.device import resolve
from dubtool.engine.session import Session
from dubtool.errors import UsageError
from dubtool.jobs.shared.adapted import FRAME, FRAME_INT8, ONCE
from dubtool.jobs.shared.options import MENDER, RETRIEVAL, WARP, DubOptions, painter_of
from dubtool.metrics.sync import ShapeSyncJudge
from dubtool.models.animator import Animator
from dubtool.models.generator import Generator
from dubtool.models.keypoint_animator import KeypointAnimator
from dubtool.models.piecewise_warp import WarpAnimator
from dubtool.models.registry import open_animator, open_generator, open_restorer, open_warp_painter
from dubtool.models.restorer import Restorer
from dubtool.models.warp_painter import WarpPainter
from dubtool.weights.locate import find, find_graphs, graph_names, known

# Sides of the crops in which portraits are animated, px.
_SIDES = (256, 640)


def takes_cpu_graph(device: str, precision: str) -> bool:
    """Whether a graph that is made for CPUs is to run: it takes half the time, for a difference that cannot be seen.

    Raises:
        DeviceError: there is no such device.
    """
    return precision == "auto" and not resolve(device).is_cuda


def load_generator(
    model: str, device: str, precision: str, threads: int | None = None
) -> tuple[Generator, tuple[str, ...]]:
    """Generator `model`, and the names of the weights it was made of.

    Raises:
        UsageError, WeightsError, DeviceError: see `find_graphs` and `Session`.
    """
    on_cpu = takes_cpu_graph(device, precision)
    generator = open_generator(*find_graphs(model, on_cpu=on_cpu), device=device, precision=precision, threads=threads)
    return generator, graph_names(model, on_cpu=on_cpu)


def load_adapted(folder: Path, sharpen: float, device: str, precision: str, threads: int | None = None) -> Generator:
    """The generator that was adapted to one person, from the files that `adapt` keeps. sharpen: of its pictures.

    Raises:
        WeightsError, DeviceError: see `Session`.
    """
    frame = FRAME_INT8 if takes_cpu_graph(device, precision) else FRAME
    generator = open_generator(folder / ONCE, folder / frame, device=device, precision=precision, threads=threads)
    generator.spec = replace(generator.spec, sharpen=sharpen)
    return generator


def load_restorer(
    model: str, device: str, precision: str, threads: int | None = None
) -> tuple[Restorer, tuple[str, ...]]:
    """The network `model` that restores teeth, and the names of the weights it was made of.

    Raises:
        UsageError, WeightsError, DeviceError: see `find_graphs` and `Session`.
    """
    files = find_graphs(model)
    return open_restorer(*files, device=device, precision=precision, threads=threads), graph_names(model)


def load_animator(
    model: str, device: str, precision: str, *, natural_side: int
) -> tuple[Animator | KeypointAnimator, tuple[str, ...]]:
    """What animates portraits by name, and the names of the weights it was made of (none for the warp).

    natural_side: of the face's crop in the portrait's own px; animators that can work at that size, within what is
    quick.

    Raises:
        UsageError, WeightsError, DeviceError: see `find_graphs` and `Session`.
    """
    side = int(np.clip(natural_side - natural_side % 2, *_SIDES))
    if model == WARP:
        return WarpAnimator(side), ()
    return open_animator(*find_graphs(model), device=device, precision=precision, side=side), graph_names(model)


@dataclass(frozen=True)
class Networks:
    """What draws a dub. graphs: names of the weights that it is made of."""

    generator: Generator
    restorer: Restorer | None
    mender: WarpPainter | None
    graphs: list[str]


def sync_judge(device: str) -> ShapeSyncJudge:
    """What tells whether mouth shapes fit a sound.

    Raises:
        WeightsError, DeviceError: see `Session`.
    """
    session = Session(find("shapesync"), device)
    return ShapeSyncJudge(session.run, int(session.metadata["frames"]), int(session.metadata["steps"]))


def load_networks(options: DubOptions, threads: int | None = None) -> Networks:
    """What draws a dub. threads: of each network on a CPU; None for all cores. Raises as `load_generator` does."""
    adapted, graphs = options.adapted, tuple[str, ...]()
    where = options.device, options.precision, threads
    if adapted is not None and adapted.painter.used:
        generator = load_adapted(adapted.folder, adapted.painter.sharpen, *where)
    else:
        generator, graphs = load_generator(painter_of(options.model), *where)
    restorer, more = _restorer(options, generator, threads)
    mender = None
    if options.model == RETRIEVAL and MENDER in known():
        mender = open_warp_painter(find(MENDER), device=options.device, precision=options.precision, threads=threads)
        more = (*more, MENDER)
    return Networks(generator, restorer, mender, [*graphs, *more])


def _restorer(
    options: DubOptions, generator: Generator, threads: int | None
) -> tuple[Restorer | None, tuple[str, ...]]:
    if not options.restore_teeth:
        return None, ()
    if options.model == RETRIEVAL:
        raise UsageError(
            f"{RETRIEVAL} shows the person's own teeth; leave out --restore-teeth, or choose another --model"
        )
    if not generator.spec.outlined:
        raise UsageError(f"teeth can be restored after generators driven by mouth shapes; {options.model} is not")
    return load_restorer(options.restorer, options.device, options.precision, threads)
