"""What a landmark-driven AdaSR learns from: two frames of one clip, the first of which is to become the second."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from torch import Tensor

from dubtool.face.crop import apply
from dubtool.face.portrait_crop import portrait_crop
from dubtool.face.portrait_points import MIRRORED, draw_portrait, keypoints
from dubtool.models.piecewise_warp import WarpAnimator
from dubtool.training.data.chance import Drawing
from dubtool.training.data.faces import FaceClip
from dubtool.training.hdtr.degradation import Round, degrade, draw_recipe

# People with more frames are seen more often, but far less than in proportion.
_BALANCE = 0.4
# Of so many sources the one whose face differs most is taken, every other time: neighbours teach little.
_CANDIDATES = 4
_NOISE = 6.0
_TURN, _SHIFT, _ZOOM = 5.0, 0.04, 0.1


@dataclass(frozen=True)
class PortraitSample:
    """source, target: uint8 [S, S, 3], what is given and what is wanted. warped: the source as `WarpAnimator` gives it
    the target's landmarks. Of both faces, points float32 [K, 2] and drawings uint8 [D, S, S] as `portrait_points` makes
    them. face: left, top, right, bottom of the target's face."""

    source: np.ndarray
    target: np.ndarray
    warped: np.ndarray
    source_points: np.ndarray
    target_points: np.ndarray
    source_drawing: np.ndarray
    target_drawing: np.ndarray
    face: tuple[int, int, int, int]


@dataclass
class PortraitBatch:
    """Samples as tensors: pictures [B, 3, S, S] and drawings [B, D, S, S] in 0..1, points [B, K, 2]."""

    source: Tensor
    target: Tensor
    warped: Tensor
    source_points: Tensor
    target_points: Tensor
    source_drawing: Tensor
    target_drawing: Tensor


def collate(samples: list[PortraitSample]) -> PortraitBatch:
    """Stack samples into one batch."""

    def stacked(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(sample, name) for sample in samples]))

    return PortraitBatch(
        stacked("source").permute(0, 3, 1, 2).float() / 255,
        stacked("target").permute(0, 3, 1, 2).float() / 255,
        stacked("warped").permute(0, 3, 1, 2).float() / 255,
        stacked("source_points"),
        stacked("target_points"),
        stacked("source_drawing").float() / 255,
        stacked("target_drawing").float() / 255,
    )


