"""A drawn person whose mouth moves as it is told: landmarks without a tracker, pictures without a camera."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import cast

import cv2
import numpy as np

from dubtool.face.blend import mask_over, to_mouth_box
from dubtool.face.crop import CropSize, to_pixels
from dubtool.face.mask import mouth_mask
from dubtool.face.painting_over import HIDDEN
from dubtool.face.reference_warp import MOUTH_POINTS, Place, Reference
from dubtool.face.shape import MOUTH, ShapeModel, split_mouth
from dubtool.face.topology import tracked
from dubtool.jobs.shared.cutout import Cutter, control_points
from dubtool.media.frame import Frame
from dubtool.media.sampling import Box, bounds
from dubtool.tracking.motion import FaceMotion, face_motion
from dubtool.tracking.people import Person
from dubtool.tracking.person import Chosen
from dubtool.tracking.track import FaceTrack

SKIN, LIPS, INSIDE = (200, 150, 120), (180, 60, 60), (40, 10, 10)
_QUANTUM = 8192


@dataclass(frozen=True)
class Shown:
    """A picture, uint8 [H, W, 3] RGB, in the place of a decoded frame."""

    picture: np.ndarray

    @property
    def height(self) -> int:
        return len(self.picture)

    @property
    def width(self) -> int:
        return self.picture.shape[1]

    def rgb(self, box: Box) -> np.ndarray:
        x0, y0, x1, y1 = box
        return self.picture[y0:y1, x0:x1].copy()


@dataclass(frozen=True)
class DrawnPerson:
    """Frames of a face from the front.

    coefficients: mouth shapes [N, K]. eyes: px between the outer eye corners, of all or each. middle: px, of all or
    each frame [2]. side: of the pictures, px. frames: their numbers [N], by default from 0.
    """

    model: ShapeModel
    coefficients: np.ndarray
    eyes: float | np.ndarray = 80.0
    middle: tuple[float, float] = (150.0, 120.0)
    side: int = 300
    frames: np.ndarray | None = None

    @cached_property
    def points(self) -> np.ndarray:
        """Landmarks float64 [N, P, 3], picture px."""
        points = np.repeat(self.model.mean[None].astype(np.float64), len(self.coefficients), axis=0)
        points[:, tracked(MOUTH)] += np.tensordot(self.coefficients, self.model.basis, axes=1)
        points *= np.broadcast_to(self.eyes, len(points))[:, None, None]
        points[..., :2] += self.middle
        return points

    @cached_property
    def track(self) -> FaceTrack:
        size = np.broadcast_to(2.0 * np.asarray(self.eyes), len(self.points))
        middle = self.points[..., :2].mean(axis=1)
        relative = self.points.copy()
        relative[..., :2] -= middle[:, None]
        quantised = np.rint(relative / size[:, None, None] * _QUANTUM).astype(np.int16)
        frames = np.arange(len(self.points)) if self.frames is None else self.frames
        return FaceTrack(frames.astype(np.int32), quantised, np.column_stack([middle, size]).astype(np.float32), 0)

    @cached_property
    def motion(self) -> FaceMotion:
        return face_motion([self.track], self.model, np.zeros(len(self.points), bool))

    @property
    def chosen(self) -> Chosen:
        nowhere = np.zeros(len(self.points), np.float32)
        return Chosen(Person([self.track]), self.motion, 1.0, nowhere, *np.zeros((2, len(self.points)), bool))

    def picture(self, row: int) -> np.ndarray:
        """Lips and what is between them on shaded skin with coarse spots, which belong to the head: uint8 RGB."""
        scale, over = float(np.broadcast_to(self.eyes, len(self.points))[row]), 4
        skin = np.empty((self.side, self.side, 3), np.float32)
        skin[:] = SKIN
        x, y = np.meshgrid(np.arange(self.side), np.arange(self.side))
        u, v = (x - self.middle[0]) / scale, (y - self.middle[1]) / scale
        skin += (12 * np.sin(5 * u + 1) * np.cos(4 * v) + 10 * v)[..., None]
        large = cv2.resize(skin, (over * self.side, over * self.side), interpolation=cv2.INTER_LINEAR)
        outer, inner, _ = split_mouth(self.points[row, tracked(MOUTH), :2])
        for part, colour in ((outer, LIPS), (inner, INSIDE)):
            polygon = np.rint((over * part + (over - 1) / 2) * 16).astype(np.int32)
            cv2.fillPoly(large, [polygon], colour, cv2.LINE_AA, 4)
        small = cv2.resize(large, (self.side, self.side), interpolation=cv2.INTER_AREA)
        return np.clip(np.rint(cv2.GaussianBlur(small, (0, 0), 0.8)), 0, 255).astype(np.uint8)

    def shown(self, row: int) -> Frame:
        return cast(Frame, Shown(self.picture(row)))

    def references(self) -> list[Reference]:
        """Every frame as a reference."""
        cutter = Cutter([self.track], self.motion, np.arange(len(self.points)), self.model)
        return [cutter.cut(self.shown(row), row) for row in range(len(self.points))]

    def place(self, row: int, wanted: np.ndarray, picture: np.ndarray | None = None) -> Place:
        """Where the mouth of shape `wanted` [K] is to be put in frame `row`. picture: instead of the frame's own."""
        rows, size = np.array([row]), CropSize(128)
        mouth = self.motion.mouths_in_crop(self.model, wanted[None], rows)[0]
        own = self.motion.mouths_in_crop(self.model, self.motion.coefficients[rows], rows)[0]
        mask = mouth_mask(np.stack([mouth, own]), size, HIDDEN)
        to_box = to_mouth_box(to_pixels(self.motion.unit[rows], size)[0], size)
        box = bounds(to_box, len(mask), len(mask), self.side, self.side)
        source = Shown(self.picture(row) if picture is None else picture).rgb(box).astype(np.float32)
        rim = control_points([self.track], self.motion, rows)[0, MOUTH_POINTS:]
        return Place(box, source, mask_over(mask, to_box, box), self.motion.unit[row], mouth.astype(np.float32), rim)
