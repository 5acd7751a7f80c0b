"""Training the lip-sync expert: does this mouth say this sound? (Zhang et al., AAAI 2023; Chung and Zisserman, 2016)

The sound is Whisper's second layer, fifty vectors a second: prepared clips hold it, and lips follow it best.
"""

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
from dubtool.networks.syncnet import SyncNet
from dubtool.speech.whisper import RATE
from dubtool.training.clips import Clip, Sampler, load_clips
from dubtool.training.predictor import SpokenClip, load_spoken
from dubtool.training.trainer import Trainer

FRAMES = 5
# Clips of any frame rate are looked at in steps of 1/25 s.
_FRAME_SECONDS = 1 / 25
_LAYER = 1
# Vectors of one window: 0.2 s, as long as the five frames.
STEPS = 11
_SHIFTS = (5, 25)
# Half of the pairs are true; of the false ones most are the same voice at another time, which is the harder question.
_OTHER_CLIP = 0.3
_ASKED_SHIFT = 5
_QUIET = 0.1


@dataclass(frozen=True)
class SyncStage:
    """mouth: side of the mouth box, px. hidden: the network's width, 128 in the paper. min_natural: least size of the
    mouth in the source pictures, px."""

    mouth: int = 64
    hidden: int = 128
    batch: int = 32
    steps: int = 20_000
    learning_rate: float = 1e-4
    weight_decay: float = 1e-2
    min_natural: float = 40.0
    seed: int = 0


@dataclass
class Pairs:
    """mouths [B, 15, m, m], RGB 0..1, five stacked; sounds [B, C, T]; true [B], 1 where they belong together."""

    mouths: Tensor
    sounds: Tensor
    true: Tensor


@dataclass(frozen=True)
class _Pair:
    clip: Clip
    spoken: SpokenClip


class SyncPairs:
    """Draws mouths and sounds that belong together or do not.

    Raises:
        InputError: no clip has both a picture and speech in sync.
    """

    def __init__(self, folder: Path, split: str, stage: SyncStage, *, augment: bool) -> None:
        spoken = {clip.name: _one_layer(clip) for clip in load_spoken(folder, split, augmented=augment)}
        clips = [clip for clip in load_clips(folder, split, min_natural=stage.min_natural) if clip.name in spoken]
        if not clips:
            raise InputError(f"{folder}: holds no {split} clip with speech in sync; run 'dubtool train prepare'")
        self.spoken = spoken
        self.sampler = Sampler(clips, stage.mouth, np.random.default_rng(stage.seed), augment=augment)

    def seeded(self, *seed: int) -> SyncPairs:
        """The same pairs with chance of their own."""
        twin = copy.copy(self)
        twin.sampler = self.sampler.seeded(*seed)
        return twin

    def batch(self, count: int) -> Pairs:
        """`count` pairs, half of them true on average."""
        drawn = [self._draw() for _ in range(count)]
        return Pairs(
            _stacked([mouths for mouths, _, _ in drawn]),
            torch.from_numpy(np.stack([sound for _, sound, _ in drawn])),
            torch.tensor([float(true) for _, _, true in drawn]),
        )

    def question(self, shifts: Sequence[int]) -> tuple[Tensor, Tensor] | None:
        """One stack of mouths [n, 15, m, m] beside its clip's clean sound at several shifts in frames [n, C, T].

        None where the clip drawn is too short to ask.
        """
        pair = self._pair()
        times = pair.spoken.times
        reach = max(map(abs, shifts)) * _FRAME_SECONDS
        inside = pair.clip.frontal
        inside = inside[(times[inside] - times[0] >= reach) & (times[-1] - times[inside] >= reach)]
        if len(inside) == 0:
            return None
        row = int(self.sampler.rng.choice(inside))
        sounds = [_sound(pair.spoken, 0, times[row] + shift * _FRAME_SECONDS) for shift in shifts]
        mouths = _stacked([self.sampler.mouths(pair.clip, _neighbours(times, row))])
        return mouths.expand(len(shifts), -1, -1, -1), torch.from_numpy(np.stack(sounds))

    def _pair(self) -> _Pair:
        clip = self.sampler.draw_clip()
        return _Pair(clip, self.spoken[clip.name])

    def _draw(self) -> tuple[np.ndarray, np.ndarray, bool]:
        rng, pair = self.sampler.rng, self._pair()
        row = int(rng.choice(pair.clip.frontal))
        mouths = self.sampler.mouths(pair.clip, _neighbours(pair.spoken.times, row))
        true = bool(rng.random() < 0.5)
        heard, time = pair.spoken, float(pair.spoken.times[row])
        if not true:
            heard, time = self._elsewhere(heard, time)
        return mouths, _sound(heard, int(rng.integers(len(heard.versions))), time), true

    def _elsewhere(self, spoken: SpokenClip, time: float) -> tuple[SpokenClip, float]:
        """Where a sound comes from that does not belong to the mouth at `time`."""
        rng = self.sampler.rng
        low, high = _SHIFTS
        shifted = time + np.arange(low, high + 1) * _FRAME_SECONDS * rng.choice((-1, 1))
        shifted = shifted[(shifted >= spoken.times[0]) & (shifted <= spoken.times[-1])]
        if len(shifted) and rng.random() >= _OTHER_CLIP:
            return spoken, float(rng.choice(shifted))
        other = self._pair().spoken
        if other is spoken:
            return spoken, time + high * _FRAME_SECONDS
        return other, float(rng.uniform(other.times[0], other.times[-1]))


