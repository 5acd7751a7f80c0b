"""The recipe of the shape predictor, which turns speech into mouth shapes."""

from __future__ import annotations

from dubtool.training.core.recipe import Learner, Recipe, TrainingJob
from dubtool.training.predictor.stage import PredictorStage


def _open(job: TrainingJob[PredictorStage]) -> Learner:
    from dubtool.training.core.encoder import read_encoder
    from dubtool.training.data.sounds import load_sounds
    from dubtool.training.predictor.trainer import PredictorTrainer
    from dubtool.training.predictor.validation import validate_predictor
    from dubtool.weights.locate import find

    model = job.shape_model()
    clips, people = (load_sounds(job.clips, split) for split in ("train", "val"))
    trainer = PredictorTrainer(job.stage, clips, model, read_encoder(find("whisper")), job.run, job.device)

    def look() -> None:
        if people:
            trainer.note_validation(validate_predictor(trainer.averaged(), people, model))

    return Learner(trainer, look)


RECIPE = Recipe(
    stage=PredictorStage,
    help="Train the network that turns speech into mouth shapes.",
    first_stage="predictor",
    open=_open,
    exporter="dubtool.training.predictor.export",
)
