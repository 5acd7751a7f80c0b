"""Training the shape predictor: speech states to mouth shapes, on every clip whose sound is in sync."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from dubtool.errors import InputError
from dubtool.face.shape import MOUTH, ShapeModel
from dubtool.metrics.lips import compare
from dubtool.networks.shape_predictor import ShapePredictor
from dubtool.speech.whisper import RATE
from dubtool.training.spoken import SpokenClip
from dubtool.training.trainer import Trainer

Windows = tuple[Tensor, Tensor, Tensor]

# Points of `MOUTH` whose distances tell opening and width, and the chin.
_TOP, _BOTTOM, _LEFT, _RIGHT, _CHIN = (
    20 + MOUTH[20:40].index(13),
    20 + MOUTH[20:40].index(14),
    MOUTH.index(61),
    MOUTH.index(291),
    40 + MOUTH[40:].index(152),
)


@dataclass(frozen=True)
class PredictorStage:
    """hidden, dilations, input_dropout, dropout: the network's. window: training examples, steps of 1/50 s.
    correlation: weight of one minus the correlation, beside the L1 of the coefficients. balance: exponent by which a
    person's share grows with their minutes. silence: share of examples in which nobody speaks and the mouth rests.
    gain: what the shapes are multiplied by at work, since a network that is punished for every wrong guess moves less
    than people do."""

    network: ClassVar[str] = "predictor"
    hidden: int = 128
    dilations: tuple[int, ...] = (1, 2, 4)
    input_dropout: float = 0.5
    dropout: float = 0.4
    steps: int = 1500
    batch: int = 32
    window: int = 50
    learning_rate: float = 2e-3
    weight_decay: float = 0.3
    correlation: float = 1.0
    balance: float = 0.5
    silence: float = 0.06
    gain: float = 1.3
    seed: int = 0


class Examples:
    """Windows of states and the shapes that belong to them, people balanced."""

    def __init__(
        self,
        clips: Sequence[SpokenClip],
        stage: PredictorStage,
        rng: np.random.Generator,
        silence: np.ndarray | None = None,
    ) -> None:
        self._clips, self._stage, self._rng, self._silence = clips, stage, rng, silence
        frames: dict[str, int] = {}
        for clip in clips:
            frames[clip.person] = frames.get(clip.person, 0) + len(clip.times)
        weight = np.array([len(clip.times) * frames[clip.person] ** (stage.balance - 1) for clip in clips])
        self._share = weight / weight.sum()

    def seeded(self, *seed: int) -> Examples:
        """The same examples with chance of their own."""
        twin = copy.copy(self)
        twin._rng = np.random.default_rng(seed)
        return twin

    def batch(self) -> Windows:
        """states [B, L, C, T], shapes [B, K, T], known [B, 1, T] (1 where a frame tells the shape)."""
        chosen = [
            self._silent() if self._rests() else self._example(self._clips[k])
            for k in self._rng.choice(len(self._clips), self._stage.batch, p=self._share)
        ]
        states, shapes, known = (np.stack(part) for part in zip(*chosen, strict=True))
        return torch.from_numpy(states), torch.from_numpy(shapes), torch.from_numpy(known)

    def _rests(self) -> bool:
        return self._silence is not None and self._rng.random() < self._stage.silence

    def _silent(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        assert self._silence is not None
        window, modes = self._stage.window, self._clips[0].coefficients.shape[1]
        sound = self._silence[self._rng.integers(len(self._silence))]
        first = int(self._rng.integers(len(sound) - window))
        piece = sound[first : first + window].astype(np.float32).transpose(1, 2, 0)
        return piece, np.zeros((modes, window), np.float32), np.ones((1, window), np.float32)

    def _example(self, clip: SpokenClip) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rng, window = self._rng, self._stage.window
        states, start, stretch = clip.versions[rng.integers(len(clip.versions))]
        first = int(rng.integers(-10, max(-9, len(states) - window + 10)))
        steps = np.arange(first, first + window)
        piece = states[np.clip(steps, 0, len(states) - 1)].astype(np.float32)
        times = (steps / RATE + start) * stretch
        shapes = np.stack([np.interp(times, clip.times, column) for column in clip.coefficients.T])
        known = (times >= clip.times[0] - 0.01) & (times <= clip.times[-1] + 0.01)
        return piece.transpose(1, 2, 0), shapes.astype(np.float32), known[None].astype(np.float32)


class PredictorTrainer(Trainer[PredictorStage, Windows]):
    """L1 of the coefficients, weighted by how far each moves the mouth, and one minus the correlation of opening, width
    and chin within each window. silence: states [M, T, L, C] of rooms in which nobody speaks, as `prepare` writes them.

    Raises:
        InputError: there is no clip to learn from.
    """

    def __init__(
        self,
        stage: PredictorStage,
        clips: Sequence[SpokenClip],
        model: ShapeModel,
        run: Path | None,
        device: str = "cpu",
        silence: np.ndarray | None = None,
    ) -> None:
        if not clips:
            raise InputError("there is no training clip with speech in sync; run 'dubtool train prepare'")
        super().__init__(stage, run, device)
        self._examples = Examples(clips, stage, np.random.default_rng(stage.seed), silence)
        self._modes = model.size
        layers, channels = clips[0].versions[0][0].shape[1:]
        self.net = new_predictor(stage, model.size, layers, channels).to(self.device)
        self.optimiser = torch.optim.AdamW(self.net.parameters(), stage.learning_rate, weight_decay=stage.weight_decay)
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, stage.learning_rate, total_steps=stage.steps, pct_start=0.1
        )
        basis = torch.from_numpy(model.basis)
        reach = basis.square().sum((1, 2)).sqrt()
        self._reach = (reach / reach.mean())[None, :, None].to(self.device)
        opening = basis[:, _BOTTOM, 1] - basis[:, _TOP, 1]
        width = basis[:, _RIGHT, 0] - basis[:, _LEFT, 0]
        self._seen = torch.stack([opening, width, basis[:, _CHIN, 1]], dim=1).to(self.device)

    def make(self, step: int) -> Windows:
        return self._examples.seeded(self.stage.seed, step).batch()

    def learn(self, batch: Windows) -> dict[str, Tensor]:
        # What dropout drops must depend on the step alone.
        torch.manual_seed(self.stage.seed * 1_000_003 + self.step)
        states, shapes, known = (part.to(self.device) for part in batch)
        self.net.train()
        made = self.net(states)
        distance = ((made - shapes).abs() * known * self._reach).sum() / known.sum() / self._modes
        looks = [torch.einsum("bkt,kq->bqt", each, self._seen) for each in (made, shapes)]
        disagreement = (1 - _correlation(looks[0], looks[1], known)).mean()
        loss = distance + self.stage.correlation * disagreement
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self._schedule.step()
        return {"distance": distance.detach(), "disagreement": disagreement.detach()}

    def state(self) -> dict[str, Any]:
        return {
            "net": self.net.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self._schedule.state_dict(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.net.load_state_dict(state["net"])
        self.optimiser.load_state_dict(state["optimiser"])
        self._schedule.load_state_dict(state["schedule"])


def new_predictor(stage: PredictorStage, modes: int, layers: int, channels: int) -> ShapePredictor:
    """An untrained predictor of the stage's sizes."""
    return ShapePredictor(modes, layers, channels, stage.hidden, stage.dilations, stage.input_dropout, stage.dropout)