class SyncTrainer(Trainer[SyncStage, Pairs]):
    """Least squares towards 1 for a true pair and 0 for a false one: what the generator's sync loss asks for.

    Raises:
        InputError: no training clip has both a picture and speech in sync.
    """

    def __init__(self, stage: SyncStage, clips: Path, run: Path | None, device: str = "cpu") -> None:
        self.pairs = SyncPairs(clips, "train", stage, augment=True)
        super().__init__(stage, run, device)
        states = next(iter(self.pairs.spoken.values())).versions[0][0]
        self.net = new_syncnet(stage, states.shape[1]).to(self.device)
        self.optimiser = torch.optim.AdamW(self.net.parameters(), stage.learning_rate, weight_decay=stage.weight_decay)

    def make(self, step: int) -> Pairs:
        return self.pairs.seeded(self.stage.seed, step).batch(self.stage.batch)

    def learn(self, batch: Pairs) -> dict[str, Tensor]:
        self.net.train()
        true = batch.true.to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16):
            scores = self.net(batch.mouths.to(self.device), batch.sounds.to(self.device)).float().flatten(1)
        loss = (scores - true[:, None]).square().mean()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimiser.step()
        right = ((scores.detach().mean(1) > 0.5) == (true > 0.5)).float().mean()
        return {"sync": loss.detach(), "right": right}

    def state(self) -> dict[str, Any]:
        return {"net": self.net.state_dict(), "optimiser": self.optimiser.state_dict()}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.net.load_state_dict(state["net"])
        self.optimiser.load_state_dict(state["optimiser"])


def new_syncnet(stage: SyncStage, channels: int) -> SyncNet:
    """An untrained expert of the stage's sizes, for speech vectors of `channels` numbers.

    Without normalisation layers torch's usual initialisation fades signals to nothing over twenty layers, and nothing
    is learned for thousands of steps: begin as He et al. (2015), residual branches quiet.
    """
    net = SyncNet(3 * FRAMES, channels, stage.hidden)
    for name, layer in net.named_modules():
        if isinstance(layer, nn.Conv1d | nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
            if name.endswith("conv2"):
                with torch.no_grad():
                    layer.weight.mul_(_QUIET)
    # Every score begins near one half, so that the first steps do not go into the level.
    last = net.merge_encoder[-1]
    assert isinstance(last, nn.Conv2d) and last.bias is not None
    with torch.no_grad():
        last.weight.mul_(_QUIET)
        last.bias.fill_(0.5)
    return net


def accuracy(net: SyncNet, pairs: SyncPairs, count: int = 200) -> float:
    """How often the sound in sync scores above the same sound 5 frames early, and 5 frames late: 0..1, chance 0.5.

    `count` moments of clips long enough to ask; NaN where no clip is.
    """
    asked = [pairs.seeded(7, number).question((0, -_ASKED_SHIFT, _ASKED_SHIFT)) for number in range(count)]
    won = []
    net.eval()
    device = next(net.parameters()).device
    with torch.no_grad():
        for mouths, sounds in filter(None, asked):
            true, early, late = net(mouths.to(device), sounds.to(device)).flatten(1).mean(1).tolist()
            won += [true > early, true > late]
    return float(np.mean(won)) if won else float("nan")


def _one_layer(clip: SpokenClip) -> SpokenClip:
    """The clip with one encoder layer alone: states [T, C]. The others are not held in memory."""
    versions = tuple((states[:, _LAYER].copy(), start, stretch) for states, start, stretch in clip.versions)
    return SpokenClip(clip.name, clip.person, versions, clip.times, clip.coefficients, clip.rest)


def _neighbours(times: np.ndarray, row: int) -> list[int]:
    """The rows nearest to five moments 1/25 s apart around the row's."""
    wanted = times[row] + (np.arange(FRAMES) - FRAMES // 2) * _FRAME_SECONDS
    return [int(np.abs(times - time).argmin()) for time in wanted]


def _stacked(mouths: Sequence[np.ndarray]) -> Tensor:
    """Mouths uint8 [5, m, m, 3] each -> float32 [n, 15, m, m], 0..1."""
    stack = torch.from_numpy(np.stack(mouths)).permute(0, 1, 4, 2, 3).float() / 255
    return stack.flatten(1, 2)


def _sound(spoken: SpokenClip, version: int, time: float) -> np.ndarray:
    """The window of a version's sound around a moment of the video: float32 [C, T], each vector normalised."""
    states, start, stretch = spoken.versions[version]
    place = (time / stretch - start) * RATE + np.arange(STEPS) - STEPS // 2
    place = np.clip(place, 0, len(states) - 1)
    below = np.floor(place).astype(int)
    above = np.minimum(below + 1, len(states) - 1)
    share = (place - below).astype(np.float32)[:, None]
    vectors = states[below].astype(np.float32) * (1 - share) + states[above].astype(np.float32) * share
    vectors -= vectors.mean(axis=1, keepdims=True)
    vectors /= vectors.std(axis=1, keepdims=True) + 1e-5
    return np.ascontiguousarray(vectors.T)
