"""The recipe of the sync judge on mouth shapes."""

from __future__ import annotations

from dubtool.training.core.recipe import Learner, Recipe, TrainingJob
from dubtool.training.shapesync.stage import ShapeSyncStage


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


RECIPE = Recipe(
    stage=ShapeSyncStage,
    help="Train the same kind of judge on mouth shapes, for evaluate.",
    first_stage="shapesync",
    used_by="evaluate",
    open=_open,
    exporter="dubtool.training.shapesync.export",
)
