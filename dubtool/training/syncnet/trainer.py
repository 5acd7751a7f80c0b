"""Training the lip-sync expert: does this mouth say this sound? (Zhang et al., AAAI 2023; Chung and Zisserman, 2016)

The sound is Whisper's second layer, fifty vectors a second: prepared clips hold it, and lips follow it best.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dubtool.errors import InputError
from dubtool.networks.syncnet import LightSyncNet, SyncNet
from dubtool.speech.whisper import RATE
from dubtool.training.core.precision import mixed_precision
from dubtool.training.core.schedule import descend, falling_rate
from dubtool.training.core.stage import FRAMES
from dubtool.training.core.trainer import Trainer, read_checkpoint
from dubtool.training.data.clips import FRAME_SECONDS, Clip, Sampler, load_clips, neighbours
from dubtool.training.data.spoken import SECOND, SpokenClip, heard_at, load_spoken
from dubtool.training.syncnet.stage import STEPS, SyncStage

_ASKED_SHIFT = 5
_QUIET = 0.1
# Moments of one clip nearer than this sound and look nearly the same, and are not held against each other.
_NEAR_SECONDS = 0.1
# Of the vectors in which faces and sounds are compared.
_SIZE = 64
_COLDEST = 100.0


@dataclass
class Moments:
    """mouths [N, 15, m, m], RGB 0..1, five stacked; sounds [N, C, T]; shapes [N, K, 5] of those mouths, in standard
    deviations; near bool [N, N], pairs of different moments that are too close to be told apart."""

    mouths: Tensor
    sounds: Tensor
    shapes: Tensor
    near: Tensor


@dataclass(frozen=True)
class _Pair:
    clip: Clip
    spoken: SpokenClip


class SyncPairs:
    """Draws moments of clips: mouths, and the sounds that belong to them.

    Raises:
        InputError: no clip has both a picture and speech in sync.
    """

    def __init__(self, folder: Path, split: str, stage: SyncStage, *, augment: bool) -> None:
        spoken = {clip.name: clip for clip in load_spoken(folder, split, augmented=augment, layer=SECOND)}
        clips = [clip for clip in load_clips(folder, split, min_natural=stage.min_natural) if clip.name in spoken]
        if not clips:
            raise InputError(f"{folder}: holds no {split} clip with speech in sync; run 'dubtool train prepare'")
        self.spoken = spoken
        shapes = np.concatenate([clip.coefficients for clip in clips])
        self._mean, self._spread = shapes.mean(axis=0)[:, None], shapes.std(axis=0)[:, None]
        self.sampler = Sampler(clips, stage.mouth, np.random.default_rng(stage.seed), augment=augment)

    def seeded(self, *seed: int) -> SyncPairs:
        """The same pairs with chance of their own."""
        twin = copy.copy(self)
        twin.sampler = self.sampler.seeded(*seed)
        return twin

    def batch(self, clips: int, moments: int) -> Moments:
        """So many moments of so many clips."""
        rng, mouths, sounds, shapes, times = self.sampler.rng, [], [], [], []
        for _ in range(clips):
            pair = self._pair()
            version = int(rng.integers(len(pair.spoken.versions)))
            for row in rng.choice(pair.clip.frontal, moments):
                rows = neighbours(pair.spoken.times, int(row), FRAMES)
                mouths.append(self.sampler.mouths(pair.clip, rows))
                sounds.append(sound_window(pair.spoken, version, float(pair.spoken.times[row])))
                shapes.append((pair.clip.coefficients[rows].T - self._mean) / self._spread)
                times.append(pair.spoken.times[row])
        when, number = torch.tensor(times), torch.arange(clips).repeat_interleave(moments)
        near = (number[:, None] == number) & ((when[:, None] - when).abs() < _NEAR_SECONDS)
        return Moments(
            _stacked(mouths),
            torch.from_numpy(np.stack(sounds)),
            torch.from_numpy(np.stack(shapes).astype(np.float32)),
            near.fill_diagonal_(False),
        )

    def question(self, shifts: Sequence[int]) -> tuple[Tensor, Tensor] | None:
        """One stack of mouths [n, 15, m, m] beside its clip's clean sound at several shifts in frames [n, C, T].

        None where the clip drawn is too short to ask.
        """
        pair = self._pair()
        times = pair.spoken.times
        reach = max(map(abs, shifts)) * FRAME_SECONDS
        inside = pair.clip.frontal
        inside = inside[(times[inside] - times[0] >= reach) & (times[-1] - times[inside] >= reach)]
        if len(inside) == 0:
            return None
        row = int(self.sampler.rng.choice(inside))
        sounds = [sound_window(pair.spoken, 0, times[row] + shift * FRAME_SECONDS) for shift in shifts]
        mouths = _stacked([self.sampler.mouths(pair.clip, neighbours(times, row, FRAMES))])
        return mouths.expand(len(shifts), -1, -1, -1), torch.from_numpy(np.stack(sounds))

    def _pair(self) -> _Pair:
        clip = self.sampler.draw_clip()
        return _Pair(clip, self.spoken[clip.name])


class _Heads(nn.Module):
    """What the encoders learn beside the score, and is left out at work: vectors that are near where mouth and sound
    belong together, and the mouth's shapes, which each of them must be able to tell."""

    def __init__(self, hidden: int, shapes: int, *, light: bool) -> None:
        super().__init__()
        # The light network compares its vectors as they are.
        self.face, self.sound = (nn.Identity() if light else nn.Linear(hidden, _SIZE) for _ in range(2))
        self.face_shape, self.sound_shape = nn.Linear(hidden, shapes), nn.Linear(hidden, shapes)
        self.temperature = nn.Parameter(torch.tensor(2.3))

    def cosines(self, face: Tensor, sound: Tensor) -> Tensor:
        """Of all pairs [N, N], over the temperature."""
        faces, sounds = F.normalize(self.face(face), dim=1), F.normalize(self.sound(sound), dim=1)
        return faces @ sounds.T * self.temperature.exp().clamp(max=_COLDEST)


