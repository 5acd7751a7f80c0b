"""What G4G learns from: its stage's settings, and batches of frames beside the sound that belongs to them."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dubtool.errors import InputError
from dubtool.face.crop import CropSize
from dubtool.face.draw import draw_mouth, landmark_picture
from dubtool.face.shape import ShapeModel
from dubtool.training.data.clips import Clip, Sample, Sampler, load_clips
from dubtool.training.data.mels import MEL_FILE, Mel, Voice
from dubtool.training.g4g.stage import G4GStage
from dubtool.training.generator.data import collate

# Neighbouring frames of one clip say nearly the same: asking which sound belongs to which would be unfair.
_APART_SECONDS = 0.12


@dataclass(frozen=True)
class HeardClip:
    """A clip in sync. times: float64 [N], of the frames, on the mel's clock. rest: [55, 3], the mouth at rest."""

    clip: Clip
    mel: Mel
    times: np.ndarray
    rest: np.ndarray


@dataclass(frozen=True)
class HeardSample:
    """sample: the picture; its drawing shows the mouth that is to be made, or at rest. mel: float32 [16, 80]."""

    sample: Sample
    mel: np.ndarray


@dataclass
class G4GBatch:
    """Tensors of B samples of F frames: picture, source [BF, 3, H, W] 0..1, landmarks, lips [BF, 1, H, W] 0..1 (`drawn`
    landmarks have three channels), reference [B, 15, H, W], mel [BF, 16, 80]. sounds [B, C, T]: what the sync
    expert hears, if there is one."""

    picture: Tensor
    source: Tensor
    landmarks: Tensor
    reference: Tensor
    mel: Tensor
    lips: Tensor
    sounds: Tensor | None = None


def collate_heard(samples: Sequence[HeardSample], stage: G4GStage, *, frames: int = 1) -> G4GBatch:
    """Stack samples into one batch; `frames` in a row share their references."""
    batch = collate([each.sample for each in samples], stage, frames=frames, drawing=False)
    drawings = np.stack([each.sample.drawing for each in samples])
    landmarks = drawings if stage.drawn else landmark_picture(drawings)
    return G4GBatch(
        batch.picture,
        batch.source,
        torch.from_numpy(landmarks).float() / 255,
        batch.reference,
        torch.from_numpy(np.stack([each.mel for each in samples])),
        batch.lips,
    )


def load_heard(folder: Path, split: str, *, min_natural: float) -> dict[str, HeardClip]:
    """The prepared clips of a split that are in sync, by name.

    Raises:
        InputError: there are none, or they were prepared without mel spectrograms.
    """
    heard = {}
    for clip in load_clips(folder, split, min_natural=min_natural):
        path = folder / clip.name / MEL_FILE
        if not path.exists():
            continue
        with np.load(folder / clip.name / "meta.npz") as stored:
            # A positive lag means that the sound is late.
            times = clip.times + float(stored["lag"]) / 25
            heard[clip.name] = HeardClip(clip, Mel.load(path), times, stored["rest"])
    if not heard:
        raise InputError(
            f"{folder}: holds no {split} clip in sync with a {MEL_FILE}; run 'dubtool train prepare' again"
        )
    return heard


class HeardSampler:
    """Draws groups of moments, people balanced; the moments of a group are of one clip."""

    def __init__(
        self,
        clips: dict[str, HeardClip],
        model: ShapeModel,
        stage: G4GStage,
        *,
        augment: bool = True,
    ) -> None:
        self.clips = clips
        self._model, self._size, self._rest_share = model, CropSize(stage.mouth), stage.rest_share
        rng = np.random.default_rng(stage.seed)
        self.sampler = Sampler([heard.clip for heard in clips.values()], stage.mouth, rng, augment=augment)

    def seeded(self, *seed: int) -> HeardSampler:
        """The same sampler with chance of its own."""
        twin = copy.copy(self)
        twin.sampler = self.sampler.seeded(*seed)
        return twin

    def draw(self, count: int, group: int, frames: int = 1) -> list[list[HeardSample]]:
        """`count` sequences of `frames` samples, `group` of each clip that is drawn: the contrast is then about lips,
        not about voices."""
        drawn: list[list[HeardSample]] = []
        while len(drawn) < count:
            heard = self.clips[self.sampler.draw_clip().name]
            rows = self._moments(heard, min(group, count - len(drawn)))
            drawn += [self.sequence(heard, row, frames) for row in rows]
        return drawn

    def sequence(self, heard: HeardClip, row: int, frames: int = 1) -> list[HeardSample]:
        """`frames` samples 1/25 s apart around row `row`."""
        rng = self.sampler.rng
        samples = self.sampler.sequence(heard.clip, row, frames)
        voice = Voice.drawn(rng) if self.sampler.augment else Voice()
        if rng.random() < self._rest_share:
            samples = [self.at_rest(heard, sample) for sample in samples]
        return [HeardSample(sample, voice.window(heard.mel, float(heard.times[sample.row]))) for sample in samples]

    def at_rest(self, heard: HeardClip, sample: Sample) -> Sample:
        """The sample with the person's mouth at rest drawn in place of the frame's own."""
        rest = resting_mouth(heard, sample, self._model)
        return replace(sample, drawing=draw_mouth(rest, self._size.width, self._size.height))

    def _moments(self, heard: HeardClip, count: int) -> list[int]:
        chosen: list[int] = []
        for row in self.sampler.rng.permutation(heard.clip.frontal).tolist():
            if all(abs(heard.times[row] - heard.times[other]) >= _APART_SECONDS for other in chosen):
                chosen.append(row)
                if len(chosen) == count:
                    break
        return chosen


def resting_mouth(heard: HeardClip, sample: Sample, model: ShapeModel) -> np.ndarray:
    """The person's mouth at rest on the head of a sample: crop px [55, 2].

    Head frame and crop are an affine camera apart, which the sample's own mouth tells.
    """
    own = model.mouths(heard.clip.coefficients[sample.row][None], heard.rest)[0]
    ones = np.ones((len(own), 1))
    camera = np.linalg.lstsq(np.hstack([own, ones]), sample.mouth, rcond=None)[0]
    return np.hstack([heard.rest, ones]) @ camera
