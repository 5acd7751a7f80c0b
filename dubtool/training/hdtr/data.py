"""What HDTR-Net learns from: sharp open mouths of the prepared clips, and poor copies of them."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np

from dubtool.errors import InputError
from dubtool.face.crop import CropSize, apply, warp
from dubtool.face.teeth import (
    LIPS,
    draw_contour,
    hide_lips,
    landmarks_of_mouths,
    lips_box,
    teeth_crops,
    teeth_mask,
    teeth_shown,
)
from dubtool.metrics.sharpness import laplacian, variance
from dubtool.training.data.clips import Clip, Sampler
from dubtool.training.hdtr.degradation import degrade, draw_recipe

# Where the tip of the nose is in a unit crop: prepared clips keep mouths alone. Of the mean head.
NOSE_TIP = np.array([0.0, 0.15])
# Frames so near show the same mouth.
GAP = 5
_FEWEST = 4
# How often a mouth stays as sharp as it is, to be left so.
_UNTOUCHED = 0.12
# On so many frames of a clip is judged how sharp it is.
_JUDGED = 3


@dataclass(frozen=True)
class TeethSample:
    """One example, pictures uint8 RGB [S, S, 3]: the true mouth, the poor one, and what the network is given of it.

    mask: which pixels are replaced at work, float32 [S, S] in 0..1.
    """

    true: np.ndarray
    poor: np.ndarray
    hidden: np.ndarray
    contour: np.ndarray
    reference: np.ndarray
    mask: np.ndarray


class TeethSampler:
    """Draws samples, people balanced, with small turns, shifts and zooms, and a mirror.

    own: how often the frame itself, degraded, is the reference, instead of another one of its clip; at work it is one
    or the other. min_sharpness: softer clips have nothing to teach; see `_sharpness`.

    Raises:
        InputError: no clip shows teeth, and sharply.
    """

    def __init__(self, clips: list[Clip], side: int, own: float, seed: int, min_sharpness: float = 0.0) -> None:
        open_rows = {clip.name: _open_rows(clip, side) for clip in clips}
        clips = [clip for clip in clips if len(open_rows[clip.name]) >= _FEWEST]
        if not clips:
            raise InputError("no prepared clip shows an open mouth; run 'dubtool train prepare' on people who talk")
        clips = [clip for clip in clips if _sharpness(clip, open_rows[clip.name], side) >= min_sharpness]
        if not clips:
            raise InputError(f"no prepared clip has a mouth of sharpness {min_sharpness:g}; lower min_sharpness")
        self._rows, self._side, self._own = open_rows, side, own
        self._rng = np.random.default_rng(seed)
        self._clips = Sampler(clips, side, self._rng)

    def seeded(self, *seed: int) -> TeethSampler:
        """The same sampler with chance of its own: what it draws depends on `seed` alone, in whichever thread."""
        twin = copy.copy(self)
        twin._clips = self._clips.seeded(*seed)
        twin._rng = twin._clips.rng
        return twin

    def rows(self, clip: Clip) -> np.ndarray:
        """The rows of a clip that samples are drawn from."""
        return self._rows[clip.name]

    def draw(self) -> TeethSample:
        clip = self._clips.draw_clip()
        rows = self._rows[clip.name]
        row = int(self._rng.choice(rows))
        recipe = () if self._rng.random() < _UNTOUCHED else draw_recipe(self._rng)
        true, lips = self._cut(clip, row)
        poor = degrade(true, recipe)
        reference = poor
        if self._rng.random() >= self._own:
            away = rows[np.abs(clip.frames[rows] - clip.frames[row]) >= GAP]
            other = int(self._rng.choice(away if len(away) else rows))
            reference = degrade(self._cut(clip, other)[0], recipe)
        mask = teeth_mask(lips, self._side)
        pictures = (true, poor, hide_lips(poor, lips), draw_contour(poor, lips), reference, mask)
        # After the lips are drawn, since left and right have names.
        flip = slice(None, None, -1 if self._rng.random() < 0.5 else 1)
        return TeethSample(*(np.ascontiguousarray(picture[:, flip]) for picture in pictures))

    def _cut(self, clip: Clip, row: int) -> tuple[np.ndarray, np.ndarray]:
        """The crop of a row, a little turned, shifted and zoomed, and the lips in it."""
        side, rng = self._side, self._rng
        points = stored_landmarks(clip)[row : row + 1]
        matrix = teeth_crops(points, rng.normal(0, 0.04, 1), side)[0]
        zoom = rng.uniform(0.92, 1.08)
        matrix *= zoom
        matrix[:, 2] += (1 - zoom) * (side - 1) / 2 + rng.normal(0, 0.015, 2) * side
        crop = warp(np.asarray(clip.crops[row]), matrix, side, side)
        return crop, apply(matrix[None], points)[0, LIPS]


def stored_landmarks(clip: Clip) -> np.ndarray:
    """Landmarks of all rows in px of the stored crops [N, 22, 2]."""
    size = CropSize(clip.size)
    origin = np.array([size.width / 2 - 0.5, clip.size / 2 - 0.5]) + clip.pad
    noses = np.broadcast_to(NOSE_TIP, (len(clip.mouths), 2))
    return landmarks_of_mouths(noses, clip.mouths) * (clip.size / 2) + origin


def _open_rows(clip: Clip, side: int) -> np.ndarray:
    """Frontal rows in which teeth are to be seen."""
    points = stored_landmarks(clip)[clip.frontal]
    matrices = teeth_crops(points, np.zeros(len(points)), side)
    return clip.frontal[teeth_shown(apply(matrices, points[:, LIPS]), side) >= 1]


def _sharpness(clip: Clip, rows: np.ndarray, side: int) -> float:
    """Variance of the Laplacian of the lips over their own variance, which does not rise with contrast: a median."""
    rows = rows[np.linspace(0, len(rows) - 1, _JUDGED).astype(int)]
    points = stored_landmarks(clip)[rows]
    matrices = teeth_crops(points, np.zeros(len(rows)), side)
    found = []
    for row, matrix, lips in zip(rows, matrices, apply(matrices, points[:, LIPS]), strict=True):
        box = warp(np.asarray(clip.crops[row]), matrix, side, side)[lips_box(lips, side)]
        found.append(laplacian(box) / max(variance(box), 1.0))
    return float(np.median(found))
