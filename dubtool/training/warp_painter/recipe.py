"""The recipe of the painter over deformed references."""

from __future__ import annotations

from dubtool.training.core.recipe import Learner, Recipe, TrainingJob, if_any
from dubtool.training.warp_painter.stage import WarpPainterStage


def _open(job: TrainingJob[WarpPainterStage]) -> Learner:
    from dubtool.training.data.cutouts import CUTOUTS, load_cutouts
    from dubtool.training.warp_painter.trainer import WarpPainterTrainer, new_warp_painter
    from dubtool.training.warp_painter.validation import validate_warps, validation_warps

    stage, model, cutouts = job.stage, job.shape_model(), job.data / CUTOUTS
    trainer = WarpPainterTrainer(stage, cutouts, model, job.given.vgg, job.run, job.device)
    samples = if_any(lambda: validation_warps(load_cutouts(cutouts, "val", stage.least_radius), model, stage))
    return trainer.learner(new_warp_painter, samples, lambda net, given, _, sheet: validate_warps(net, given, sheet))


RECIPE = Recipe(
    stage=WarpPainterStage,
    help="Train the network that mends deformed references.",
    first_stage="warp_painter",
    options=("start", "vgg"),
    open=_open,
    exporter="dubtool.training.warp_painter.export",
)
