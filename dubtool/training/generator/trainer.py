"""Training DINet: frames (the paper's frame stages), or five at a time (its clip stage)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from dubtool.face.crop import CropSize
from dubtool.face.draw import DRAWING_CHANNELS
from dubtool.networks.dinet import DINet
from dubtool.training.core.adversary import stacked
from dubtool.training.core.gan_trainer import GanTrainer, Parts
from dubtool.training.core.perception import perception_loss
from dubtool.training.core.precision import mixed_precision
from dubtool.training.core.stage import FRAMES
from dubtool.training.data.clips import REFERENCES, Sample
from dubtool.training.generator.data import Batch, collate, open_sampler
from dubtool.training.generator.stage import GeneratorStage
from dubtool.training.syncnet.loss import SyncExpert


class GeneratorTrainer(GanTrainer[GeneratorStage, Batch]):
    """Holds networks and optimisers of a generator's stage.

    vgg: the file of `Vgg19`; without it there is no perception loss. sync: the run of a sync expert.

    Raises:
        InputError: there are no prepared clips for this stage, or `sync` is no run. UsageError: the stage has a sync
        loss, and `sync` is not given. WeightsError: the VGG file cannot be read.
    """

    def __init__(
        self,
        stage: GeneratorStage,
        clips: Path,
        vgg: Path | None,
        run: Path | None,
        device: str = "cpu",
        sync: Path | None = None,
    ) -> None:
        self.sampler = open_sampler(clips, "train", stage, augment=True)
        super().__init__(stage, run, device)
        self.teach(new_generator(stage), vgg, adversarial_clip=stage.adversarial_clip)
        self.expert = SyncExpert(sync, clips, self.device) if stage.sync else None

    def make(self, step: int) -> Batch:
        sampler = self.sampler.seeded(self.stage.seed, step)
        groups = [sampler.draw_sequence(self.stage.frames) for _ in range(self.stage.batch)]
        batch = self._collated([sample for group in groups for sample in group])
        if self.expert is None:
            return batch
        return self._with_sound(self.expert, batch, [group[FRAMES // 2] for group in groups])

    def _collated(self, samples: list[Sample]) -> Batch:
        return collate(samples, self.stage, frames=self.stage.frames, drawing=self.stage.drawing)

    def _with_sound(self, expert: SyncExpert, batch: Batch, middles: list[Sample]) -> Batch:
        """Silent clips teach how faces look; the expert is asked about the others."""
        heard = [number for number, middle in enumerate(middles) if expert.hears(middle)]
        if not heard:
            return batch
        return replace(batch, sounds=expert.sounds([middles[number] for number in heard]), heard=torch.tensor(heard))

    def wanted(self) -> str:
        return f"generator of width {self.stage.width} and its inputs"

    def learn(self, batch: Batch) -> dict[str, Tensor]:
        stage = self.stage
        self.set_rate()
        self.net.train()
        rows, columns = CropSize(stage.mouth).box
        source, reference = self.placed(batch.source), self.placed(batch.reference)
        true = self.placed(batch.picture[..., rows, columns].contiguous())
        lips = batch.lips[..., rows, columns].to(self.device)
        with mixed_precision(self.device):
            given = self.net.encode_reference(reference)
            features, alignment = (each.repeat_interleave(stage.frames, dim=0) for each in given)
            condition = batch.condition.to(self.device)
            made = self.net.generate(source, condition, features, alignment, mouth_only=True).float()
            feature = None if self.vgg is None else perception_loss(self.vgg, made, true)
        parts: Parts = {"pixel": (stage.pixel, ((made - true).abs() * (1 + stage.lips * lips)).mean())}
        if feature is not None:
            parts["feature"] = stage.feature, feature
        parts |= self.judged(made, true)
        if self.expert is not None and batch.sounds is not None and batch.heard is not None:
            sync = self.expert.loss(stacked(made)[batch.heard.to(self.device)], batch.sounds)
            parts["sync"] = stage.sync, sync
        return self.update(parts)


def new_generator(stage: GeneratorStage) -> DINet:
    """An untrained generator of the stage's sizes."""
    drawing = DRAWING_CHANNELS if stage.drawing else 0
    return DINet(3 + drawing, 3 * REFERENCES, stage.modes, stage.width)
