"""All that training, export and the command line must know of one network. It is read without torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from dubtool.errors import InputError
from dubtool.training.core.stage import Stage

if TYPE_CHECKING:
    from dubtool.face.shape import ShapeModel
    from dubtool.training.core.export_job import ExportedFile, ExportJob
    from dubtool.training.core.trainer import Trainer

S = TypeVar("S", bound=Stage)
T = TypeVar("T")

SHAPE_FILE = "face_shape.npz"


@dataclass(frozen=True)
class Given:
    """Files that some networks are trained with. start: the run, or checkpoint, whose weights a new run begins with.
    vgg: the weights of `perception.Vgg19`; without them there is no perception loss. sync: the run of a sync
    expert, for stages that have a sync loss."""

    start: Path | None = None
    vgg: Path | None = None
    sync: Path | None = None


@dataclass(frozen=True)
class TrainingJob(Generic[S]):
    """data: a folder of `prepare`. run: the run's folder, which holds the shape model of the data. device: torch's."""

    data: Path
    run: Path
    stage: S
    given: Given
    device: str

    @property
    def clips(self) -> Path:
        from dubtool.training.data.preparation import CLIPS

        return self.data / CLIPS

    def shape_model(self) -> ShapeModel:
        """The run's, which is the data's."""
        from dubtool.face.shape import ShapeModel

        return ShapeModel.load(self.run / SHAPE_FILE)


class Learner(NamedTuple):
    """A trainer, and what notes its progress on validation people in the run's folder."""

    trainer: Trainer[Any, Any]
    validate: Callable[[], None]


@dataclass(frozen=True)
class Recipe(Generic[S]):
    """stage: the class of its settings, which names the network. help: the line of its command. first_stage: trained
    where none is named. open: from the data to a learner; it imports what it needs when it is called. exporter: the
    module whose `export` writes the graphs of a run. options: the fields of `Given` that it uses. used_by: the command
    that uses what is exported, if any. sharpens: whether unsharp masking can be exported with it."""

    stage: type[S]
    help: str
    first_stage: str
    open: Callable[[TrainingJob[S]], Learner]
    exporter: str
    options: tuple[str, ...] = ()
    used_by: str | None = "dub"
    sharpens: bool = False

    @property
    def network(self) -> str:
        return self.stage.network

    def export(self, job: ExportJob[S]) -> list[ExportedFile]:
        """Write the graphs of a run.

        Raises:
            InputError: the checkpoint is missing or damaged. UsageError: the stage is one that is not to be used.
        """
        return list(import_module(self.exporter).export(job))


def if_any(open_people: Callable[[], T]) -> T | None:
    """What looks at validation people; None where the data has none that the network could be tried on."""
    try:
        return open_people()
    except InputError:
        return None
