"""The recipe of G4G, which draws mouths, too."""

from __future__ import annotations

from dubtool.training.core.recipe import Learner, Recipe, TrainingJob, if_any
from dubtool.training.g4g.stage import G4GStage


def _open(job: TrainingJob[G4GStage]) -> Learner:
    from dataclasses import replace

    from dubtool.training.g4g.data import HeardSampler, load_heard
    from dubtool.training.g4g.trainer import G4GTrainer, new_g4g
    from dubtool.training.g4g.validation import validate_g4g

    stage, model = job.stage, job.shape_model()
    trainer = G4GTrainer(stage, job.clips, model, job.given.vgg, job.run, job.device, job.given.sync)
    heard = if_any(lambda: load_heard(job.clips, "val", min_natural=0.0))
    people = None if heard is None else HeardSampler(heard, model, replace(stage, rest_share=0.0), augment=False)
    return trainer.learner(new_g4g, people, validate_g4g)


RECIPE = Recipe(
    stage=G4GStage,
    help="Train the other network that draws mouths, G4G.",
    first_stage="g4g_64",
    options=("start", "vgg", "sync"),
    sharpens=True,
    open=_open,
    exporter="dubtool.training.g4g.export",
)
