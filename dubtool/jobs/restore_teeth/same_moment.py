"""Which frames of a source show the very moments of a video: those that a tool was given to dub.

Where they are found, all that is not the mouth can be the frame itself, as it was filmed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from dubtool.face.topology import EYES, STABLE, tracked
from dubtool.jobs.shared.frame_stream import crop_of, frames_of_rows
from dubtool.media.decode import VideoReader
from dubtool.media.frame import Frame
from dubtool.media.sampling import Box
from dubtool.tracking.person import Chosen

# What no tool moves: eyes, brows, bridge of the nose. The trackers' jitter leaves less between two copies of a frame.
_UPPER = tracked(tuple(dict.fromkeys((*EYES, *STABLE))))
_EYE_CORNERS = tracked((33, 263))
_ALIKE, _STILL_ALIKE = 0.025, 0.05
# Rows of a shot that a place in the source is looked for with, and the share of all its rows that must fit there.
_SAMPLES, _LEAST_SHARE = 40, 0.8
# Frames whose upper faces are compared as pictures, and how well detail must agree (Pearson's r of the luma).
_LOOKS, _LEAST_R = 5, 0.8
_SIDE = 64
# How much nearer another offset than none must be, in distances of the eyes.
_CUT_COST = 0.003


@dataclass(frozen=True)
class Footage:
    """A person in a film. times: seconds of the motion's rows float64 [N]. size: of the picture, px."""

    chosen: Chosen
    times: np.ndarray
    size: tuple[int, int]

    @cached_property
    def upper(self) -> np.ndarray:
        """The upper face's landmarks in shares of the picture: float64 [N, P, 2]."""
        points = np.concatenate([track.points()[:, :, :2] for track in self.chosen.person.tracks])
        return points[:, _UPPER].astype(np.float64) / self.size

    @cached_property
    def eyes(self) -> float:
        """Distance of the outer eye corners in the median, in heights of the picture."""
        points = np.concatenate([track.points()[:, _EYE_CORNERS, :2] for track in self.chosen.person.tracks])
        return float(np.median(np.linalg.norm(points[:, 1] - points[:, 0], axis=1))) / self.size[1]


