"""Redrawing the mouths of one person, frame after frame: a job of its own, and the last step of a dub."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dubtool.face.blend import match_colour, paste_change, paste_crop
from dubtool.face.crop import apply
from dubtool.face.reference_warp import TRACKED_LOWER_FACE
from dubtool.face.teeth import (
    LIPS,
    draw_contour,
    hide_lips,
    lips_box,
    lower_face_mask,
    teeth_crops,
    teeth_landmarks,
    teeth_mask,
    teeth_shown,
)
from dubtool.face.tint import tinted
from dubtool.jobs.shared.contact_sheet import work_tiles
from dubtool.jobs.shared.frame_stream import Batch, crop_of, crops_of_rows
from dubtool.jobs.shared.options import Reference
from dubtool.jobs.shared.references import sharpness
from dubtool.media.decode import VideoReader
from dubtool.media.frame import Frame
from dubtool.models.restorer import Restorer
from dubtool.trace import span
from dubtool.tracking.motion import blocks, smoothed_points
from dubtool.tracking.person import Chosen
from dubtool.tracking.track import FaceTrack

# How many frames are looked at for the sharpest mouth; it is one of many like it.
_CANDIDATES = 24
# From so many px of the crop for one of the picture on, what is restored is taken back.
_ENLARGED = 1.25
# A mouth restored so many frames ago says nothing of the light now.
_LONGEST_GAP = 25


@dataclass(frozen=True)
class Redrawn:
    """One redrawn mouth: crop uint8 [S, S, 3], lips in crop px [20, 2], made float32 [S, S, 3], mask [S, S]."""

    crop: np.ndarray
    lips: np.ndarray
    made: np.ndarray
    mask: np.ndarray

    def tiles(self) -> list[np.ndarray]:
        """Of the contact sheet."""
        asked = np.maximum(hide_lips(self.crop, self.lips) // 2, draw_contour(self.crop, self.lips))
        return [asked, *work_tiles(self.crop, None, self.made, self.mask)[1:]]


class Teeth:
    """The mouths of a person over the rows of their motion, and the network that redraws them.

    landmarks: float32 [N, 22, 2] picture px (`face.teeth`). shown: float64 [N], how much there is to be restored: of
    the teeth, as far as they are to be seen; of the lower face, all.
    """

    def __init__(self, restorer: Restorer, chosen: Chosen, reference: Reference) -> None:
        self._restorer, self._reference, self._aspect = restorer, reference, chosen.pixel_aspect
        self.motion, self._shots = chosen.motion, chosen.shots
        tracks = chosen.person.tracks
        self.landmarks = np.concatenate([_smoothed(track, teeth_landmarks) for track in tracks])
        # The outline of the lower face [N, P, 2] picture px, where all of it is restored.
        self._faces = (
            np.concatenate([_smoothed(track, lambda points: points[:, TRACKED_LOWER_FACE, :2]) for track in tracks])
            if restorer.lower_face
            else None
        )
        rotation = chosen.motion.poses.rotation
        self._roll = np.arctan2(rotation[:, 1, 0], rotation[:, 0, 0])
        self._to_crop, self._lips = self._placed(self.landmarks, slice(None))
        self.shown = self._restorable(self._to_crop, self._lips)
        self._features: np.ndarray | None = None
        self._last: tuple[np.ndarray, int, int] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_restorer"}

    def equip(self, restorer: Restorer) -> None:
        """Take a network up in another process; the old one does not travel there."""
        self._restorer = restorer

    def find_reference(self, reader: VideoReader, usable: np.ndarray) -> int | None:
        """Take the sharpest open mouth of the `usable` rows (bool [N]) for all; the frame it is from, None if none."""
        rows = np.flatnonzero(usable & (self.shown > 0))
        if self._reference != "best" or len(rows) == 0:
            return None
        rows = rows[np.unique(np.linspace(0, len(rows) - 1, _CANDIDATES).astype(int))]
        side = self._restorer.side
        crops = dict(crops_of_rows(reader, self.motion.frames, self._to_crop, rows.tolist(), side, side))
        best = max(crops, key=lambda row: sharpness(crops[row][lips_box(self._lips[row], side)]))
        self._features = self._restorer.encode(crops[best][None])
        return int(self.motion.frames[best]) // reader.video.pictures_a_frame

    def restore(self, batch: Batch, landmarks: np.ndarray | None = None) -> dict[int, Redrawn]:
        """Redraw the mouths of a batch's frames in place, and tell what was done by number of the output frame.

        landmarks: [B, 22, 2] picture px, where the mouths are no more those of the motion.
        """
        rows = np.array([plan.row for plan, _ in batch])
        if landmarks is None:
            to_crop, lips = self._to_crop[rows], self._lips[rows]
        else:
            to_crop, lips = self._placed(landmarks, rows)
        weight = self._restorable(to_crop, lips) * [plan.weight for plan, _ in batch]
        places = np.flatnonzero(weight > 0)
        if len(places) == 0:
            return {}
        frames = [batch[place][1] for place in places]
        crops = np.stack([self._crop(frame, to_crop[place]) for frame, place in zip(frames, places, strict=True)])
        numbers = [batch[place][0].number for place in places]
        with span("make mouths"):
            made = self._made(crops, lips[places], numbers, self._shots[rows[places]].tolist())
        done = {}
        for number, frame, place, crop, picture in zip(numbers, frames, places, crops, made, strict=True):
            mask = self._mask(rows[place], to_crop[place], lips[place])
            own = crop.astype(np.float32)
            if self._faces is None:
                picture = match_colour(picture, own, mask)
            picture = tinted(picture, own)
            share = mask * np.float32(weight[place])
            if self._restorer.corrects:
                paste_change(frame, picture - crop, share, to_crop[place])
            else:
                paste_crop(frame, picture, share, to_crop[place])
            done[number] = Redrawn(crop, lips[place], picture, mask)
        return done

    def _made(self, crops: np.ndarray, lips: np.ndarray, numbers: Sequence[int], shots: Sequence[int]) -> np.ndarray:
        if self._features is not None:
            return self._restorer.restore(crops, lips, self._features)
        if self._reference != "previous":
            return self._restorer.restore(crops, lips, self._restorer.encode(crops))
        made = []
        for crop, points, number, shot in zip(crops, lips, numbers, shots, strict=True):
            reference = crop
            if self._last is not None and self._last[2] == shot and number - self._last[1] <= _LONGEST_GAP:
                reference = self._last[0]
            picture = self._restorer.restore(crop[None], points[None], self._restorer.encode(reference[None]))[0]
            self._last = np.rint(np.clip(picture, 0, 255)).astype(np.uint8), number, shot
            made.append(picture)
        return np.stack(made)

    def _placed(self, landmarks: np.ndarray, rows: np.ndarray | slice) -> tuple[np.ndarray, np.ndarray]:
        """Matrices to the crops [n, 2, 3] of landmarks on the heads of `rows`, and the lips in them [n, 20, 2]."""
        restorer = self._restorer
        to_crop = teeth_crops(landmarks, self._roll[rows], restorer.side, self._aspect, restorer.reach)
        return to_crop, apply(to_crop, landmarks[:, LIPS])

    def _restorable(self, to_crop: np.ndarray, lips: np.ndarray) -> np.ndarray:
        """[n], 0..1, of crops [n, 2, 3] in which lips are at [n, 20, 2]."""
        if self._faces is None:
            return teeth_shown(lips, self._restorer.side)
        # A small face is soft in its enlarged crop, as if a tool had made it so: real ones of 100 px became 1.5 times
        # as sharp as they are.
        enlarged = np.sqrt(np.abs(np.linalg.det(to_crop[:, :, :2])))
        return np.minimum(1.0, _ENLARGED / enlarged)

    def _mask(self, row: int, to_crop: np.ndarray, lips: np.ndarray) -> np.ndarray:
        side = self._restorer.side
        if self._faces is None:
            return teeth_mask(lips, side)
        return lower_face_mask(apply(to_crop[None], self._faces[row : row + 1].astype(np.float64))[0], side)

    def _crop(self, frame: Frame, to_crop: np.ndarray) -> np.ndarray:
        return crop_of(frame, to_crop, self._restorer.side, self._restorer.side)


def _smoothed(track: FaceTrack, chosen: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """What is chosen of the landmarks of all rows of a track, smoothed."""
    return np.concatenate([chosen(smoothed_points(track, block)) for block in blocks(track)])
