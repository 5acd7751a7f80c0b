"""Frames of a clip whose mouth no tool has touched, found by the detail of the lower face beside that of the upper."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dubtool.face.reference_warp import TRACKED_LOWER_FACE
from dubtool.face.topology import OUTER_LIP, STABLE, tracked
from dubtool.jobs.shared.frame_stream import frames_of_rows
from dubtool.media.decode import VideoReader
from dubtool.media.frame import Frame
from dubtool.tracking.motion import blocks, smoothed_points
from dubtool.tracking.person import Chosen

# Landmarks whose hulls are the lips and the upper face.
_LIPS, _UPPER = tracked(OUTER_LIP).tolist(), tracked(STABLE).tolist()
# From a region's edge, and around the lips, in sides of the lower face.
_MARGIN = 0.06
# Deviations of the blur, px, before the Laplacian whose mean square is taken, and its median: the one sees edges, the
# other skin.
_EDGES, _SKIN = 0.8, 1.2
# Over so many rows the median is taken: a blink, a lip's edge that comes and goes.
_STEADY = 9
# How far apart the two groups lie, natural logarithms of squared detail: all but a tenth of the one from all but a
# tenth of the other. Within films of one kind, real or dubbed, it came to 0.28 where a head turns (docs/teeth.md).
_APART = 0.45
# The same where the stretch is told: of the medians. Halves of dubbed films were up to 0.13 apart.
_APART_AS_TOLD = 0.3
# By how much the lower face must be softer by itself: a crop or another compression may soften the upper one alone.
_SOFTER = 0.22
# Fewer are no source, and no stretch that was dubbed.
_FEWEST, _FEWEST_TOUCHED = 25, 12
# Rows beside a touched one that a tool may have eased into.
_EASED = _STEADY // 2 + 2


@dataclass(frozen=True)
class Detail:
    """Natural logarithms of the squared detail of every row of a motion: of the lower and of the upper face [N]. NaN
    where it was not to be measured."""

    lower: np.ndarray
    upper: np.ndarray


def measured_detail(reader: VideoReader, chosen: Chosen) -> Detail:
    """The detail of all the person's rows, by a reader of their video."""
    tracks = chosen.person.tracks
    points = np.concatenate([smoothed_points(track, block)[:, :, :2] for track in tracks for block in blocks(track)])
    numbers = chosen.motion.frames
    found = np.full((len(numbers), 2), np.nan)
    for row, frame in frames_of_rows(reader, numbers, range(len(numbers))):
        found[row] = _of_frame(frame, points[row])
    return Detail(found[:, 0], found[:, 1])


def untouched_rows(detail: Detail, shots: np.ndarray, inside: np.ndarray | None = None) -> np.ndarray:
    """Rows whose mouth is as it was filmed, bool [N]; none where that is not plain.

    shots: of each row. inside: rows that are told to be another tool's, bool [N]; None where nobody says. Shots differ
    in light and size: two groups are looked for within each of them, never across.
    """
    found = np.zeros(len(shots), bool)
    for shot in np.unique(shots):
        rows = np.flatnonzero((shots == shot) & np.isfinite(detail.lower) & np.isfinite(detail.upper))
        if len(rows) >= _FEWEST + _FEWEST_TOUCHED:
            lower = detail.lower[rows]
            told = None if inside is None else inside[rows]
            found[rows] = _apart(lower - detail.upper[rows], lower, told)
    return found


def _apart(share: np.ndarray, lower: np.ndarray, told: np.ndarray | None) -> np.ndarray:
    """The untouched of a shot's rows. share: logarithm of the lower face's detail over the upper's, lower: its own."""
    none = np.zeros(len(share), bool)
    if told is None:
        steady = _steadied(share)
        sharp = steady > _parting(steady)
    else:
        steady, sharp = share, ~told
    if sharp.sum() < _FEWEST or (~sharp).sum() < _FEWEST_TOUCHED:
        return none
    if told is None:
        gap = float(np.quantile(steady[sharp], 0.1) - np.quantile(steady[~sharp], 0.9))
    else:
        gap = float(np.median(steady[sharp]) - np.median(steady[~sharp]))
    own = float(np.median(lower[sharp]) - np.median(lower[~sharp]))
    if gap < (_APART if told is None else _APART_AS_TOLD) or own < _SOFTER:
        return none
    near = cv2.dilate((~sharp).astype(np.uint8)[:, None], np.ones((2 * _EASED + 1, 1), np.uint8))[:, 0] > 0
    return ~near if (~near).sum() >= _FEWEST else none


def _steadied(values: np.ndarray) -> np.ndarray:
    padded = np.pad(values, _STEADY // 2, mode="edge")
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(padded, _STEADY), axis=1))


def _parting(values: np.ndarray) -> float:
    """The threshold between two groups that leaves the least variance within them (Otsu 1979)."""
    rising = np.sort(values)
    below = np.arange(1, len(rising))
    sums = np.cumsum(rising)
    means = sums[:-1] / below, (sums[-1] - sums[:-1]) / (len(rising) - below)
    best = int(np.argmax(below * (len(rising) - below) * np.square(means[1] - means[0])))
    return float(rising[best] + rising[best + 1]) / 2


def _of_frame(frame: Frame, points: np.ndarray) -> tuple[float, float]:
    """Logarithms of the detail of the lower and of the upper face, with landmarks [P, 2] in picture px."""
    low, high = np.floor(points.min(axis=0)).astype(int), np.ceil(points.max(axis=0)).astype(int) + 1
    x0, y0 = np.maximum(low, 0).tolist()
    x1, y1 = np.minimum(high, (frame.width, frame.height)).tolist()
    if x1 - x0 < 3 or y1 - y0 < 3:
        return np.nan, np.nan
    picture = cv2.cvtColor(frame.rgb((x0, y0, x1, y1)).astype(np.float32), cv2.COLOR_RGB2GRAY)
    here = points - (x0, y0)
    lower, lips, upper = (_hull(picture, here[part]) for part in (TRACKED_LOWER_FACE, _LIPS, _UPPER))
    width = 2 * int(_MARGIN * np.sqrt(lower.sum()) / 2) + 1
    brush = np.ones((width, width), np.uint8)
    lower = cv2.erode(lower, brush) & (1 - upper)
    upper = cv2.erode(upper, brush)
    skin = lower & (1 - cv2.dilate(lips, brush))
    if min(skin.sum(), upper.sum()) == 0:
        return np.nan, np.nan
    edges, fine = (
        np.square(cv2.Laplacian(cv2.GaussianBlur(picture, (0, 0), sigma), cv2.CV_32F)) for sigma in (_EDGES, _SKIN)
    )
    of_skin, of_lower, of_upper = (
        (np.log(edges[region > 0].mean() + 1e-3) + np.log(np.median(fine[region > 0]) + 1e-3)) / 2
        for region in (skin, lower, upper)
    )
    return float((of_skin + of_lower) / 2), float(of_upper)


def _hull(picture: np.ndarray, points: np.ndarray) -> np.ndarray:
    """1 within the hull of points [n, 2], else 0: uint8, as large as the picture."""
    filled = np.zeros(picture.shape, np.uint8)
    cv2.fillPoly(filled, [cv2.convexHull(np.rint(points).astype(np.int32))], 1)
    return filled
