"""Training a shape-conditioned DINet, one frame at a time (the paper's frame stages)."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from dubtool.face.crop import CropSize
from dubtool.face.draw import DRAWING_CHANNELS
from dubtool.face.shape import split_mouth
from dubtool.networks.dinet import DINet
from dubtool.networks.discriminator import Discriminator
from dubtool.training.clips import REFERENCES, Sample, Sampler, load_clips
from dubtool.training.perception import Vgg19, perception_loss

log = logging.getLogger(__name__)


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


def batches(sampler: Sampler, stage: GeneratorStage) -> Iterator[Batch]:
    """Batches without end."""
    while True:
        yield collate([sampler.draw() for _ in range(stage.batch)], stage)


class GeneratorTrainer:
    """Holds networks, optimisers and the step number; saves and resumes exactly."""

    def __init__(self, stage: GeneratorStage, clips: Path, vgg: Path, run: Path, device: str = "cpu") -> None:
        self.stage, self.run, self.device = stage, run, torch.device(device)
        torch.manual_seed(stage.seed)
        self.rng = np.random.default_rng(stage.seed)
        self.net = DINet(3 + DRAWING_CHANNELS, 3 * REFERENCES, stage.modes, stage.width)
        self.judge = Discriminator(3, stage.judge_width) if stage.adversarial else None
        self.vgg = self._placed(Vgg19(vgg, depth=4))
        self._placed(self.net)
        self.optimiser = torch.optim.Adam(self.net.parameters(), stage.learning_rate, (0.9, 0.99))
        if self.judge is not None:
            self._placed(self.judge)
            self.judge_optimiser = torch.optim.Adam(self.judge.parameters(), stage.learning_rate, (0.5, 0.99))
        self.sampler = Sampler(load_clips(clips, "train", min_natural=stage.min_natural), stage.mouth, self.rng)
        # Weights averaged over the last thousand steps measure better than the last ones.
        self.average = {name: value.clone() for name, value in self.net.state_dict().items()}
        self.step = 0
        run.mkdir(parents=True, exist_ok=True)
        (run / "stage.json").write_text(json.dumps(asdict(stage), indent=1))

    def _placed(self, what: Any) -> Any:
        """A module or a batch of pictures on the device, channels last: what convolutions are fastest with."""
        return what.to(self.device, memory_format=torch.channels_last)

    @property
    def checkpoint(self) -> Path:
        return self.run / "checkpoint.pt"

    def save(self) -> None:
        """Write the checkpoint whole or not at all."""
        state = {
            "step": self.step,
            "net": self.net.state_dict(),
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
            "rng": self.rng.bit_generator.state,
        }
        if self.judge is not None:
            state |= {"judge": self.judge.state_dict(), "judge_optimiser": self.judge_optimiser.state_dict()}
        part = self.checkpoint.with_suffix(".part")
        torch.save(state, part)
        part.replace(self.checkpoint)

    def resume(self) -> bool:
        """Go on from the run's checkpoint, if there is one."""
        if not self.checkpoint.exists():
            return False
        state = torch.load(self.checkpoint, weights_only=True, map_location=self.device)
        self.net.load_state_dict(state["net"])
        self.average = state["average"]
        self.optimiser.load_state_dict(state["optimiser"])
        self.rng.bit_generator.state = state["rng"]
        self.step = state["step"]
        if self.judge is not None and "judge" in state:
            self.judge.load_state_dict(state["judge"])
            self.judge_optimiser.load_state_dict(state["judge_optimiser"])
        return True

    def start_from(self, checkpoint: Path) -> None:
        """Begin with the averaged weights of another stage (coarse to fine)."""
        state = torch.load(checkpoint, weights_only=True, map_location=self.device)
        self.net.load_state_dict(state["average"])
        self.average = {name: value.clone() for name, value in self.net.state_dict().items()}

    def train(self, *, save_every: float = 180.0, report_every: int = 50, limit: float | None = None) -> None:
        """Run to the stage's last step, or for `limit` seconds."""
        started = saved = time.monotonic()
        seen: dict[str, float] = {}
        for batch in batches(self.sampler, self.stage):
            if self.step >= self.stage.steps or (limit and time.monotonic() - started > limit):
                break
            for name, value in self._update(batch).items():
                seen[name] = seen.get(name, 0.0) + value
            self.step += 1
            if self.step % report_every == 0:
                row = {"step": self.step, "seconds": round(time.monotonic() - started, 1)}
                row |= {name: round(value / report_every, 5) for name, value in seen.items()}
                with (self.run / "log.jsonl").open("a") as lines:
                    lines.write(json.dumps(row) + "\n")
                seen = {}
            if time.monotonic() - saved > save_every:
                self.save()
                saved = time.monotonic()
        self.save()

    def _rate(self) -> float:
        done = min(self.step / self.stage.steps, 1.0)
        warm = min(1.0, (self.step + 1) / 200)
        cosine = 0.5 * (1 + np.cos(np.pi * done))
        return float(warm * (self.stage.final_rate + (self.stage.learning_rate - self.stage.final_rate) * cosine))

    def _update(self, batch: Batch) -> dict[str, float]:
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
            feature = perception_loss(self.vgg, made, true)
        loss = stage.pixel * pixel + stage.feature * feature
        parts = {"pixel": float(pixel), "feature": float(feature)}
        if self.judge is not None:
            parts |= self._judge(made, true)
            self.judge.requires_grad_(False)
            with torch.autocast(self.device.type, torch.bfloat16):
                fooled = (self.judge(made).float() - 1).square().mean()
            self.judge.requires_grad_(True)
            loss = loss + stage.adversarial * fooled
            parts["fooled"] = float(fooled)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimiser.step()
        self._fold_into_average()
        return parts

    def _judge(self, made: Tensor, true: Tensor) -> dict[str, float]:
        """One discriminator step with least-squares targets (Mao et al. 2017)."""
        assert self.judge is not None
        with torch.autocast(self.device.type, torch.bfloat16):
            real, fake = self.judge(true).float(), self.judge(made.detach()).float()
        loss = 0.5 * ((real - 1).square().mean() + fake.square().mean())
        self.judge_optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.judge_optimiser.step()
        return {"judge": float(loss)}

    def _fold_into_average(self) -> None:
        keep = min(0.999, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.net.state_dict().items():
                held = self.average[name]
                if held.is_floating_point():
                    held.lerp_(value, 1 - keep)
                else:
                    held.copy_(value)
