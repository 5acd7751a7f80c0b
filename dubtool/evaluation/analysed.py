"""How the tracker sees a video: the one person in it, the same way for sources and for dubs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from dubtool.face.shape import CHIN, ShapeModel
from dubtool.face.topology import INNER_LIP, OUTER_LIP, TRACKED, tracked
from dubtool.jobs.shared.known_shapes import MouthShapes
from dubtool.media.probe import MediaInfo, probe
from dubtool.media.sampling import Box, bounds
from dubtool.metrics.lip_motion import APERTURE_POINTS, aperture, lip_dynamics
from dubtool.metrics.lips import EYE_CORNERS, LIP_POINTS, mouth_opening, mouth_width
from dubtool.tracking.motion import FaceMotion
from dubtool.tracking.person import Chosen, chosen_person
from dubtool.tracking.track_video import TrackedVideo, track_video

# The lips' box reaches so much further than the lips, in their widths: a dub may open them wider than the source.
_LIP_MARGIN = 0.3
_SMALLEST_SIDE = 16


@dataclass(frozen=True)
class Lips:
    """The mouth over time, in distances of the outer eye corners; NaN unseen.

    times: seconds [N]. opening, width: [N], see `metrics.lips`. aperture: [N], mean gap of the inner lips. chin: [N],
    its height in the head frame, whatever the pose.
    """

    times: np.ndarray
    opening: np.ndarray
    width: np.ndarray
    aperture: np.ndarray
    chin: np.ndarray

    def at(self, times: np.ndarray) -> Lips:
        """The same at other moments, linear between frames; unknown where the nearest frame is, and beyond the ends."""
        after = np.clip(np.searchsorted(self.times, times), 1, len(self.times) - 1)
        nearest = np.where(times - self.times[after - 1] <= self.times[after] - times, after - 1, after)
        step = float(np.median(np.diff(self.times)))
        beyond = np.abs(self.times[nearest] - times) > 0.75 * step
        series = (self.opening, self.width, self.aperture, self.chin)
        return Lips(times, *(self._between(each, times, nearest, beyond) for each in series))

    def _between(self, series: np.ndarray, times: np.ndarray, nearest: np.ndarray, beyond: np.ndarray) -> np.ndarray:
        known = np.isfinite(series)
        if not known.any():
            return np.full(len(times), np.nan)
        values = np.interp(times, self.times[known], series[known])
        return np.where(beyond | ~known[nearest], np.nan, values)


@dataclass(frozen=True)
class TrackedSpeaker:
    """A video and the person in it.

    times: float64 [N] seconds of its frames. points: float32 [N, P, 3] landmarks as found, unsmoothed; NaN where the
    face was not seen. motion: their head and crops, as the dub job has them. chin: float64 [N], see `Lips`. aspect: a
    pixel's width over its height.
    """

    info: MediaInfo
    times: np.ndarray
    points: np.ndarray
    motion: FaceMotion
    chin: np.ndarray
    aspect: float

    @cached_property
    def lips(self) -> Lips:
        six, eyes = self._square(LIP_POINTS), self._eyes
        gap = aperture(self._square(APERTURE_POINTS), eyes)
        return Lips(self.times, mouth_opening(six), mouth_width(six), gap, self.chin)

    @cached_property
    def eyes(self) -> float:
        """Distance of the outer eye corners in the median, px of the picture's height."""
        return float(np.nanmedian(self._eyes))

    def dynamics(self, until: float) -> float:
        """`metrics.lip_motion.lip_dynamics` of the frames before `until`, seconds."""
        early = self.times < until
        return lip_dynamics(self._square(OUTER_LIP + INNER_LIP)[early], self._eyes[early])

    @cached_property
    def _eyes(self) -> np.ndarray:
        corners = self._square(EYE_CORNERS)
        return np.asarray(np.linalg.norm(corners[:, 1] - corners[:, 0], axis=1))

    def _square(self, mesh_indices: tuple[int, ...]) -> np.ndarray:
        """Landmarks [N, n, 2] in px of the picture's height."""
        return np.asarray(self.points[:, tracked(mesh_indices), :2] * np.array([self.aspect, 1.0]))

    @property
    def shapes(self) -> MouthShapes:
        """Of the frames in which the face was seen."""
        return MouthShapes(self.times[self.motion.frames], self.motion.coefficients)

    @cached_property
    def rows(self) -> np.ndarray:
        """Row of `motion` of each frame, -1 where the face was not seen."""
        return self.motion.rows(len(self.times))

    @cached_property
    def mouth_side(self) -> int:
        """Side of the mouth box (two face radii), px of the picture, in the median."""
        density = np.sqrt(np.abs(np.linalg.det(self.motion.unit[:, :, :2])))
        return max(_SMALLEST_SIDE, round(float(2 / np.median(density))))

    def to_mouth(self, frame: int, side: int) -> np.ndarray:
        """From picture px to the px of a mouth box of side x side (DINet's: nose bridge to two radii below) [2, 3]."""
        matrix = self.motion.unit[self.rows[frame]] * (side / 2)
        matrix[:, 2] += (side / 2 - 0.5, -0.5)
        return matrix

    def mouth_box(self, frame: int) -> Box:
        """Picture px around the mouth box, within the frame."""
        video = self.info.require_video()
        side = self.mouth_side
        return bounds(self.to_mouth(frame, side), side, side, video.upright_width, video.upright_height)

    def lip_box(self, frame: int) -> Box:
        """Picture px around the lips alone, with a margin, within the mouth box."""
        lips = self.points[frame, tracked(OUTER_LIP + INNER_LIP), :2]
        low, high = lips.min(axis=0), lips.max(axis=0)
        margin = _LIP_MARGIN * (high[0] - low[0])
        x0, y0, x1, y1 = self.mouth_box(frame)
        left, top = (int(edge) for edge in np.floor(low - margin))
        right, bottom = (int(edge) for edge in np.ceil(high + margin))
        left, top = min(max(left, x0), x1 - 1), min(max(top, y0), y1 - 1)
        return left, top, max(min(right, x1), left + 1), max(min(bottom, y1), top + 1)


def largest_person(path: Path, model: ShapeModel, *, cache: bool) -> tuple[MediaInfo, TrackedVideo, Chosen]:
    """A video, the faces in it, and the person whom jobs choose if nobody is named.

    Raises:
        InputError: the video cannot be read. NoFaceError: there is nobody in it.
    """
    info = probe(path)
    tracked_video = track_video(info, use_cache=cache)
    return info, tracked_video, chosen_person(info, tracked_video, "largest", model, use_cache=cache)


def analyse(path: Path, model: ShapeModel, *, cache: bool) -> TrackedSpeaker:
    """A video as the dub job sees it. Raises as `largest_person` does."""
    info, tracked_video, chosen = largest_person(path, model, cache=cache)
    motion, count = chosen.motion, tracked_video.tracks.frame_count
    points = np.full((count, len(TRACKED), 3), np.nan, np.float32)
    for track in chosen.person.tracks:
        points[track.frames] = track.points()
    chin = np.full(count, np.nan)
    chin[motion.frames] = model.mouths(motion.coefficients, motion.rest)[:, CHIN, 1]
    return TrackedSpeaker(info, tracked_video.seconds, points, motion, chin, chosen.pixel_aspect)
