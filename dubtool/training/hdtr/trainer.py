"""Training HDTR-Net: poor mouths in, sharp ones out (Li et al., PRCV 2023)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dubtool.networks.hdtr import HDTRNet
from dubtool.networks.hdtr_detail import local_mean
from dubtool.networks.hdtr_fgff import ChannelFusion
from dubtool.training.core.gan_trainer import GanTrainer, Parts
from dubtool.training.core.perception import perception_loss
from dubtool.training.core.precision import mixed_precision
from dubtool.training.hdtr.data import TeethSample
from dubtool.training.hdtr.samplers import open_sampler
from dubtool.training.hdtr.stage import HdtrStage

# Weight of what surrounds the mouth, which is 1.
_AROUND = 0.1
# By how much detail is magnified for the discriminator.
_MAGNIFIED = 20.0


@dataclass
class HdtrBatch:
    """Tensors [B, 3, S, S], BGR 0..1, mask [B, 1, S, S], and the step's number, which the dropout depends on."""

    true: Tensor
    poor: Tensor
    hidden: Tensor
    contour: Tensor
    reference: Tensor
    mask: Tensor
    step: int


def collate(samples: list[TeethSample], step: int) -> HdtrBatch:
    """Stack samples into one batch."""

    def planes(name: str) -> Tensor:
        rgb = np.stack([getattr(sample, name) for sample in samples])
        return torch.from_numpy(np.ascontiguousarray(rgb[..., ::-1].transpose(0, 3, 1, 2))).float() / 255

    mask = torch.from_numpy(np.stack([sample.mask for sample in samples]))[:, None]
    true, poor, hidden = planes("true"), planes("poor"), planes("hidden")
    return HdtrBatch(true, poor, hidden, planes("contour"), planes("reference"), mask, step)


class HdtrTrainer(GanTrainer[HdtrStage, HdtrBatch]):
    """Holds networks and optimisers of a stage.

    data: the folder of prepared material. vgg: the file of `Vgg19`; without it there is no perception loss.

    Raises:
        InputError: there are no prepared clips for this stage.
    """

    def __init__(self, stage: HdtrStage, data: Path, vgg: Path | None, run: Path | None, device: str = "cpu") -> None:
        self.sampler = open_sampler(data, "train", stage, stage.own, stage.seed)
        super().__init__(stage, run, device)
        self.teach(new_restorer(stage), vgg, betas=(0.9, 0.999))

    def make(self, step: int) -> HdtrBatch:
        sampler = self.sampler.seeded(self.stage.seed, step)
        return collate([sampler.draw() for _ in range(self.stage.batch)], step)

    def wanted(self) -> str:
        return "network of this stage's sizes to restore teeth"

    def learn(self, batch: HdtrBatch) -> dict[str, Tensor]:
        stage = self.stage
        self.set_rate()
        # The hourglasses drop out: by chance that a resumed run has again.
        torch.manual_seed(stage.seed * 1_000_003 + batch.step)
        self.net.train()
        true, mask = self.placed(batch.true), batch.mask.to(self.device)
        with mixed_precision(self.device):
            drawn, made = restored(self.net, stage, batch)
        parts: Parts = {"pixel": (stage.pixel, _error(made, true, mask, detail_only=stage.deep))}
        if self.net.detail is not None:
            parts["drawn"] = stage.drawn, _error(drawn, true, mask)
        # At work nothing but the masked part is used.
        shown = true.lerp(made, mask)
        if self.vgg is not None:
            # Lips are not near the nose's tip nor the chin. VGG's pictures begin with red.
            edge = 0 if stage.lower_face else stage.side // 6
            rows = slice(edge, stage.side - edge)
            with mixed_precision(self.device):
                feature = perception_loss(self.vgg, shown[:, :, rows].flip(1), true[:, :, rows].flip(1), scales=1)
            parts["feature"] = stage.feature, feature
        judged = self.judged(_magnified(shown), _magnified(true)) if stage.deep else self.judged(shown, true)
        return self.update(parts | judged)


def restored(net: HDTRNet, stage: HdtrStage, batch: HdtrBatch) -> tuple[Tensor, Tensor]:
    """What the network has drawn, and the result [B, 3, S, S].

    Without the detail head they are one; without the reference branch the decoder gets zeros for it.
    """
    device = next(net.parameters()).device
    hidden, contour, reference, poor = (
        each.to(device, memory_format=torch.channels_last)
        for each in (batch.hidden, batch.contour, batch.reference, batch.poor)
    )
    mouth = net.encode_mouth(hidden, contour)
    drawn = net.decode(mouth, net.encode_reference(reference) if stage.reference else torch.zeros_like(mouth)).float()
    if net.detail is None:
        return drawn, drawn
    return drawn, net.correct(drawn if stage.drawing else torch.zeros_like(poor), poor).float()


def _error(made: Tensor, true: Tensor, mask: Tensor, *, detail_only: bool = False) -> Tensor:
    """L1 plus its square, most of it of the part that is replaced at work.

    detail_only: of what a `DeepDetailHead` can add. Else a wrong colour gives the sign of the gradient everywhere, and
    nothing is learned: found so.
    """
    weight = _AROUND + mask
    difference = made - true
    if detail_only:
        difference = difference - local_mean(difference)
    return (weight * (difference.abs() + difference.square())).mean() / weight.mean()


def _magnified(picture: Tensor) -> Tensor:
    """A picture's detail alone, of a deviation of about 1: a discriminator of whole pictures stayed at chance."""
    return (picture - local_mean(picture)) * _MAGNIFIED


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
    net = HDTRNet(stage.width, stage.detail, deep=stage.deep, shrink=stage.shrink)
    if not stage.fusion:
        for name, module in list(net.named_modules()):
            if isinstance(module, ChannelFusion):
                net.set_submodule(name, _Plain(module))
    return net
