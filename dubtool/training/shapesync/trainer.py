"""Training the sync judge on mouth shapes: which of a batch's sounds belongs to which mouth? Minutes on a CPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dubtool.errors import InputError
from dubtool.metrics.sync import STEP_SECONDS, mouth_windows
from dubtool.networks.shapesync import ShapeSync
from dubtool.speech.whisper import RATE
from dubtool.training.core.trainer import Trainer
from dubtool.training.data.spoken import SpokenClip, heard_at
from dubtool.training.shapesync.stage import ShapeSyncStage

# Moments of one clip nearer than this say nearly the same, and are not held against each other.
_NEAR_SECONDS = 0.1
_EDGE_SECONDS = 0.04
_ASKED_SHIFT = 5
# Mouths at work are not tracked as those of the corpus are, nor do dubs move them as far: spreads of the gain, of a
# constant offset and of noise, the last two in standard deviations of the shapes.
_GAIN, _OFFSET, _NOISE = (0.7, 1.3), 0.3, 0.1
_COLDEST = 100.0


@dataclass
class Moments:
    """shapes [N, K, frames] and states [N, C, window] of N moments, at seconds `times` of clips numbered `clips`."""

    shapes: Tensor
    states: Tensor
    clips: Tensor
    times: Tensor


class ShapeSyncTrainer(Trainer[ShapeSyncStage, Moments]):
    """Cross-entropy over the cosines of all pairs of a batch, both ways, with a learned temperature (InfoNCE, van den
    Oord et al. 2018). clips: of one layer of states.

    Raises:
        InputError: there is no clip to learn from.
    """

    def __init__(
        self, stage: ShapeSyncStage, clips: Sequence[SpokenClip], run: Path | None, device: str = "cpu"
    ) -> None:
        if not clips:
            raise InputError("there is no training clip with speech in sync; run 'dubtool train prepare'")
        super().__init__(stage, run, device)
        self._clips = clips
        minutes: dict[str, int] = {}
        for clip in clips:
            minutes[clip.person] = minutes.get(clip.person, 0) + len(clip.times)
        weight = np.array([len(clip.times) * minutes[clip.person] ** (stage.balance - 1) for clip in clips])
        self._share = weight / weight.sum()
        modes, channels = clips[0].coefficients.shape[1], clips[0].versions[0][0].shape[1]
        net = new_shapesync(stage, modes, channels)
        spread = np.concatenate([clip.coefficients for clip in clips]).std(axis=0)
        net.spread.copy_(torch.from_numpy(spread.astype(np.float32)))
        self.net = net.to(self.device)
        self._spread = spread.astype(np.float32)
        self.temperature = nn.Parameter(torch.tensor(2.3, device=self.device))
        self.optimiser = torch.optim.AdamW(
            [*self.net.parameters(), self.temperature], stage.learning_rate, weight_decay=stage.weight_decay
        )
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, stage.learning_rate, total_steps=stage.steps, pct_start=0.1
        )

    def make(self, step: int) -> Moments:
        stage, rng = self.stage, np.random.default_rng((self.stage.seed, step))
        shapes, states, times = [], [], []
        for number in rng.choice(len(self._clips), stage.clips, p=self._share):
            clip = self._clips[number]
            first, last = clip.times[0] + _EDGE_SECONDS, clip.times[-1] - _EDGE_SECONDS
            when = rng.uniform(first, max(last, first + 1e-3), stage.moments)
            shapes.append(self._changed(mouth_windows(clip.times, clip.coefficients, when, stage.frames), rng))
            states.append(sound_windows(clip, int(rng.integers(len(clip.versions))), when, stage.window))
            times.append(when)
        return Moments(
            torch.from_numpy(np.concatenate(shapes)),
            torch.from_numpy(np.concatenate(states)),
            torch.arange(stage.clips).repeat_interleave(stage.moments),
            torch.from_numpy(np.concatenate(times)),
        )

    def _changed(self, shapes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        modes = shapes.shape[1]
        offset = rng.normal(0, _OFFSET, (1, modes, 1)) + rng.normal(0, _NOISE, shapes.shape)
        return (shapes * rng.uniform(*_GAIN) + offset * self._spread[:, None]).astype(np.float32)

    def learn(self, batch: Moments) -> dict[str, Tensor]:
        # What dropout drops must depend on the step alone.
        torch.manual_seed(self.stage.seed * 1_000_003 + self.step)
        self.net.train()
        mouths, sounds = self.net(batch.shapes.to(self.device), batch.states.to(self.device))
        near = (batch.clips[:, None] == batch.clips) & ((batch.times[:, None] - batch.times).abs() < _NEAR_SECONDS)
        near.fill_diagonal_(False)
        cosines = mouths @ sounds.T * self.temperature.exp().clamp(max=_COLDEST)
        cosines = cosines.masked_fill(near.to(self.device), -torch.inf)
        own = torch.arange(len(cosines), device=self.device)
        loss = 0.5 * (F.cross_entropy(cosines, own) + F.cross_entropy(cosines.T, own))
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self._schedule.step()
        return {"sync": loss.detach(), "right": (cosines.detach().argmax(1) == own).float().mean()}

    def state(self) -> dict[str, Any]:
        return {
            "net": self.net.state_dict(),
            "temperature": self.temperature.detach(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self._schedule.state_dict(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.net.load_state_dict(state["net"])
        with torch.no_grad():
            self.temperature.copy_(state["temperature"])
        self.optimiser.load_state_dict(state["optimiser"])
        self._schedule.load_state_dict(state["schedule"])


def new_shapesync(stage: ShapeSyncStage, modes: int, channels: int) -> ShapeSync:
    """An untrained judge of the stage's sizes."""
    return ShapeSync(
        modes, channels, stage.frames, stage.window, stage.hidden, stage.size, stage.input_dropout, stage.dropout
    )


def sound_windows(clip: SpokenClip, version: int, when: np.ndarray, window: int) -> np.ndarray:
    """A version's states around moments of the video, in steps of its own clock: float32 [n, C, window]."""
    stretch = clip.versions[version][2]
    times = when[:, None] + (np.arange(window) - window // 2) * stretch / RATE
    return heard_at(clip, version, times.ravel()).reshape(len(when), window, -1).transpose(0, 2, 1)


def told_apart(net: ShapeSync, clips: Sequence[SpokenClip]) -> float:
    """How often the sound in sync is nearer to the mouth than the same sound 5 frames early, and 5 late: 0..1, chance
    0.5; the mean over clips, NaN where none is long enough."""
    shift = _ASKED_SHIFT * STEP_SECONDS
    rates = []
    net.eval()
    with torch.no_grad():
        for clip in clips:
            when = np.arange(clip.times[0] + shift, clip.times[-1] - shift, STEP_SECONDS)
            if len(when) == 0:
                continue
            mouths = net.mouth(torch.from_numpy(mouth_windows(clip.times, clip.coefficients, when, net.frames)))
            true, early, late = (
                (mouths * net.sound(torch.from_numpy(sound_windows(clip, 0, when + each, net.steps)))).sum(1)
                for each in (0.0, -shift, shift)
            )
            rates.append(0.5 * float((true > early).float().mean() + (true > late).float().mean()))
    return float(np.mean(rates)) if rates else float("nan")
