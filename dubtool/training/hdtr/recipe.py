"""The recipe of HDTR-Net, which restores teeth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dubtool.training.core.recipe import Learner, Recipe, TrainingJob, if_any
from dubtool.training.hdtr.stage import HdtrStage

if TYPE_CHECKING:
    from dubtool.training.core.export_job import ExportedFile, ExportJob


def _open(job: TrainingJob[HdtrStage]) -> Learner:
    from dubtool.training.hdtr.trainer import HdtrTrainer, new_restorer
    from dubtool.training.hdtr.validation import validate_teeth, validation_samples

    trainer = HdtrTrainer(job.stage, job.clips, job.given.vgg, job.run, job.device)
    return trainer.learner(new_restorer, if_any(lambda: validation_samples(job.clips, job.stage)), validate_teeth)


def _export(job: ExportJob[HdtrStage]) -> list[ExportedFile]:
    from dubtool.training.hdtr.export import export

    return export(job)


RECIPE = Recipe(
    stage=HdtrStage,
    help="Train the network that restores teeth.",
    first_stage="hdtr",
    options=("start", "vgg"),
    used_by="restore-teeth",
    open=_open,
    export=_export,
)
