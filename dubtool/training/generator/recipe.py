"""The recipe of DINet, which draws mouths."""

from __future__ import annotations

from dubtool.training.core.recipe import Learner, Recipe, TrainingJob, if_any
from dubtool.training.generator.stage import GeneratorStage


def _open(job: TrainingJob[GeneratorStage]) -> Learner:
    from dubtool.training.generator.data import open_sampler
    from dubtool.training.generator.trainer import GeneratorTrainer, new_generator
    from dubtool.training.generator.validation import validate

    trainer = GeneratorTrainer(job.stage, job.clips, job.given.vgg, job.run, job.device, job.given.sync)
    people = if_any(lambda: open_sampler(job.clips, "val", job.stage, augment=False))
    return trainer.learner(new_generator, people, validate)


RECIPE = Recipe(
    stage=GeneratorStage,
    help="Train the network that draws mouths.",
    first_stage="generator_64",
    options=("start", "vgg", "sync"),
    sharpens=True,
    open=_open,
    exporter="dubtool.training.generator.export",
)