class SyncTrainer(Trainer[SyncStage, Moments]):
    """Least squares towards 1 for a true pair and 0 for all false ones of a batch: what the generator's sync loss asks
    for. Scores alone leave chance only after thousands of steps; so the encoders also learn by contrast (InfoNCE, van
    den Oord et al. 2018) and by telling the mouth's shapes, which are known.

    Raises:
        InputError: no training clip has both a picture and speech in sync.
    """

    def __init__(self, stage: SyncStage, clips: Path, run: Path | None, device: str = "cpu") -> None:
        self.pairs = SyncPairs(clips, "train", stage, augment=True)
        super().__init__(stage, run, device)
        spoken = next(iter(self.pairs.spoken.values()))
        net = new_syncnet(stage, spoken.versions[0][0].shape[1])
        if isinstance(net, SyncNet):
            settle(net, self.make(0))
        self.net = net.to(self.device)
        self.heads = _Heads(stage.hidden, FRAMES * spoken.coefficients.shape[1], light=stage.light).to(self.device)
        self.optimiser = torch.optim.AdamW(
            [*self.net.parameters(), *self.heads.parameters()], stage.learning_rate, weight_decay=stage.weight_decay
        )

    def make(self, step: int) -> Moments:
        return self.pairs.seeded(self.stage.seed, step).batch(self.stage.batch, self.stage.moments)

    def learn(self, batch: Moments) -> dict[str, Tensor]:
        stage = self.stage
        # What dropout drops must depend on the step alone.
        torch.manual_seed(stage.seed * 1_000_003 + self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = falling_rate(self.step, stage.steps, stage.learning_rate, stage.final_rate)
        self.net.train()
        near, shapes = batch.near.to(self.device), batch.shapes.to(self.device).flatten(1)
        with mixed_precision(self.device):
            face, sound = (
                self.net.face_encoder(batch.mouths.to(self.device)),
                self.net.audio_encoder(batch.sounds.to(self.device)),
            )
            count = len(face)
            every_face = face.repeat_interleave(count, dim=0)
            scores = self.net.merge(every_face, sound.repeat(count, 1)).float().mean((1, 2, 3)).view(count, count)
        face, sound = face.float().mean((2, 3)), sound.float()
        true = torch.eye(count, dtype=torch.bool, device=self.device)
        score = 0.5 * ((scores[true] - 1).square().mean() + scores[~true & ~near].square().mean())
        cosines = self.heads.cosines(face, sound).masked_fill(near, -torch.inf)
        own = torch.arange(count, device=self.device)
        contrast = 0.5 * (F.cross_entropy(cosines, own) + F.cross_entropy(cosines.T, own))
        told = (self.heads.face_shape(face), self.heads.sound_shape(sound))
        shape = torch.stack([F.smooth_l1_loss(each, shapes) for each in told]).mean()
        loss = score + stage.contrast * contrast + stage.shape * shape
        descend(self.optimiser, loss, self.net.parameters())
        right = (scores.detach().masked_fill(near, -torch.inf).argmax(1) == own).float().mean()
        return {"sync": score.detach(), "contrast": contrast.detach(), "shape": shape.detach(), "right": right}

    def state(self) -> dict[str, Any]:
        return {
            "net": self.net.state_dict(),
            "heads": self.heads.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.net.load_state_dict(state["net"])
        self.heads.load_state_dict(state["heads"])
        self.optimiser.load_state_dict(state["optimiser"])


def new_syncnet(stage: SyncStage, channels: int) -> SyncNet | LightSyncNet:
    """An untrained expert of the stage's sizes, for speech vectors of `channels` numbers."""
    if stage.light:
        return LightSyncNet(3 * FRAMES, channels, stage.hidden, stage.mouth, STEPS)
    return SyncNet(3 * FRAMES, channels, stage.hidden)


def settle(net: SyncNet, batch: Moments) -> None:
    """Begin with weights under which every layer's numbers are spread alike over a first batch (Salimans and Kingma
    2016), residual branches quiet, and every score near one half.

    The network has no normalisation layers: under torch's usual initialisation what differs between pictures fades
    beside what they share, and nothing is learned for thousands of steps.
    """

    def spread(quiet: float) -> Callable[[nn.Module, Any, Tensor], Tensor]:
        def hook(layer: nn.Module, given: Any, out: Tensor) -> Tensor:
            assert isinstance(layer, nn.Conv1d | nn.Conv2d) and layer.bias is not None
            across = [axis for axis in range(out.dim()) if axis != 1]
            scale = quiet / (out.std(across) + 1e-4)
            shift = -out.mean(across) * scale
            layer.weight.mul_(scale.view(-1, *[1] * (layer.weight.dim() - 1)))
            layer.bias.mul_(scale).add_(shift)
            shape = (1, -1, *[1] * (out.dim() - 2))
            return out * scale.view(shape) + shift.view(shape)

        return hook

    last = net.merge_encoder[-1]
    assert isinstance(last, nn.Conv2d) and last.bias is not None
    layers = {name: layer for name, layer in net.named_modules() if isinstance(layer, nn.Conv1d | nn.Conv2d)}
    hooks = [
        layer.register_forward_hook(spread(_QUIET if name.endswith("conv2") or layer is last else 1.0))
        for name, layer in layers.items()
    ]
    with torch.no_grad():
        net(batch.mouths, batch.sounds)
        last.bias.add_(0.5)
    for hook in hooks:
        hook.remove()


def trained_syncnet(stage: SyncStage, weights: Mapping[str, Tensor]) -> SyncNet | LightSyncNet:
    """The expert with these weights."""
    first = "audio_encoder.1.weight" if stage.light else "audio_encoder.audio_conv.0.conv.weight"
    net = new_syncnet(stage, weights[first].shape[1])
    net.load_state_dict(dict(weights))
    return net.eval()


def load_syncnet(run: Path) -> tuple[SyncNet | LightSyncNet, int]:
    """The expert that a run has trained, and the side of the mouth boxes it looks at.

    Raises:
        InputError: the folder is no run of a sync expert.
    """
    try:
        table = json.loads((run / "stage.json").read_text(encoding="utf-8"))
        known = {field.name for field in fields(SyncStage)}
        stage = SyncStage(**{name: value for name, value in table.items() if name in known})
        net = trained_syncnet(stage, read_checkpoint(run / "checkpoint.pt")["net"])
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise InputError(f"{run}: is no run of 'dubtool train syncnet'") from error
    return net, stage.mouth


def accuracy(net: SyncNet | LightSyncNet, pairs: SyncPairs, count: int = 200) -> float:
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


def _stacked(mouths: Sequence[np.ndarray]) -> Tensor:
    """Mouths uint8 [5, m, m, 3] each -> float32 [n, 15, m, m], 0..1."""
    stack = torch.from_numpy(np.stack(mouths)).permute(0, 1, 4, 2, 3).float() / 255
    return stack.flatten(1, 2)


def sound_window(spoken: SpokenClip, version: int, time: float) -> np.ndarray:
    """A version's sound around a moment of the video, in steps of its own clock: float32 [C, T], each vector
    normalised. The clip holds one layer."""
    stretch = spoken.versions[version][2]
    vectors = heard_at(spoken, version, time + (np.arange(STEPS) - STEPS // 2) * stretch / RATE)
    vectors -= vectors.mean(axis=1, keepdims=True)
    vectors /= vectors.std(axis=1, keepdims=True) + 1e-5
    return np.ascontiguousarray(vectors.T)
