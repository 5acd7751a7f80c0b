"""The recipe of HDTR-Net, which restores teeth."""

from __future__ import annotations

from dubtool.training.core.recipe import Learner, Recipe, TrainingJob, if_any
from dubtool.training.hdtr.stage import HdtrStage


def _open(job: TrainingJob[HdtrStage]) -> Learner:
    from dubtool.training.hdtr.trainer import HdtrTrainer, new_restorer
    from dubtool.training.hdtr.validation import validate_teeth, validation_samples

    trainer = HdtrTrainer(job.stage, job.data, job.given.vgg, job.run, job.device)
    return trainer.learner(new_restorer, if_any(lambda: validation_samples(job.data, job.stage)), validate_teeth)


RECIPE = Recipe(
    stage=HdtrStage,
    help="Train the network that restores teeth.",
    first_stage="hdtr",
    options=("start", "vgg"),
    used_by="restore-teeth",
    open=_open,
    exporter="dubtool.training.hdtr.export",
)
