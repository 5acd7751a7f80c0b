"""Training the painter over deformed references."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dubtool.face.shape import ShapeModel
from dubtool.networks.warp_painter import WarpPainter, painted_over
from dubtool.training.core.gan_trainer import GanTrainer, Parts
from dubtool.training.core.perception import perception_loss
from dubtool.training.core.precision import mixed_precision
from dubtool.training.data.cutouts import load_cutouts
from dubtool.training.warp_painter.data import WarpSample, WarpSampler
from dubtool.training.warp_painter.stage import WarpPainterStage


@dataclass
class WarpBatch:
    """Tensors: given [B, 13, S, S] and true [B, 3, S, S], 0..1; mask [B, 1, S, S]."""

    given: Tensor
    true: Tensor
    mask: Tensor


def collate(samples: list[WarpSample]) -> WarpBatch:
    """Stack samples into one batch."""
    given, true, mask = (
        torch.from_numpy(np.stack([getattr(sample, name) for sample in samples])) for name in ("given", "true", "mask")
    )
    return WarpBatch(given, true, mask[:, None])


class WarpPainterTrainer(GanTrainer[WarpPainterStage, WarpBatch]):
    """Holds networks and optimisers of a stage.

    data: a folder made by `prepare_cutouts`. vgg: the file of `Vgg19`; without it there is no perception loss.

    Raises:
        InputError: there are no prepared cut-outs.
    """

    def __init__(
        self,
        stage: WarpPainterStage,
        cutouts: Path,
        model: ShapeModel,
        vgg: Path | None,
        run: Path | None,
        device: str = "cpu",
    ) -> None:
        self.sampler = WarpSampler(load_cutouts(cutouts, "train", stage.least_radius), model, stage.side, stage.seed)
        super().__init__(stage, run, device)
        self.teach(new_warp_painter(stage), vgg)

    def make(self, step: int) -> WarpBatch:
        sampler = self.sampler.seeded(self.stage.seed, step)
        return collate([sampler.draw() for _ in range(self.stage.batch)])

    def wanted(self) -> str:
        return "painter over deformed references of this stage's sizes"

    def learn(self, batch: WarpBatch) -> dict[str, Tensor]:
        stage = self.stage
        self.set_rate()
        given, true, mask = self.placed(batch.given), self.placed(batch.true), batch.mask.to(self.device)
        with mixed_precision(self.device):
            made = painted_over(self.net, given).float()
        # At work nothing but the masked part is used.
        shown = true.lerp(made, mask)
        parts: Parts = {"pixel": (stage.pixel, (shown - true).abs().sum() / (3 * mask.sum()))}
        if self.vgg is not None:
            with mixed_precision(self.device):
                parts["feature"] = stage.feature, perception_loss(self.vgg, shown, true)
        return self.update(parts | self.judged(shown, true))


def new_warp_painter(stage: WarpPainterStage) -> WarpPainter:
    """An untrained network of the stage's sizes."""
    return WarpPainter(stage.width, stage.depth)
