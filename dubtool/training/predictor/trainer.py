"""Training the shape predictor: speech states to mouth shapes, on every clip whose sound is in sync."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dubtool.errors import InputError
from dubtool.face.shape import BOTTOM_LIP, CHIN, MOUTH, TOP_LIP, ShapeModel
from dubtool.metrics.lips import compare
from dubtool.networks.shape_predictor import ShapePredictor
from dubtool.networks.whisper import WhisperEncoder
from dubtool.speech.mel import log_mel
from dubtool.speech.source import SAMPLE_RATE
from dubtool.speech.whisper import CONTEXT_VECTORS, CORE_VECTORS, RATE, SILENCE_VECTORS
from dubtool.training.core.schedule import fold_into_average
from dubtool.training.core.trainer import Trainer
from dubtool.training.data.sounds import SoundClip
from dubtool.training.predictor.plan import SpeechPlan, SpeechPlanner
from dubtool.training.predictor.stage import PredictorStage
from dubtool.training.predictor.windows import SpeechWindowMaker, SpeechWindows

_VECTOR = SAMPLE_RATE // RATE
# A stretch of so few known steps tells no correlation.
_LEAST_KNOWN = 15
# Opening, width and chin are tenths of the head frame's unit; coefficients are about 1.
_LOOKS_UNIT = 10.0
_MOST_GRADIENT = 5.0

# The mouth's corners among `MOUTH`, whose distance tells its width.
_LEFT, _RIGHT = MOUTH.index(61), MOUTH.index(291)


class PredictorTrainer(Trainer[PredictorStage, SpeechPlan]):
    """The losses that the stage names, of every member, on ever new windows of the clips' speech.

    encoder: Whisper's, which stays as it is.

    Raises:
        InputError: there is no clip to learn from.
    """

    def __init__(
        self,
        stage: PredictorStage,
        clips: Sequence[SoundClip],
        model: ShapeModel,
        encoder: WhisperEncoder,
        run: Path | None,
        device: str = "cpu",
    ) -> None:
        if not clips:
            raise InputError("there is no training clip with speech in sync; run 'dubtool train prepare'")
        super().__init__(stage, run, device)
        self._planner = SpeechPlanner(
            clips, np.random.default_rng(stage.seed), vectors=stage.window, balance=stage.balance, silence=stage.silence
        )
        self._windows = SpeechWindowMaker(clips, stage.window).to(self.device)
        self._encoder = encoder.to(self.device)
        self._looks = _Looks(model, clips).to(self.device)
        self._modes = model.size
        channels, bands = encoder.conv2.out_channels, encoder.conv1.in_channels
        self.net = new_predictor(stage, model.size, len(encoder.blocks), channels, bands).to(self.device)
        self.net.standardise(*self._heard(self._windows(self._planner.seeded(stage.seed).draw(stage.batch)).mel))
        self.average = {name: value.detach().clone() for name, value in self.net.state_dict().items()}
        self.optimiser = torch.optim.AdamW(self.net.parameters(), stage.learning_rate, weight_decay=stage.weight_decay)
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, stage.learning_rate, total_steps=stage.steps, pct_start=0.1
        )
        reach = torch.from_numpy(model.basis).square().sum((1, 2)).sqrt()
        self._reach = (reach / reach.mean())[None, :, None].to(self.device)

    def make(self, step: int) -> SpeechPlan:
        return self._planner.seeded(self.stage.seed, step).draw(self.stage.batch)

    def learn(self, batch: SpeechPlan) -> dict[str, Tensor]:
        # What dropout drops and how voices change must depend on the step alone.
        torch.manual_seed(self.stage.seed * 1_000_003 + self.step)
        windows = self._windows(batch)
        heard = self._heard(windows.mel, batch.position)
        self.net.train()
        found = [self._losses(made, windows) for made in self.net.each(*heard)]
        losses = {name: torch.stack([each[name] for each in found]).mean() for name in found[0]}
        stage = self.stage
        weights = {"distance": 1.0, "disagreement": stage.correlation, "looks": stage.looks, "speed": stage.speed}
        # Every member by itself: a sum, not a mean.
        loss = len(found) * sum((weights[name] * value for name, value in losses.items()), torch.zeros(()))
        self.optimiser.zero_grad()
        loss.backward()
        for member in self.net.members:
            torch.nn.utils.clip_grad_norm_(member.parameters(), _MOST_GRADIENT)
        self.optimiser.step()
        self._schedule.step()
        fold_into_average(self.average, self.net.state_dict(), self.step, keep=stage.average)
        return {name: value.detach() for name, value in losses.items()}

    def averaged(self) -> ShapePredictor:
        """The network with the averaged weights, in evaluation mode, on the CPU."""
        net = copy.deepcopy(self.net).cpu()
        net.load_state_dict(self.average)
        return net.eval()

    def state(self) -> dict[str, Any]:
        return {
            "net": self.net.state_dict(),
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
            "schedule": self._schedule.state_dict(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.net.load_state_dict(state["net"])
        self.average = dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self._schedule.load_state_dict(state["schedule"])

    def _heard(self, mel: Tensor, position: int = 0) -> tuple[Tensor, Tensor]:
        return hear(self._encoder, mel, position)

    def _losses(self, made: Tensor, windows: SpeechWindows) -> dict[str, Tensor]:
        known, total = windows.known, windows.known.sum().clamp(min=1)
        steps = torch.minimum(known[..., 1:], known[..., :-1])
        speed = (made.diff(dim=-1) - windows.shapes.diff(dim=-1)).abs() * steps * self._reach
        looks = [self._looks(shapes, windows.clip) for shapes in (made, windows.shapes)]
        stretch = self.stage.stretch
        stretches = [part.unflatten(-1, (-1, stretch)).transpose(1, 2).flatten(0, 1) for part in (*looks, known)]
        told = (stretches[2].sum(-1) > _LEAST_KNOWN) * (stretches[1].abs().sum(-1) > 0)
        disagreement = (1 - _correlation(*stretches)) * told
        return {
            "distance": ((made - windows.shapes).abs() * known * self._reach).sum() / total / self._modes,
            "disagreement": disagreement.sum() / told.sum().clamp(min=1),
            "looks": ((looks[0] - looks[1]).abs() * known).sum() / total * _LOOKS_UNIT / 3,
            "speed": speed.sum() / total / self._modes,
        }


class _Looks(nn.Module):
    """Opening, width and chin [B, 3, T] of shapes [B, K, T], each on the mouth of its clip [B, T]."""

    def __init__(self, model: ShapeModel, clips: Sequence[SoundClip]) -> None:
        super().__init__()
        self.basis: Tensor
        self.rest: Tensor
        rests, basis = np.stack([clip.rest for clip in clips]), model.basis
        gap = np.stack([basis[:, BOTTOM_LIP] - basis[:, TOP_LIP], basis[:, _RIGHT] - basis[:, _LEFT]])
        rest = np.stack([rests[:, BOTTOM_LIP] - rests[:, TOP_LIP], rests[:, _RIGHT] - rests[:, _LEFT]], axis=1)
        for name, values in {"basis": gap, "chin": basis[:, CHIN, 1], "rest": rest}.items():
            self.register_buffer(name, torch.from_numpy(values.astype(np.float32)), persistent=False)

    def forward(self, shapes: Tensor, clip: Tensor) -> Tensor:
        gaps = torch.einsum("bkt,gkd->btgd", shapes, self.basis) + self.rest[clip]
        lengths = (gaps.square().sum(-1) + 1e-6).sqrt()
        chin = torch.einsum("bkt,k->bt", shapes, self.chin)
        return torch.cat([lengths.transpose(1, 2), chin[:, None]], dim=1)


def new_predictor(
    stage: PredictorStage, modes: int, layers: int = 4, channels: int = 384, bands: int = 80
) -> ShapePredictor:
    """An untrained predictor of the stage's sizes."""
    return ShapePredictor(
        modes,
        layers,
        channels,
        bands,
        stage.members,
        stage.hidden,
        stage.dilations,
        stage.mel_channels,
        stage.input_dropout,
        stage.mel_dropout,
        stage.dropout,
    )