def train_predictor(clips: Sequence[SpokenClip], model: ShapeModel, stage: PredictorStage) -> ShapePredictor:
    """Train from scratch in one go, keeping nothing on disk."""
    trainer = PredictorTrainer(stage, clips, model, None)
    trainer.train()
    return trainer.net.eval()


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


def score(net: ShapePredictor, clip: SpokenClip, model: ShapeModel) -> PredictorScore:
    """Score the network on one clip's clean sound."""
    states, start, stretch = clip.versions[0]
    with torch.no_grad():
        made = net(torch.from_numpy(states.astype(np.float32)).permute(1, 2, 0)[None])[0].numpy()
    grid = (np.arange(len(states)) / RATE + start) * stretch
    predicted = np.stack([np.interp(clip.times, grid, row) for row in made], axis=1)
    mouths = [model.mouths(shapes, clip.rest) for shapes in (predicted, clip.coefficients)]
    rate = 1 / float(np.median(np.diff(clip.times)))
    opening, width, chin = (
        [measure(mouth) for mouth in mouths]
        for measure in (
            lambda m: np.linalg.norm(m[:, _TOP] - m[:, _BOTTOM], axis=-1),
            lambda m: np.linalg.norm(m[:, _LEFT] - m[:, _RIGHT], axis=-1),
            lambda m: m[:, _CHIN, 1],
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
