"""Training a shape-conditioned DINet, one frame at a time (the paper's frame stages)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from dubtool.errors import InputError, UsageError
from dubtool.face.crop import CropSize
from dubtool.face.draw import DRAWING_CHANNELS
from dubtool.face.shape import split_mouth
from dubtool.networks.dinet import DINet
from dubtool.networks.discriminator import Discriminator
from dubtool.training.clips import REFERENCES, Sample, Sampler, load_clips
from dubtool.training.perception import Vgg19, perception_loss
from dubtool.training.trainer import Trainer, read_checkpoint


@dataclass(frozen=True)
class GeneratorStage:
    """One stage of generator training.

    mouth: side of the mouth box, px. width: DINet's base width. modes: shape coefficients K. mask: part of the unit
    crop (top, bottom, left, right in radii) hidden from the network; the whole mouth box is (0, 2, -1, 1).
    min_natural: least size of the mouth in the source pictures, px. pixel, feature, adversarial: weights of L1, VGG and
    LS-GAN; lips: how much more the lips weigh in L1. judge_width: the discriminator's, 64 is the paper's.
    """

    mouth: int = 64
    width: int = 32
    modes: int = 12
    mask: tuple[float, float, float, float] = (0.5, 2.0, -1.0, 1.0)
    batch: int = 12
    steps: int = 100_000
    learning_rate: float = 2e-4
    final_rate: float = 2e-5
    min_natural: float = 40.0
    pixel: float = 10.0
    lips: float = 2.0
    feature: float = 1.0
    adversarial: float = 0.0
    judge_width: int = 32
    seed: int = 0


@dataclass
class Batch:
    """Tensors of B samples: picture [B, 3, H, W] 0..1, source [B, 3 + D, H, W], reference [B, 15, H, W],
    shape [B, K, 5], lips [B, 1, H, W] 0..1."""

    picture: Tensor
    source: Tensor
    reference: Tensor
    shape: Tensor
    lips: Tensor


def collate(samples: list[Sample], stage: GeneratorStage) -> Batch:
    """Stack samples into one batch."""
    crops = torch.from_numpy(np.stack([s.crop for s in samples])).permute(0, 3, 1, 2).float() / 255
    references = torch.from_numpy(np.stack([s.references for s in samples])).float() / 255
    b, r, h, w, _ = references.shape
    references = references.permute(0, 1, 4, 2, 3).reshape(b, 3 * r, h, w)
    masked = crops.clone()
    rows, columns = CropSize(stage.mouth).part(stage.mask)
    masked[:, :, rows, columns] = 0
    drawing = torch.from_numpy(np.stack([s.drawing for s in samples])).float() / 255
    lips = np.zeros((b, 1, h, w), np.float32)
    for picture, sample in zip(lips, samples, strict=True):
        outer = cv2.convexHull(np.rint(split_mouth(sample.mouth)[0]).astype(np.int32))
        cv2.fillPoly(picture[0], [outer], 1.0)
        picture[0] = cv2.blur(cv2.dilate(picture[0], np.ones((5, 5))), (5, 5))
    return Batch(
        crops,
        torch.cat([masked, drawing], dim=1),
        references,
        torch.from_numpy(np.stack([s.shape for s in samples])),
        torch.from_numpy(lips),
    )


class GeneratorTrainer(Trainer[GeneratorStage, Batch]):
    """Holds networks and optimisers of a generator's stage.

    vgg: the file of `Vgg19`; without it there is no perception loss.

    Raises:
        InputError: there are no prepared clips for this stage, or the VGG file cannot be read.
    """

    def __init__(
        self, stage: GeneratorStage, clips: Path, vgg: Path | None, run: Path | None, device: str = "cpu"
    ) -> None:
        found = load_clips(clips, "train", min_natural=stage.min_natural)
        if not found:
            raise InputError(
                f"{clips}: holds no training clip with a mouth of {stage.min_natural:g} px; run 'dubtool train prepare'"
            )
        self.sampler = Sampler(found, stage.mouth, np.random.default_rng(stage.seed))
        super().__init__(stage, run, device)
        self.net = new_generator(stage)
        self.judge = Discriminator(3, stage.judge_width) if stage.adversarial else None
        self.vgg = None if vgg is None else self._placed(Vgg19(vgg, depth=4))
        self._placed(self.net)
        self.optimiser = torch.optim.Adam(self.net.parameters(), stage.learning_rate, (0.9, 0.99))
        if self.judge is not None:
            self._placed(self.judge)
            self.judge_optimiser = torch.optim.Adam(self.judge.parameters(), stage.learning_rate, (0.5, 0.99))
        # Weights averaged over the last thousand steps measure better than the last ones.
        self.average = {name: value.clone() for name, value in self.net.state_dict().items()}

    def _placed(self, what: Any) -> Any:
        """A module or a batch of pictures on the device, channels last: what convolutions are fastest with."""
        return what.to(self.device, memory_format=torch.channels_last)

    def make(self, step: int) -> Batch:
        sampler = self.sampler.seeded(self.stage.seed, step)
        return collate([sampler.draw() for _ in range(self.stage.batch)], self.stage)

    def state(self) -> dict[str, Any]:
        state = {
            "net": self.net.state_dict(),
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
        }
        if self.judge is not None:
            state |= {"judge": self.judge.state_dict(), "judge_optimiser": self.judge_optimiser.state_dict()}
        return state

    def restore(self, state: Mapping[str, Any]) -> None:
        self.net.load_state_dict(state["net"])
        self.average = state["average"]
        self.optimiser.load_state_dict(state["optimiser"])
        if self.judge is not None and "judge" in state:
            self.judge.load_state_dict(state["judge"])
            self.judge_optimiser.load_state_dict(state["judge_optimiser"])

    def start_from(self, checkpoint: Path) -> None:
        """Begin with the averaged weights of another stage (coarse to fine).

        Raises:
            InputError: there is no such checkpoint. UsageError: it holds a network of other sizes.
        """
        try:
            self.net.load_state_dict(read_checkpoint(checkpoint, self.device)["average"])
        except (RuntimeError, KeyError) as error:
            raise UsageError(f"{checkpoint}: holds no generator of width {self.stage.width} and its inputs") from error
        self.average = {name: value.clone() for name, value in self.net.state_dict().items()}

    def _rate(self) -> float:
        done = min(self.step / self.stage.steps, 1.0)
        warm = min(1.0, (self.step + 1) / 200)
        cosine = 0.5 * (1 + np.cos(np.pi * done))
        return float(warm * (self.stage.final_rate + (self.stage.learning_rate - self.stage.final_rate) * cosine))

    def learn(self, batch: Batch) -> dict[str, Tensor]:
        stage = self.stage
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate()
        self.net.train()
        rows, columns = CropSize(stage.mouth).box
        source, reference = self._placed(batch.source), self._placed(batch.reference)
        true = self._placed(batch.picture[..., rows, columns].contiguous())
        lips = batch.lips[..., rows, columns].to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16):
            features, alignment = self.net.encode_reference(reference)
            made = self.net.generate(source, batch.shape.to(self.device), features, alignment, mouth_only=True).float()
            weight = 1 + stage.lips * lips
            pixel = ((made - true).abs() * weight).mean()
            feature = None if self.vgg is None else perception_loss(self.vgg, made, true)
        loss = stage.pixel * pixel
        parts = {"pixel": pixel.detach()}
        if feature is not None:
            loss = loss + stage.feature * feature
            parts["feature"] = feature.detach()
        if self.judge is not None:
            parts |= self._judge(made, true)
            self.judge.requires_grad_(False)
            with torch.autocast(self.device.type, torch.bfloat16):
                fooled = (self.judge(made).float() - 1).square().mean()
            self.judge.requires_grad_(True)
            loss = loss + stage.adversarial * fooled
            parts["fooled"] = fooled.detach()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimiser.step()
        self._fold_into_average()
        return parts

    def _judge(self, made: Tensor, true: Tensor) -> dict[str, Tensor]:
        """One discriminator step with least-squares targets (Mao et al. 2017)."""
        assert self.judge is not None
        with torch.autocast(self.device.type, torch.bfloat16):
            real, fake = self.judge(true).float(), self.judge(made.detach()).float()
        loss = 0.5 * ((real - 1).square().mean() + fake.square().mean())
        self.judge_optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.judge_optimiser.step()
        return {"judge": loss.detach()}

    def _fold_into_average(self) -> None:
        keep = min(0.999, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.net.state_dict().items():
                held = self.average[name]
                if held.is_floating_point():
                    held.lerp_(value, 1 - keep)
                else:
                    held.copy_(value)


def new_generator(stage: GeneratorStage) -> DINet:
    """An untrained generator of the stage's sizes."""
    return DINet(3 + DRAWING_CHANNELS, 3 * REFERENCES, stage.modes, stage.width)
