"""The recipe of AdaSR, which makes portraits move."""

from __future__ import annotations

from dubtool.training.adasr.stage import AdasrStage
from dubtool.training.core.recipe import Learner, Recipe, TrainingJob


def _open(job: TrainingJob[AdasrStage]) -> Learner:
    from dubtool.training.adasr.data import PortraitSampler
    from dubtool.training.adasr.trainer import AdasrTrainer, new_network
    from dubtool.training.adasr.validation import validate_portraits
    from dubtool.training.data.faces import FACES, load_faces

    trainer = AdasrTrainer(job.stage, job.data / FACES, job.given.vgg, job.run, job.device)
    return trainer.learner(
        new_network,
        load_faces(job.data / FACES, "val") or None,
        lambda net, people, stage, sheet: validate_portraits(net, PortraitSampler(people, stage.side, 0), sheet),
    )


RECIPE = Recipe(
    stage=AdasrStage,
    help="Train the network that makes portraits move.",
    first_stage="adasr_128",
    options=("start", "vgg"),
    used_by="reenact",
    open=_open,
    exporter="dubtool.training.adasr.export",
)
