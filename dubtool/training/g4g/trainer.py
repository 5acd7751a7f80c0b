"""Training G4G: first the alignment of pictures, landmarks and speech alone, then everything (the paper's stages)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from dubtool.face.crop import CropSize
from dubtool.face.shape import ShapeModel
from dubtool.networks.g4g import G4G, Stages
from dubtool.networks.g4g_alignment import Embeddings
from dubtool.training.core.adversary import stacked
from dubtool.training.core.gan_trainer import GanTrainer, Parts
from dubtool.training.core.perception import perception_loss
from dubtool.training.core.precision import mixed_precision
from dubtool.training.core.stage import FRAMES
from dubtool.training.data.clips import REFERENCES
from dubtool.training.g4g.data import G4GBatch, HeardSampler, collate_heard, load_heard
from dubtool.training.g4g.losses import attribute_loss, contrastive_loss, pixel_loss
from dubtool.training.g4g.stage import G4GStage
from dubtool.training.g4g.start import shared_weights
from dubtool.training.syncnet.loss import SyncExpert


# Losses by name: (weight, value).
class G4GTrainer(GanTrainer[G4GStage, G4GBatch]):
    """Holds networks and optimisers of a G4G stage.

    vgg: the file of `Vgg19`; without it there is no perception loss. sync: the run of a sync expert.

    Raises:
        InputError: there are no prepared clips for this stage, or `sync` is no run. UsageError: the stage has a sync
        loss, and `sync` is not given. WeightsError: the VGG file cannot be read.
    """

    def __init__(
        self,
        stage: G4GStage,
        clips: Path,
        model: ShapeModel,
        vgg: Path | None,
        run: Path | None,
        device: str = "cpu",
        sync: Path | None = None,
    ) -> None:
        self.sampler = HeardSampler(load_heard(clips, "train", min_natural=stage.min_natural), model, stage)
        super().__init__(stage, run, device)
        self.teach(new_g4g(stage), vgg, adversarial_clip=stage.adversarial_clip)
        self.expert = SyncExpert(sync, clips, self.device) if stage.sync else None
        self.hidden = hidden_mask(stage).to(self.device)

    def make(self, step: int) -> G4GBatch:
        stage, sampler = self.stage, self.sampler.seeded(self.stage.seed, step)
        if step < stage.align_steps:
            sequences = sampler.draw(stage.align_batch, stage.align_group)
            return collate_heard([sample for (sample,) in sequences], stage)
        sequences = sampler.draw(stage.batch, stage.group, stage.frames)
        batch = collate_heard([sample for each in sequences for sample in each], stage, frames=stage.frames)
        if self.expert is None:
            return batch
        return replace(batch, sounds=self.expert.sounds([each[FRAMES // 2].sample for each in sequences]))

    def adopted(self, average: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Also of a DINet of the same width: what it shares with G4G."""
        return self.net.state_dict() | shared_weights(average, self.net)

    def wanted(self) -> str:
        return f"G4G or DINet of width {self.stage.width}"

    def learn(self, batch: G4GBatch) -> dict[str, Tensor]:
        self.set_rate()
        self.net.train()
        if self.step >= self.stage.align_steps:
            return self.update(self._pictured(batch))
        with mixed_precision(self.device):
            embeddings = self.net.embed(*self.inputs(batch))
        return self.update(self._synchronised(embeddings, 1))

    def inputs(self, batch: G4GBatch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What the network is given of a batch, on the device."""
        source, landmarks, reference = map(self.placed, (batch.source, batch.landmarks, batch.reference))
        return source, landmarks, reference, batch.mel.to(self.device)

    def _synchronised(self, embeddings: Embeddings, frames: int) -> Parts:
        """Attribute and contrastive loss. frames: neighbours, of which only the middle ones are told apart."""
        vectors = Embeddings(*(each.float() for each in embeddings))
        apart = Embeddings(*(each[frames // 2 :: frames] for each in vectors))
        return {
            # The landmarks are the goal: were they pulled towards pictures without a mouth, they would lose theirs.
            "attribute": (self.stage.attribute, attribute_loss(vectors.fused, vectors.landmark.detach())),
            "contrast": (self.stage.contrast, contrastive_loss(self.net.alignment.similarities(apart))),
        }

    def _pictured(self, batch: G4GBatch) -> Parts:
        """All losses."""
        stage = self.stage
        rows, columns = CropSize(stage.mouth).box
        true = self.placed(batch.picture)
        with mixed_precision(self.device):
            stages = self.net.stages(*self.inputs(batch), self.hidden)
            made = stages.picture.float()
            mouth, true_mouth = (self.placed(each[..., rows, columns].contiguous()) for each in (made, true))
            feature = None if self.vgg is None else perception_loss(self.vgg, mouth, true_mouth)
        parts = {"pixel": (stage.pixel, self.pixel(stages, true, batch.lips.to(self.device)))}
        if stage.alignment:
            parts |= self._synchronised(stages.embeddings, stage.frames)
        if feature is not None:
            parts["feature"] = (stage.feature, feature)
        parts |= self.judged(mouth, true_mouth)
        if self.expert is not None and batch.sounds is not None:
            parts["sync"] = (stage.sync, self.expert.loss(stacked(mouth), batch.sounds))
        return parts

    def pixel(self, stages: Stages, true: Tensor, lips: Tensor) -> Tensor:
        """Both pictures count: the deformed face before it is blended, where it is redrawn, and the finished one."""
        inner = [self.hidden, lips] if self.stage.multi_scale else [self.hidden]
        whole = [torch.ones_like(self.hidden), *inner] if self.stage.multi_scale else [torch.ones_like(self.hidden)]
        return 0.5 * (pixel_loss(stages.decoded.float(), true, inner) + pixel_loss(stages.picture.float(), true, whole))


def new_g4g(stage: G4GStage) -> G4G:
    """An untrained generator of the stage's sizes."""
    return G4G(3 * REFERENCES, width=stage.width, drawn=stage.drawn, aligned=stage.alignment, blended=stage.fusion)


def hidden_mask(stage: G4GStage) -> Tensor:
    """1 where the source is hidden from the network: float32 [1, 1, H, W]."""
    size = CropSize(stage.mouth)
    mask = torch.zeros(1, 1, size.height, size.width)
    rows, columns = size.part(stage.mask)
    mask[..., rows, columns] = 1
    return mask
