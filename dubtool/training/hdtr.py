"""Training HDTR-Net: poor mouths in, sharp ones out (Li et al., PRCV 2023)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dubtool.engine.export_hdtr import export_hdtr
from dubtool.errors import InputError, UsageError
from dubtool.networks.discriminator import Discriminator
from dubtool.networks.hdtr import HDTRNet
from dubtool.networks.hdtr_fgff import ChannelFusion
from dubtool.training.clips import load_clips
from dubtool.training.hdtr_samples import TeethSample, TeethSampler
from dubtool.training.perception import Vgg19
from dubtool.training.trainer import Trainer, read_checkpoint

_DEPTH = 4


@dataclass(frozen=True)
class HdtrStage:
    """One stage of training.

    side: of the crop, px. width: of the network, 64 is the paper's. pixel, feature, adversarial: weights of L1 and its
    square, of VGG-19 and of LS-GAN. min_natural: least size of the mouth box in the source pictures, px. own: how often
    a frame is its own reference. judge_width: the discriminator's. fusion, reference: False for the paper's ablations
    without channel fusion and without reference branch; feature 0 is the one without perception.
    """

    side: int = 96
    width: int = 64
    batch: int = 12
    steps: int = 100_000
    learning_rate: float = 1e-4
    min_natural: float = 90.0
    pixel: float = 10.0
    feature: float = 1.0
    adversarial: float = 0.1
    own: float = 0.5
    judge_width: int = 32
    fusion: bool = True
    reference: bool = True
    seed: int = 0


@dataclass
class HdtrBatch:
    """Tensors [B, 3, S, S], BGR 0..1, and the step's number, which the network's dropout hangs on."""

    true: Tensor
    hidden: Tensor
    contour: Tensor
    reference: Tensor
    step: int


def collate(samples: list[TeethSample], step: int) -> HdtrBatch:
    """Stack samples into one batch."""

    def planes(name: str) -> Tensor:
        rgb = np.stack([getattr(sample, name) for sample in samples])
        return torch.from_numpy(np.ascontiguousarray(rgb[..., ::-1].transpose(0, 3, 1, 2))).float() / 255

    return HdtrBatch(planes("true"), planes("hidden"), planes("contour"), planes("reference"), step)


class HdtrTrainer(Trainer[HdtrStage, HdtrBatch]):
    """Holds networks and optimisers of a stage.

    vgg: the file of `Vgg19`; without it there is no perception loss.

    Raises:
        InputError: there are no prepared clips for this stage.
    """

    def __init__(self, stage: HdtrStage, clips: Path, vgg: Path | None, run: Path | None, device: str = "cpu") -> None:
        found = load_clips(clips, "train", min_natural=stage.min_natural)
        if not found:
            raise InputError(
                f"{clips}: holds no training clip with a mouth of {stage.min_natural:g} px; run 'dubtool train prepare'"
            )
        self.sampler = TeethSampler(found, stage.side, stage.own, stage.seed)
        super().__init__(stage, run, device)
        self.net = self._placed(new_restorer(stage))
        self.judge = self._placed(Discriminator(3, stage.judge_width)) if stage.adversarial else None
        self.vgg = None if vgg is None or not stage.feature else self._placed(Vgg19(vgg, depth=_DEPTH))
        self.optimiser = torch.optim.Adam(self.net.parameters(), stage.learning_rate)
        if self.judge is not None:
            self.judge_optimiser = torch.optim.Adam(self.judge.parameters(), stage.learning_rate, (0.5, 0.99))

    def _placed(self, what: Any) -> Any:
        """A module or a batch of pictures on the device, channels last: what convolutions are fastest with."""
        return what.to(self.device, memory_format=torch.channels_last)

    def make(self, step: int) -> HdtrBatch:
        sampler = self.sampler.seeded(self.stage.seed, step)
        return collate([sampler.draw() for _ in range(self.stage.batch)], step)

    def state(self) -> dict[str, Any]:
        state = {"net": self.net.state_dict(), "optimiser": self.optimiser.state_dict()}
        if self.judge is not None:
            state |= {"judge": self.judge.state_dict(), "judge_optimiser": self.judge_optimiser.state_dict()}
        return state

    def restore(self, state: Mapping[str, Any]) -> None:
        self.net.load_state_dict(state["net"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.judge is not None and "judge" in state:
            self.judge.load_state_dict(state["judge"])
            self.judge_optimiser.load_state_dict(state["judge_optimiser"])

    def learn(self, batch: HdtrBatch) -> dict[str, Tensor]:
        # The hourglasses drop out: by chance that a resumed run has again.
        torch.manual_seed(self.stage.seed * 1_000_003 + batch.step)
        self.net.train()
        true = self._placed(batch.true)
        with torch.autocast(self.device.type, torch.bfloat16):
            made = restored(self.net, self.stage, *map(self._placed, (batch.hidden, batch.contour, batch.reference)))
            feature = None if self.vgg is None else self._feature_error(made, true)
        made = made.float()
        pixel = (made - true).abs().mean() + (made - true).square().mean()
        loss, parts = self.stage.pixel * pixel, {"pixel": pixel.detach()}
        if feature is not None:
            loss = loss + self.stage.feature * feature
            parts["feature"] = feature.detach()
        if self.judge is not None:
            parts["judge"] = self._judge(self.judge, made, true)
            self.judge.requires_grad_(False)
            with torch.autocast(self.device.type, torch.bfloat16):
                fooled = (self.judge(made).float() - 1).square().mean()
            self.judge.requires_grad_(True)
            loss = loss + self.stage.adversarial * fooled
            parts["fooled"] = fooled.detach()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimiser.step()
        return parts

    def _feature_error(self, made: Tensor, true: Tensor) -> Tensor:
        """Mean squared difference of VGG-19 features, summed over depths. Its pictures begin with red."""
        assert self.vgg is not None
        with torch.no_grad():
            wanted = self.vgg(true.flip(1))
        pairs = zip(self.vgg(made.flip(1)), wanted, strict=True)
        return torch.stack([F.mse_loss(got.float(), want.float()) for got, want in pairs]).sum()

    def _judge(self, judge: nn.Module, made: Tensor, true: Tensor) -> Tensor:
        """One discriminator step with least-squares targets (Mao et al. 2017)."""
        with torch.autocast(self.device.type, torch.bfloat16):
            real, fake = judge(true).float(), judge(made.detach()).float()
        loss = 0.5 * ((real - 1).square().mean() + fake.square().mean())
        self.judge_optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.judge_optimiser.step()
        return loss.detach()


def restored(net: HDTRNet, stage: HdtrStage, hidden: Tensor, contour: Tensor, reference: Tensor) -> Tensor:
    """The network's answer [B, 3, S, S]; where the stage has no reference branch the decoder gets zeros for it."""
    mouth = net.encode_mouth(hidden, contour)
    return net.decode(mouth, net.encode_reference(reference) if stage.reference else torch.zeros_like(mouth))


