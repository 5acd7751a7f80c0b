"""What a generator learns from: its stage's settings, and batches of samples as tensors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

import cv2
import numpy as np
import torch
from torch import Tensor

from dubtool.errors import InputError, UsageError
from dubtool.face.crop import CropSize
from dubtool.face.shape import split_mouth
from dubtool.training.data.clips import Sample, Sampler, load_clips
from dubtool.training.data.spoken import SECOND, load_spoken
from dubtool.training.syncnet.trainer import FRAMES

# What a generator may be driven by: whether a mouth is drawn for it, or the speech itself is heard.
CONDITIONINGS = {"shape": True, "whisper": False}
_SPLITS = {"train": "training", "val": "validation"}


@dataclass(frozen=True)
class GeneratorStage:
    """One stage of generator training.

    mouth: side of the mouth box, px. width: DINet's base width. conditioning: "shape", drawn mouths and their shape
    coefficients, or "whisper", the speech itself, as in the paper. modes: length K of a conditioning vector. mask: part
    of the unit crop (top, bottom, left, right in radii) hidden from the network; the whole mouth box is (0, 2, -1, 1).
    batch: samples, each of `frames` frames 1/25 s apart. speaking: only clips whose sound is in sync.
    min_natural: least size of the mouth in the source pictures, px. pixel, feature, adversarial, adversarial_clip,
    sync: weights of L1, VGG, LS-GAN on frames and on stacks of five, and the sync expert; lips: how much more the lips
    weigh in L1. judge_width: the discriminators', 64 is the paper's.
    """

    network: ClassVar[str] = "generator"
    mouth: int = 64
    width: int = 32
    modes: int = 12
    conditioning: str = "shape"
    mask: tuple[float, float, float, float] = (0.5, 2.0, -1.0, 1.0)
    batch: int = 12
    frames: int = 1
    steps: int = 100_000
    learning_rate: float = 2e-4
    final_rate: float = 2e-5
    speaking: bool = False
    min_natural: float = 40.0
    pixel: float = 10.0
    lips: float = 2.0
    feature: float = 1.0
    adversarial: float = 0.0
    adversarial_clip: float = 0.0
    sync: float = 0.0
    judge_width: int = 32
    seed: int = 0

    def __post_init__(self) -> None:
        if self.conditioning not in CONDITIONINGS:
            raise UsageError(f"conditioning {self.conditioning!r} is unknown; use {', '.join(CONDITIONINGS)}")
        if (self.adversarial_clip or self.sync) and self.frames != FRAMES:
            raise UsageError(f"adversarial_clip and sync judge {FRAMES} frames; set frames = {FRAMES}")

    @property
    def drawing(self) -> bool:
        """Whether a drawn mouth goes in beside the source."""
        return CONDITIONINGS[self.conditioning]


@dataclass
class Batch:
    """Tensors of B samples of F frames: picture [BF, 3, H, W] 0..1, source [BF, 3 + D, H, W], reference [B, 15, H, W],
    condition [BF, K, 5], lips [BF, 1, H, W] 0..1. sounds [S, C, T]: what the expert hears beside the samples whose
    indices are `heard` [S]."""

    picture: Tensor
    source: Tensor
    reference: Tensor
    condition: Tensor
    lips: Tensor
    sounds: Tensor | None = None
    heard: Tensor | None = None


def open_sampler(clips: Path, split: str, stage: GeneratorStage, *, augment: bool) -> Sampler:
    """A sampler of what a stage can use of the prepared clips; validation people are taken at any size.

    Raises:
        InputError: there are none.
    """
    least = stage.min_natural if augment else 0.0
    found = load_clips(clips, split, min_natural=least)
    voices = None
    heard = not stage.drawing
    if heard or stage.speaking:
        spoken = {clip.name: clip for clip in load_spoken(clips, split, augmented=augment and heard, layer=SECOND)}
        found = [clip for clip in found if clip.name in spoken]
        voices = spoken if heard else None
    if not found:
        what = f"with a mouth of {least:g} px" if voices is None else f"in sync with a mouth of {least:g} px"
        raise InputError(f"{clips}: holds no {_SPLITS[split]} clip {what}; run 'dubtool train prepare'")
    return Sampler(found, stage.mouth, np.random.default_rng(stage.seed), augment=augment, voices=voices)


class Hiding(Protocol):
    """Settings that say which part of a crop is hidden, as `GeneratorStage` does."""

    @property
    def mouth(self) -> int: ...
    @property
    def mask(self) -> tuple[float, float, float, float]: ...


def collate(samples: list[Sample], stage: Hiding, *, frames: int = 1, drawing: bool = True) -> Batch:
    """Stack samples into one batch. frames: so many in a row share their references. drawing: mouths are drawn beside
    the source."""
    crops, masked = (
        torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255
        for pictures in ([s.crop for s in samples], [s.source for s in samples])
    )
    references = torch.from_numpy(np.stack([s.references for s in samples[::frames]])).float() / 255
    references = references.permute(0, 1, 4, 2, 3).flatten(1, 2)
    rows, columns = CropSize(stage.mouth).part(stage.mask)
    masked[:, :, rows, columns] = 0
    if drawing:
        masked = torch.cat([masked, torch.from_numpy(np.stack([s.drawing for s in samples])).float() / 255], dim=1)
    return Batch(
        crops,
        masked,
        references,
        torch.from_numpy(np.stack([s.condition for s in samples])),
        torch.from_numpy(np.stack([_lips(s) for s in samples]))[:, None],
    )


def _lips(sample: Sample) -> np.ndarray:
    """Where the lips are, with soft edges: float32 [H, W]."""
    picture = np.zeros(sample.crop.shape[:2], np.float32)
    outer = cv2.convexHull(np.rint(split_mouth(sample.mouth)[0]).astype(np.int32))
    cv2.fillPoly(picture, [outer], 1.0)
    return cv2.blur(cv2.dilate(picture, np.ones((5, 5))), (5, 5))
