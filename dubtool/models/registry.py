"""Which class runs which network: files say in their metadata what they hold, and are opened by it.

A new network is one class in a file beside this one, and one line in a table here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Protocol, TypeVar

from dubtool.errors import WeightsError
from dubtool.models.dinet import DINetGenerator
from dubtool.models.g4g import G4GGenerator
from dubtool.models.generator import Generator
from dubtool.models.graphs import Graphs
from dubtool.models.keypoint_animator import KeypointAnimator
from dubtool.models.landmark_animator import LandmarkAnimator
from dubtool.models.restorer import Restorer
from dubtool.models.warp_painter import WarpPainter
from dubtool.models.wav2lip import Wav2LipGenerator

GENERATORS: Mapping[str, type[Generator]] = {
    "dinet": DINetGenerator,
    "g4g": G4GGenerator,
    "wav2lip": Wav2LipGenerator,
}
RESTORERS: Mapping[str, type[Restorer]] = {"hdtr": Restorer}
ANIMATORS: Mapping[str, type[LandmarkAnimator] | type[KeypointAnimator]] = {
    "adasr-landmarks": LandmarkAnimator,
    "adasr-learned": KeypointAnimator,
}
WARP_PAINTERS: Mapping[str, type[WarpPainter]] = {"warp-painter": WarpPainter}


class _Model(Protocol):
    """graphs: which of `GRAPHS` the network consists of. refusal: what is said of files that hold something else."""

    graphs: ClassVar[tuple[str, ...]]
    refusal: ClassVar[str]


M = TypeVar("M", bound=_Model)


def open_generator(
    *files: Path, device: str = "auto", precision: str = "auto", threads: int | None = None
) -> Generator:
    """The dubbing generator in `files`. Arguments and further errors are those of `Graphs`.

    Raises:
        WeightsError: the files hold none that is known.
    """
    graphs = Graphs(*files, device=device, precision=precision, threads=threads)
    return _class_of(graphs, GENERATORS)(graphs)


def open_restorer(*files: Path, device: str = "auto", precision: str = "auto", threads: int | None = None) -> Restorer:
    """What restores teeth, as `open_generator`."""
    graphs = Graphs(*files, device=device, precision=precision, threads=threads)
    return _class_of(graphs, RESTORERS)(graphs)


def open_animator(
    *files: Path, device: str = "auto", precision: str = "auto", threads: int | None = None, side: int = 0
) -> LandmarkAnimator | KeypointAnimator:
    """What animates a portrait, as `open_generator`.

    Half precision would round places in the picture to whole pixels, and is taken for "auto". side: of the crops that
    are asked for, px; see the class for what becomes of it.
    """
    precision = "auto" if precision == "fp16" else precision
    graphs = Graphs(*files, device=device, precision=precision, threads=threads)
    return _class_of(graphs, ANIMATORS)(graphs, side)


def open_warp_painter(
    file: Path, *, device: str = "auto", precision: str = "auto", threads: int | None = None
) -> WarpPainter:
    """The painter over deformed references, as `open_generator`."""
    graphs = Graphs(file, device=device, precision=precision, threads=threads)
    return _class_of(graphs, WARP_PAINTERS)(graphs)


def _class_of(graphs: Graphs, classes: Mapping[str, type[M]]) -> type[M]:
    """The class that runs the graphs."""
    found = classes.get(graphs.network)
    if found is None:
        raise WeightsError(f"{graphs.name}: {next(iter(classes.values())).refusal}")
    stranger = graphs.stranger()
    if stranger is not None:
        raise WeightsError(f"{stranger}: {found.refusal}")
    if graphs.roles != found.graphs:
        wanted, there = (", ".join(roles) for roles in (found.graphs, graphs.roles))
        raise WeightsError(f"{graphs.name}: the graphs {wanted} make the network, here is {there}; import it again")
    return found
