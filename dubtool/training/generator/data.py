"""What a generator learns from: its stage's settings, and batches of samples as tensors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import torch
from torch import Tensor

from dubtool.errors import InputError
from dubtool.face.crop import CropSize
from dubtool.face.shape import split_mouth
from dubtool.training.data.clips import Sample, Sampler, load_clips
from dubtool.training.data.spoken import SECOND, load_spoken
from dubtool.training.generator.stage import GeneratorStage

_SPLITS = {"train": "training", "val": "validation"}


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
        torch.from_numpy(np.stack([lips_mask(s.mouth, s.crop.shape[:2]) for s in samples]))[:, None],
    )


def lips_mask(mouth: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Where the lips are in a picture of that shape, with soft edges: float32 [H, W]. mouth: px [55, 2]."""
    picture = np.zeros(shape, np.float32)
    cv2.fillPoly(picture, [cv2.convexHull(np.rint(split_mouth(mouth)[0]).astype(np.int32))], 1.0)
    return np.asarray(cv2.blur(cv2.dilate(picture, np.ones((5, 5))), (5, 5)), np.float32)