class _Plain(nn.Module):
    """What stands for a `ChannelFusion` where it is left out: one convolution of the same sizes, plus the skip."""

    def __init__(self, fusion: ChannelFusion) -> None:
        super().__init__()
        channels = fusion.conv1.in_channels
        out = fusion.conv1.out_channels + fusion.conv2.out_channels + fusion.conv3.out_channels
        self.norm = nn.BatchNorm2d(channels)
        self.conv = nn.Conv2d(channels, out, 3, padding=1, bias=False)
        self.downsample = fusion.downsample

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.relu(self.norm(x))) + self.downsample(x)


def new_restorer(stage: HdtrStage) -> HDTRNet:
    """An untrained network of the stage's sizes, without what the stage leaves out."""
    net = HDTRNet(stage.width)
    if not stage.fusion:
        for name, module in list(net.named_modules()):
            if isinstance(module, ChannelFusion):
                net.set_submodule(name, _Plain(module))
    return net


def export_run(run: Path, stage: HdtrStage, once: Path, frame: Path) -> None:
    """Write the two graphs of a training run.

    Raises:
        InputError: the checkpoint is missing or damaged. UsageError: the stage is one without reference branch.
    """
    if not stage.reference:
        raise UsageError(f"{run}: was trained without a reference branch, to be compared and not to be used")
    state = read_checkpoint(run / "checkpoint.pt")
    net = new_restorer(stage)
    net.load_state_dict(state["net"])
    descriptor = {"stage": asdict(stage), "steps": int(state["step"])}
    export_hdtr(net.eval(), once, frame, side=stage.side, descriptor=descriptor)
