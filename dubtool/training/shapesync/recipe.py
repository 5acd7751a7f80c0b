"""The recipe of the sync judge on mouth shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dubtool.training.core.recipe import Learner, Recipe, TrainingJob
from dubtool.training.shapesync.stage import ShapeSyncStage

if TYPE_CHECKING:
    from dubtool.training.core.export_job import ExportedFile, ExportJob


def _open(job: TrainingJob[ShapeSyncStage]) -> Learner:
    from dubtool.training.data.spoken import SECOND, load_spoken
    from dubtool.training.shapesync.trainer import ShapeSyncTrainer, told_apart

    clips = load_spoken(job.clips, "train", augmented=True, layer=SECOND)
    people = load_spoken(job.clips, "val", augmented=False, layer=SECOND)
    trainer = ShapeSyncTrainer(job.stage, clips, job.run, job.device)

    def look() -> None:
        if people:
            net = trainer.net.cpu()
            trainer.note_validation({"accuracy": told_apart(net, people)})
            net.to(trainer.device)

    return Learner(trainer, look)


def _export(job: ExportJob[ShapeSyncStage]) -> list[ExportedFile]:
    from dubtool.training.shapesync.export import export

    return export(job)


RECIPE = Recipe(
    stage=ShapeSyncStage,
    help="Train the same kind of judge on mouth shapes, for evaluate.",
    first_stage="shapesync",
    used_by="evaluate",
    open=_open,
    export=_export,
)
