"""The recipe of the lip-sync expert, which other networks learn from."""

from __future__ import annotations

from dubtool.training.core.recipe import Learner, Recipe, TrainingJob, if_any
from dubtool.training.syncnet.stage import SyncStage


def _open(job: TrainingJob[SyncStage]) -> Learner:
    from dubtool.training.syncnet.trainer import SyncPairs, SyncTrainer, accuracy

    trainer = SyncTrainer(job.stage, job.clips, job.run, job.device)
    people = if_any(lambda: SyncPairs(job.clips, "val", job.stage, augment=False))

    def look() -> None:
        if people is not None:
            trainer.note_validation({"accuracy": accuracy(trainer.net, people)})

    return Learner(trainer, look)


RECIPE = Recipe(
    stage=SyncStage,
    help="Train the network that judges whether a mouth says a sound.",
    first_stage="syncnet",
    used_by=None,
    open=_open,
    exporter="dubtool.training.syncnet.export",
)
