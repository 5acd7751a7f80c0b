"""What HDTR-Net learns from: sharp open mouths of the prepared clips, and poor copies of them."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np

from dubtool.errors import InputError
from dubtool.face.crop import CropSize, apply, warp
from dubtool.face.teeth import LIPS, draw_contour, hide_lips, landmarks_of_mouths, teeth_crops, teeth_shown
from dubtool.training.clips import Clip, Sampler
from dubtool.training.hdtr_degrade import degrade, draw_recipe

# Where the tip of the nose is in a unit crop: prepared clips keep mouths alone. Of the mean head.
_NOSE_TIP = np.array([0.0, 0.15])
# Frames so near show the same mouth.
_GAP = 5
_FEWEST = 4


@dataclass(frozen=True)
class TeethSample:
    """One example, pictures uint8 RGB [S, S, 3]: the true mouth, and what the network is given."""

    true: np.ndarray
    hidden: np.ndarray
    contour: np.ndarray
    reference: np.ndarray


class TeethSampler:
    """Draws samples, people balanced, with small turns, shifts and zooms, and a mirror.

    own: how often the frame itself, degraded, is the reference, instead of another one of its clip; at work it is one
    or the other.

    Raises:
        InputError: no clip shows teeth.
    """

    def __init__(self, clips: list[Clip], side: int, own: float, seed: int) -> None:
        open_rows = {clip.name: _open_rows(clip, side) for clip in clips}
        clips = [clip for clip in clips if len(open_rows[clip.name]) >= _FEWEST]
        if not clips:
            raise InputError("no prepared clip shows an open mouth; run 'dubtool train prepare' on people who talk")
        self._rows, self._side, self._own = open_rows, side, own
        self._rng = np.random.default_rng(seed)
        self._clips = Sampler(clips, side, self._rng)

    def seeded(self, *seed: int) -> TeethSampler:
        """The same sampler with chance of its own: what it draws depends on `seed` alone, in whichever thread."""
        twin = copy.copy(self)
        twin._clips = self._clips.seeded(*seed)
        twin._rng = twin._clips.rng
        return twin

    def draw(self) -> TeethSample:
        clip = self._clips.draw_clip()
        rows = self._rows[clip.name]
        row = int(self._rng.choice(rows))
        recipe = draw_recipe(self._rng)
        true, lips = self._cut(clip, row)
        poor = degrade(true, recipe)
        reference = poor
        if self._rng.random() >= self._own:
            away = rows[np.abs(clip.frames[rows] - clip.frames[row]) >= _GAP]
            other = int(self._rng.choice(away if len(away) else rows))
            reference = degrade(self._cut(clip, other)[0], recipe)
        pictures = (true, hide_lips(poor, lips), draw_contour(poor, lips), reference)
        # After the lips are drawn, since left and right have names.
        flip = slice(None, None, -1 if self._rng.random() < 0.5 else 1)
        return TeethSample(*(np.ascontiguousarray(picture[:, flip]) for picture in pictures))

    def _cut(self, clip: Clip, row: int) -> tuple[np.ndarray, np.ndarray]:
        """The crop of a row, a little turned, shifted and zoomed, and the lips in it."""
        side, rng = self._side, self._rng
        points = _stored_landmarks(clip)[row : row + 1]
        matrix = teeth_crops(points, rng.normal(0, 0.04, 1), side)[0]
        zoom = rng.uniform(0.92, 1.08)
        matrix *= zoom
        matrix[:, 2] += (1 - zoom) * (side - 1) / 2 + rng.normal(0, 0.015, 2) * side
        crop = warp(np.asarray(clip.crops[row]), matrix, side, side)
        return crop, apply(matrix[None], points)[0, LIPS]


def _stored_landmarks(clip: Clip) -> np.ndarray:
    """Landmarks of all rows in px of the stored crops [N, 22, 2]."""
    size = CropSize(clip.size)
    origin = np.array([size.width / 2 - 0.5, clip.size / 2 - 0.5]) + clip.pad
    noses = np.broadcast_to(_NOSE_TIP, (len(clip.mouths), 2))
    return landmarks_of_mouths(noses, clip.mouths) * (clip.size / 2) + origin


def _open_rows(clip: Clip, side: int) -> np.ndarray:
    """Frontal rows in which teeth are to be seen."""
    points = _stored_landmarks(clip)[clip.frontal]
    matrices = teeth_crops(points, np.zeros(len(points)), side)
    return clip.frontal[teeth_shown(apply(matrices, points[:, LIPS]), side) >= 1]