def same_moments(video: Footage, source: Footage) -> np.ndarray:
    """For each row of the video's motion the row of the source's that shows the same moment: int64 [N], -1 for none.

    Every shot of the video is looked for by itself, so that a source may be longer or cut otherwise; it may be scaled,
    but not cropped.
    """
    here, there = video.upper, source.upper
    # Shares of the width count as much as those of the height.
    aspect = np.array([video.size[0] / video.size[1], 1.0])
    found = np.full(len(here), -1, np.int64)
    half = 0.75 * max(
        (float(np.median(np.diff(each))) for each in (video.times, source.times) if len(each) > 1), default=0
    )
    for shot in np.unique(video.chosen.shots):
        rows = np.flatnonzero(video.chosen.shots == shot)
        samples = rows[np.linspace(0, len(rows) - 1, min(_SAMPLES, len(rows))).round().astype(int)]
        middle = samples[len(samples) // 2]
        offsets = source.times - video.times[middle]
        distances = np.stack(
            [
                _apart(here[row], there, _nearest(source.times, video.times[row] + offsets, half), aspect)
                for row in samples
            ]
        )
        # A head that holds still is alike at many offsets: of these the one at which nothing was cut.
        cost = np.minimum(distances, video.eyes).mean(axis=0) + _CUT_COST * video.eyes * (np.abs(offsets) > half)
        offset = offsets[int(cost.argmin())]
        places = _nearest(source.times, video.times[rows] + offset, half)
        apart = _apart(here[rows], there, places, aspect)
        fits = apart < _STILL_ALIKE * video.eyes
        if np.median(apart) < _ALIKE * video.eyes and fits.mean() >= _LEAST_SHARE:
            found[rows[fits]] = places[fits]
    return found


def look_alike(video: Footage, source: Footage, moments: np.ndarray, readers: tuple[VideoReader, VideoReader]) -> bool:
    """Whether the upper faces of some of these moments are the same pictures. readers: of the video and the source."""
    rows = np.flatnonzero(moments >= 0)
    if len(rows) == 0:
        return False
    picked = rows[np.linspace(0, len(rows) - 1, min(_LOOKS, len(rows))).round().astype(int)]
    crops = [
        dict(
            (row, _upper_face(frame, footage, row))
            for row, frame in frames_of_rows(reader, footage.chosen.motion.frames, np.unique(wanted).tolist())
        )
        for footage, reader, wanted in zip((video, source), readers, (picked, moments[picked]), strict=True)
    ]
    agreements = [np.corrcoef(crops[0][row].ravel(), crops[1][moments[row]].ravel())[0, 1] for row in picked]
    return bool(np.median(agreements) >= _LEAST_R)


def shown_as(frame: Frame, box: Box, size: tuple[int, int]) -> np.ndarray:
    """What a source's frame shows in a box of a picture of `size` px: float32 RGB [h, w, 3]."""
    x0, y0, x1, y1 = box
    if (frame.width, frame.height) == size:
        return frame.rgb(box).astype(np.float32)
    scale = np.array([frame.width / size[0], frame.height / size[1]])
    matrix = np.array([[scale[0], 0, (x0 + 0.5) * scale[0] - 0.5], [0, scale[1], (y0 + 0.5) * scale[1] - 0.5]])
    # What the blur and the sampling see of the frame, and no more.
    margin = 4 + math.ceil(2 * float(scale.max()))
    low = np.clip(np.floor(scale * (x0, y0)).astype(int) - margin, 0, (frame.width - 1, frame.height - 1))
    high = np.clip(np.ceil(scale * (x1, y1)).astype(int) + margin, low + 1, (frame.width, frame.height))
    matrix[:, 2] -= low
    picture = frame.rgb((*low.tolist(), *high.tolist())).astype(np.float32)
    if scale.max() > 1:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.4 * float(scale.max())), np.float32)
    flags = cv2.WARP_INVERSE_MAP | cv2.INTER_CUBIC
    shown = cv2.warpAffine(picture, matrix, (x1 - x0, y1 - y0), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(shown, np.float32)


def _nearest(times: np.ndarray, wanted: np.ndarray, half: float) -> np.ndarray:
    """Index of the nearest of `times`, -1 where none is nearer than `half` seconds."""
    after = np.clip(np.searchsorted(times, wanted), 1, max(len(times) - 1, 1))
    before = after - 1
    nearest = np.where(wanted - times[before] <= times[np.minimum(after, len(times) - 1)] - wanted, before, after)
    nearest = np.minimum(nearest, len(times) - 1)
    return np.where(np.abs(times[nearest] - wanted) <= half, nearest, -1)


def _apart(points: np.ndarray, others: np.ndarray, places: np.ndarray, aspect: np.ndarray) -> np.ndarray:
    """Median distance of points [P, 2] or [n, P, 2] from those of `others` at places [n], in heights: [n]; infinite at
    a place of -1."""
    gaps = np.median(np.linalg.norm((others[places] - points) * aspect, axis=-1), axis=-1)
    return np.where(places < 0, np.inf, gaps)


def _upper_face(frame: Frame, footage: Footage, row: int) -> np.ndarray:
    """Luma of the eyes' part of the unit crop, float32 [64, 128], less its slow changes."""
    matrix = footage.chosen.motion.unit[row] * _SIDE
    matrix[:, 2] += (_SIDE, 0.7 * _SIDE)
    luma = cv2.cvtColor(crop_of(frame, matrix, 2 * _SIDE, _SIDE), cv2.COLOR_RGB2GRAY).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(luma, (0, 0), 1.5) - cv2.GaussianBlur(luma, (0, 0), 12))
