"""What exports of all networks share: the checkpoint of a run, and what graphs are called and say of themselves."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from torch import nn

from dubtool.training.core.stage import Stage
from dubtool.training.core.trainer import read_checkpoint

S = TypeVar("S", bound=Stage)
N = TypeVar("N", bound=nn.Module)


class ExportedFile(NamedTuple):
    """file: its name. kind, purpose: as `weights.registry.Entry` has them."""

    file: str
    kind: str
    purpose: str


@dataclass(frozen=True)
class ExportJob(Generic[S]):
    """folder: where the graphs go. name: of the network, for those that may have any. sharpen: see `export_run`."""

    run: Path
    stage: S
    folder: Path
    name: str
    sharpen: float = 0.0

    @cached_property
    def checkpoint(self) -> dict[str, Any]:
        """The run's state.

        Raises:
            InputError: it is missing or damaged.
        """
        return read_checkpoint(self.run / "checkpoint.pt")

    def averaged(self, net: N) -> N:
        """`net` with the averaged weights of the run, in evaluation mode."""
        net.load_state_dict(self.checkpoint["average"])
        return net.eval()

    def descriptor(self, **more: Any) -> dict[str, Any]:
        """What a graph says of itself."""
        return {**more, "stage": asdict(self.stage), "steps": int(self.checkpoint["step"])}

    def pair(self) -> tuple[Path, Path]:
        """The graphs of a network in two parts: what runs once, and what runs per frame."""
        return self.folder / f"{self.name}_once.onnx", self.folder / f"{self.name}_frame.onnx"

    def pair_files(self, kind: str, purpose: str, once: str, frame: str) -> list[ExportedFile]:
        """The pair's files, with what each is for."""
        return [
            ExportedFile(path.name, kind, f"{purpose} {part}")
            for path, part in zip(self.pair(), (once, frame), strict=True)
        ]