@torch.no_grad()
def hear(encoder: WhisperEncoder, mel: Tensor, position: int = 0) -> tuple[Tensor, Tensor]:
    """States [B, L, C, T] and pairs of frames [B, 2, M, T] of log mel [B, M, 2 T].

    position: of the first vector in the encoder's table of positions.
    """
    layers = encoder.at(mel, position)[:-1]
    return torch.stack(layers, 1).transpose(2, 3), mel.unflatten(2, (-1, 2)).permute(0, 3, 1, 2)


def _correlation(a: Tensor, b: Tensor, known: Tensor) -> Tensor:
    """Pearson's r over the known steps: [B, Q, T] x 2 -> [B, Q]."""
    count = known.sum(-1, keepdim=True).clamp(min=1)
    a = (a - (a * known).sum(-1, keepdim=True) / count) * known
    b = (b - (b * known).sum(-1, keepdim=True) / count) * known
    return (a * b).sum(-1) / ((a * a).sum(-1) * (b * b).sum(-1) + 1e-6).sqrt()


@dataclass(frozen=True)
class PredictorScore:
    """Agreement of predicted and true mouths of one clip: r at lag 0 of opening, width and chin; the best lag of the
    opening, frames; and how far the predicted opening moves over the true one (ratio of deviations)."""

    name: str
    person: str
    opening: float
    width: float
    chin: float
    lag: int
    gain: float