class PortraitSampler(Drawing):
    """Draws samples, people balanced, with small turns, shifts, zooms, mirroring and changes of light.

    clean: share of the sources that stay as sharp as their targets.
    """

    def __init__(self, clips: list[FaceClip], side: int, seed: int, *, clean: float = 0.5) -> None:
        self.clips, self.side, self.clean = clips, side, clean
        self.rng = np.random.default_rng(seed)
        frames: dict[str, int] = {}
        for clip in clips:
            frames[clip.person] = frames.get(clip.person, 0) + len(clip.landmarks)
        weight = np.array([len(clip.landmarks) * frames[clip.person] ** (_BALANCE - 1) for clip in clips])
        self._share = weight / weight.sum()

    def draw(self) -> PortraitSample:
        """A sample of chance."""
        rng = self.rng
        clip = self.clips[rng.choice(len(self.clips), p=self._share)]
        target = int(rng.integers(len(clip.landmarks)))
        sources = rng.integers(len(clip.landmarks), size=_CANDIDATES if rng.random() < 0.5 else 1)
        faces = clip.landmarks[sources][..., :2] - clip.landmarks[target][..., :2]
        source = int(sources[np.abs(faces).mean(axis=(1, 2)).argmax()])
        recipe = None if rng.random() < self.clean else portrait_recipe(rng)
        sample = self.sample(clip, source, target, self._shaken(), _light(rng), recipe)
        return _mirrored(sample) if rng.random() < 0.5 else sample

    def sample(
        self,
        clip: FaceClip,
        source: int,
        target: int,
        shaken: np.ndarray | None = None,
        light: np.ndarray | None = None,
        recipe: tuple[Round, ...] | None = None,
    ) -> PortraitSample:
        """Rows of a clip in the crop of the source's face.

        shaken: a further similarity [2, 3] of both. light: a table of their new values. recipe: what the source has
        gone through.
        """
        matrix = portrait_crop(np.asarray(clip.landmarks[source]), self.side)
        if shaken is not None:
            matrix = np.concatenate([shaken[:, :2] @ matrix[:, :2], shaken[:, :2] @ matrix[:, 2:] + shaken[:, 2:]], 1)
        pictures, points = [], []
        for row in (source, target):
            picture = cv2.warpAffine(
                clip.picture(row), matrix, (self.side, self.side), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
            )
            pictures.append(picture if light is None else cv2.LUT(picture, light[None]))
            points.append(_carried(matrix, np.asarray(clip.landmarks[row])))
        if recipe is not None:
            noise = self.rng.normal(0, self.rng.uniform(0, _NOISE), pictures[0].shape)
            pictures[0] = degrade(np.clip(np.rint(pictures[0] + noise), 0, 255).astype(np.uint8), recipe)
        warp = WarpAnimator(self.side)
        warp.set_portrait(pictures[0], points[0])
        warped = np.rint(warp.animate(points[1][None])[0]).astype(np.uint8)
        low = np.clip(np.floor(points[1][:, :2].min(axis=0)), 0, self.side).astype(int)
        high = np.clip(np.ceil(points[1][:, :2].max(axis=0)) + 1, 0, self.side).astype(int)
        return PortraitSample(
            pictures[0],
            pictures[1],
            warped,
            keypoints(points[0], self.side),
            keypoints(points[1], self.side),
            draw_portrait(points[0], self.side),
            draw_portrait(points[1], self.side),
            (int(low[0]), int(low[1]), int(high[0]), int(high[1])),
        )

    def _shaken(self) -> np.ndarray:
        """A small similarity [2, 3] about the crop's middle."""
        rng, middle = self.rng, np.full(2, (self.side - 1) / 2)
        turn, zoom = np.radians(rng.normal(0, _TURN)), np.exp(rng.uniform(-_ZOOM, _ZOOM))
        linear = zoom * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        shift = middle - linear @ middle + rng.normal(0, _SHIFT, 2) * self.side
        return np.concatenate([linear, shift[:, None]], axis=1)


def _carried(matrix: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Landmarks [478, 3] through a similarity [2, 3], which depths go through too."""
    depth = landmarks[:, 2:] * np.sqrt(np.linalg.det(matrix[:, :2]))
    return np.concatenate([apply(matrix[None], landmarks[None])[0], depth], axis=1)


def portrait_recipe(rng: np.random.Generator) -> tuple[Round, ...]:
    """A photograph's way through the web: as a tool's, but in one piece, so that its colours stay."""
    same, none = np.ones(3), np.zeros(3)
    return tuple(replace(one, gain=same, offset=none) for one in draw_recipe(rng))


def _light(rng: np.random.Generator) -> np.ndarray | None:
    """A table of new values uint8 [256, 3] for another light, or None."""
    if rng.random() >= 0.7:
        return None
    gain = rng.uniform(0.85, 1.15, 3) * rng.uniform(0.8, 1.15)
    gamma = rng.uniform(0.8, 1.25)
    return np.clip((np.arange(256)[:, None] / 255.0) ** gamma * gain * 255.0, 0, 255).astype(np.uint8)


def _mirrored(sample: PortraitSample) -> PortraitSample:
    def across(points: np.ndarray) -> np.ndarray:
        return points[list(MIRRORED)] * np.array([-1, 1], np.float32)

    side = sample.target.shape[1]
    left, top, right, bottom = sample.face
    return PortraitSample(
        sample.source[:, ::-1],
        sample.target[:, ::-1],
        sample.warped[:, ::-1],
        across(sample.source_points),
        across(sample.target_points),
        sample.source_drawing[..., ::-1],
        sample.target_drawing[..., ::-1],
        (side - right, top, side - left, bottom),
    )
