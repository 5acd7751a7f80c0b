"""The driver of a reenactment: every landmark of their face, frame after frame, smoothed without lag.

Tracks hold a quarter of the mesh, and no irises. The rest is looked up again while the frames pass by, where the tracks
say the face is, so that hours of driver need no more memory than seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from dubtool.errors import NoFaceError
from dubtool.face.aperture import LIPS, eye_openings, eye_range
from dubtool.face.shape import ShapeModel
from dubtool.face.topology import TRACKED
from dubtool.media.decode import VideoReader
from dubtool.media.frame import Frame
from dubtool.tracking.landmarks import CROP_MARGIN, FaceLandmarker, Roi
from dubtool.tracking.motion import blocks
from dubtool.tracking.person import Chosen
from dubtool.tracking.smooth import smooth
from dubtool.tracking.track_video import FramePicture

# Zero-lag smoothing of landmarks, in frames: a whole face shows jitter more than a mouth does.
_LANDMARK_SIGMA = 0.8
_REACH = int(np.ceil(3 * _LANDMARK_SIGMA))
# What counts as equally far from the wanted reference: degrees, distances of the eye corners, widths of the eye.
_DEGREES, _LIP_UNIT, _EYE_UNIT = 8.0, 0.06, 0.08
_CLOSED_LIPS = 0.01
_TRIES = 5
_MIDDLE_LIPS = LIPS[len(LIPS) // 2]


@dataclass(frozen=True)
class Look:
    """A driver's frame, the shot it belongs to, and the landmarks in it float32 [478, 3] px; None if not seen."""

    frame: Frame
    shot: int
    landmarks: np.ndarray | None


class Driver:
    """One person of a video as a source of motion.

    chosen: who. frame_count: of the video. landmarker: stays open as long as this is used. rows: of the motion, for
    each frame, -1 where the face is not seen. eyes: their closed and open state (`openings.eye_range`).
    """

    def __init__(self, chosen: Chosen, frame_count: int, landmarker: FaceLandmarker) -> None:
        self._motion, self._landmarker, self._aspect = chosen.motion, landmarker, chosen.pixel_aspect
        self.rows = chosen.motion.rows(frame_count)
        self._anchors = np.concatenate([track.anchors for track in chosen.person.tracks])
        self._shots = chosen.shots
        tracks = chosen.person.tracks
        self._eyes = np.concatenate(
            [eye_openings(track.points(block), of_track=True) for track in tracks for block in blocks(track)]
        )
        self.eyes = eye_range(self._eyes)

    def looks(self, frames: Iterable[Frame]) -> Iterator[Look]:
        """Frames with their landmarks, in order, a few frames late; x in px as wide as they are high."""
        return smoothed(self._look(frame) for frame in frames)

    def reference(self, reader: VideoReader, portrait: np.ndarray | None, shapes: ShapeModel, used: np.ndarray) -> Look:
        """The frame whose pose and expression are nearest to a portrait's landmarks [478, 3], or to a neutral face.

        used: bool [frames], those that may be taken.

        Raises:
            NoFaceError: none of them shows the face.
        """
        allowed = used[self._motion.frames]
        for free in (allowed & ~self._motion.covered, allowed):
            rows = np.flatnonzero(free)
            distance = self._distance(portrait, shapes)[rows]
            for row in rows[np.argsort(distance, kind="stable")[:_TRIES]]:
                wanted = int(self._motion.frames[row])
                first, last = max(wanted - _REACH, 0), min(wanted + _REACH, len(self.rows) - 1)
                for look in self.looks(reader.frames(list(range(first, last + 1)))):
                    if look.frame.index == wanted and look.landmarks is not None:
                        return look
        raise NoFaceError(f"{reader.info.path}: no frame shows the driver's face well enough to start from")

    def _distance(self, portrait: np.ndarray | None, shapes: ShapeModel) -> np.ndarray:
        """How far each row is from the wanted reference [N]."""
        angles, lips, eyes = np.zeros(3), max(_CLOSED_LIPS, float(self._motion.opening.min())), self.eyes[1]
        if portrait is not None:
            pose = shapes.poses(portrait[None, list(TRACKED)])
            head = pose.to_head(portrait[None].astype(np.float64))[0]
            angles, eyes = pose.angles[0], eye_openings(portrait[None])[0]
            lips = float(np.linalg.norm(head[_MIDDLE_LIPS[0]] - head[_MIDDLE_LIPS[1]]))
        turn = np.square((self._motion.angles - angles) / _DEGREES).sum(axis=1)
        lid = np.square((self._eyes - eyes) / _EYE_UNIT).mean(axis=1)
        return np.asarray(turn + np.square((self._motion.opening - lips) / _LIP_UNIT) + lid)

    def _look(self, frame: Frame) -> Look:
        row = int(self.rows[frame.index])
        if row < 0:
            return Look(frame, -1, None)
        x, y, size = (float(value) for value in self._anchors[row])
        rotation = self._motion.poses.rotation[row]
        roll = float(np.arctan2(rotation[1, 0], rotation[0, 0]))
        found = self._landmarker.landmarks(FramePicture(frame), Roi(x, y, size * CROP_MARGIN, roll))
        if found is not None:
            found[:, 0] *= self._aspect
        return Look(frame, int(self._shots[row]), found)


def smoothed(looks: Iterable[Look], sigma: float = _LANDMARK_SIGMA) -> Iterator[Look]:
    """The same looks, landmarks smoothed along each stretch of one shot without a gap, as by `smooth`."""
    window: list[Look] = []
    place = 0
    for look in looks:
        window.append(look)
        if len(window) - place > _REACH:
            yield _smoothed(window, place, sigma)
            place += 1
        if place > _REACH:
            window.pop(0)
            place -= 1
    for late in range(place, len(window)):
        yield _smoothed(window, late, sigma)


def _smoothed(window: list[Look], place: int, sigma: float) -> Look:
    here = window[place]
    if here.landmarks is None:
        return here

    def reach(step: int) -> int:
        end = place
        while abs(end - place) < _REACH and 0 <= end + step < len(window):
            beyond = window[end + step]
            if beyond.landmarks is None or beyond.shot != here.shot:
                break
            end += step
        return end

    first, last = reach(-1), reach(1)
    points = np.stack([look.landmarks for look in window[first : last + 1] if look.landmarks is not None])
    return replace(here, landmarks=smooth(points, sigma)[place - first])