def score(net: ShapePredictor, encoder: WhisperEncoder, clip: SoundClip, model: ShapeModel) -> PredictorScore:
    """Score the network on one clip's clean sound; both networks are on the CPU."""
    grid, made = predicted_shapes(net, encoder, clip.sound)
    predicted = np.stack([np.interp(clip.times, grid, row) for row in made], axis=1)
    mouths = [model.mouths(shapes, clip.rest) for shapes in (predicted, clip.coefficients)]
    rate = 1 / float(np.median(np.diff(clip.times)))
    opening, width, chin = (
        [measure(mouth) for mouth in mouths]
        for measure in (
            lambda m: np.linalg.norm(m[:, TOP_LIP] - m[:, BOTTOM_LIP], axis=-1),
            lambda m: np.linalg.norm(m[:, _LEFT] - m[:, _RIGHT], axis=-1),
            lambda m: m[:, CHIN, 1],
        )
    )
    agreement = compare(opening[0], opening[1], rate)
    return PredictorScore(
        clip.name,
        clip.person,
        agreement.r,
        compare(width[0], width[1], rate).r,
        compare(chin[0], chin[1], rate).r,
        agreement.lag,
        float(opening[0].std() / max(opening[1].std(), 1e-9)),
    )


@torch.no_grad()
def predicted_shapes(net: ShapePredictor, encoder: WhisperEncoder, sound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Seconds [T] and shapes [K, T] of a sound float32 [S], heard in pieces as `speech.whisper` hears it."""
    first, last = -SILENCE_VECTORS, -(-len(sound) // _VECTOR) + SILENCE_VECTORS
    heard = []
    for begin in range(first, last + 1, CORE_VECTORS):
        count = min(CORE_VECTORS, last + 1 - begin)
        start, stop = (begin - CONTEXT_VECTORS) * _VECTOR, (begin + count + CONTEXT_VECTORS) * _VECTOR
        inside = sound[max(start, 0) : max(stop, 0)]
        before = max(0, -start)
        piece = np.pad(inside, (before, stop - start - before - len(inside)))
        parts = hear(encoder, torch.from_numpy(log_mel(piece))[None])
        heard.append([part[..., CONTEXT_VECTORS : CONTEXT_VECTORS + count] for part in parts])
    states, mel = (torch.cat(parts, dim=-1) for parts in zip(*heard, strict=True))
    return np.arange(first, last + 1) / RATE, net(states, mel)[0].numpy()
