"""What HDTR-Net learns from where tools have made the whole lower face: cut-outs of large sharp faces, made poor."""

from __future__ import annotations

import cv2
import numpy as np

from dubtool.errors import InputError
from dubtool.face.crop import apply
from dubtool.face.reference_warp import LOWER_FACE, MOUTH_POINTS, Reference
from dubtool.face.teeth import LIPS, draw_contour, hide_lips, landmarks_of_mouths, lower_face_mask, teeth_crops
from dubtool.training.data.chance import Drawing
from dubtool.training.data.cutouts import CutoutClip, by_person
from dubtool.training.hdtr.data import GAP, NOSE_TIP, TeethSample
from dubtool.training.hdtr.generated import draw_generated, generate
from dubtool.training.hdtr.stage import HdtrStage

# How often nothing was done to a face, to be left so.
_UNTOUCHED = 0.15
# A ghost is one of so many mouths of the clip that are most like the frame's.
_ALIKE = 8


class LowerFaceSampler(Drawing):
    """Draws samples, people balanced, with small turns, shifts and zooms, other light, and a mirror.

    own: how often the frame itself is the reference. sharp_reference: how often another frame is one as it was filmed;
    at work a clip may have frames that no tool touched.

    Raises:
        InputError: there is no clip to draw from.
    """

    def __init__(self, clips: list[CutoutClip], stage: HdtrStage, own: float, seed: int) -> None:
        if not clips:
            raise InputError(
                f"there are no prepared cut-outs of faces of {stage.least_radius:g} px radius; run "
                "'dubtool train prepare --cutouts' on people with large faces"
            )
        self._people = by_person(clips)
        self._stage, self._own = stage, own
        self.rng = np.random.default_rng(seed)

    def draw(self) -> TeethSample:
        rng, stage = self.rng, self._stage
        clips = self._people[rng.integers(len(self._people))]
        clip = clips[rng.integers(len(clips))]
        row = int(rng.integers(len(clip.frames)))
        recipe = None if rng.random() < _UNTOUCHED else draw_generated(rng, stage.side)
        light = self._light()
        matrix = self._matrix(clip, row)
        true, lips, face = self._cut(clip, row, light, matrix)
        ghost = None
        if recipe is not None and recipe.ghost:
            alike = np.argsort(np.square(clip.shapes - clip.shapes[row]).sum(axis=1))[1 : _ALIKE + 1]
            ghost = self._cut(clip, int(rng.choice(alike)), light, matrix)[0]
        poor = generate(true, ghost, recipe)
        reference = poor
        if rng.random() >= self._own:
            away = np.flatnonzero(np.abs(clip.frames - clip.frames[row]) >= GAP)
            other = int(rng.choice(away)) if len(away) else row
            reference = self._cut(clip, other, light, self._matrix(clip, other))[0]
            if rng.random() >= stage.sharp_reference:
                reference = generate(reference, None, recipe)
        mask = lower_face_mask(face, stage.side)
        pictures = (true, poor, hide_lips(poor, lips), draw_contour(poor, lips), reference, mask)
        flip = slice(None, None, -1 if rng.random() < 0.5 else 1)
        return TeethSample(*(np.ascontiguousarray(picture[:, flip]) for picture in pictures))

    def _light(self) -> np.ndarray:
        """A table of new values uint8 [256, 3]: another light."""
        rng = self.rng
        gain = rng.uniform(0.85, 1.15) * rng.uniform(0.94, 1.06, 3)
        return np.clip((np.arange(256)[:, None] / 255.0) ** rng.uniform(0.85, 1.2) * gain * 255, 0, 255).astype(
            np.uint8
        )

    def _matrix(self, clip: CutoutClip, row: int) -> np.ndarray:
        """From the px of a row's picture to those of its crop, a little turned, shifted and zoomed [2, 3]."""
        side, rng = self._stage.side, self.rng
        points = _landmarks(clip.references[row])
        matrix = teeth_crops(points, rng.normal(0, 0.04, 1), side, reach=self._stage.reach)[0]
        zoom = rng.uniform(0.9, 1.1)
        matrix *= zoom
        matrix[:, 2] += (1 - zoom) * (side - 1) / 2 + rng.normal(0, 0.02, 2) * side
        return matrix

    def _cut(
        self, clip: CutoutClip, row: int, light: np.ndarray, matrix: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The crop of a row, and the lips and the face's points in it."""
        side, reference = self._stage.side, clip.references[row]
        crop = cv2.warpAffine(
            reference.picture, matrix, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        face = reference.control[list(LOWER_FACE)]
        face = apply(matrix[None], apply(reference.from_unit[None], face[None]))[0]
        return cv2.LUT(crop, light[None]), apply(matrix[None], _landmarks(reference))[0, LIPS], face


def _landmarks(reference: Reference) -> np.ndarray:
    """[1, 22, 2] px of its picture."""
    unit = landmarks_of_mouths(NOSE_TIP[None], reference.control[None, :MOUTH_POINTS].astype(np.float64))
    return apply(reference.from_unit[None], unit)
