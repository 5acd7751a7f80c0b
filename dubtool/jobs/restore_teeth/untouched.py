"""Frames of a clip whose mouth no tool has touched, found by the detail of the face beside that of what surrounds it.

A tool redraws the lower face, many the whole of it, and leaves hair, neck and background; focus, motion and compression
change these alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

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
# What surrounds the face lies between these sizes of its hull: the nearer part is in the tools' boxes, too.
_AROUND = (1.3, 1.75)
# Deviations of the blurs, px, between whose neighbours detail is measured: finer is the coder's, coarser is left by
# tools of 256 px.
_BLURS = (0.7, 1.1, 1.75, 2.8)
# Squared detail is averaged over so many px, so that no edge outweighs all skin, and has a floor.
_SPREAD, _FLOOR = 4, 0.02
# Side of the picture by which shots are known to be of one camera, and how well these must agree (Pearson's r).
_SCENE, _ONE_CAMERA = 16, 0.9

# Over so many rows a median is taken: for where it changes, and for a row's side.
_BRIEF, _STEADY = 5, 9
# How far apart two stretches of a clip must be, natural logarithms of squared detail: their medians, also in their own
# standard deviations, by the whole face or the lower one, which words move; and from one row to the next, over so many
# rows on each side. Within films of one kind, real or dubbed, all of these were never reached (docs/teeth.md).
_APART, _WHOLE_DEVIATIONS, _LOWER_DEVIATIONS = 0.25, 4.0, 5.0
_STEP, _STEP_ROWS = 0.23, 12
# The same where the stretch is told.
_APART_AS_TOLD, _DEVIATIONS_AS_TOLD = 0.15, 3.25
# By how much the lower face must be softer beside its surroundings, and by itself: brows and eyes change alone, too.
_LOWER, _SOFTER = 0.2, 0.1
# So many coordinates of the mouth's shape tell a grin, which folds the skin, and must not be as far apart, in their own
# deviations: speech and silence were up to 2.9, a grin 7.
_COORDINATES, _SAME_FACE = 4, 4.0
# Fewer are no source, and no stretch that was dubbed; and the shortest piece of either.
_FEWEST, _FEWEST_TOUCHED, _SHORTEST = 25, 12, 6
# Rows beside a touched one that a tool may have eased into.
_EASED = _STEADY // 2 + 2
# So many places are tried for either end of a stretch.
_PLACES = 800


@dataclass(frozen=True)
class Detail:
    """Natural logarithms of the squared detail of every row of a motion: of the lower face but the lips, of the upper
    one, and of what surrounds the face [N]; NaN where it was not to be measured. scenes: the whole picture, small
    [N, S, S]."""

    lower: np.ndarray
    upper: np.ndarray
    around: np.ndarray
    scenes: np.ndarray


def measured_detail(reader: VideoReader, chosen: Chosen) -> Detail:
    """The detail of all the person's rows, by a reader of their video."""
    tracks = chosen.person.tracks
    points = np.concatenate([smoothed_points(track, block)[:, :, :2] for track in tracks for block in blocks(track)])
    numbers = chosen.motion.frames
    found = np.full((3, len(numbers)), np.nan)
    scenes = np.zeros((len(numbers), _SCENE, _SCENE), np.float32)
    for row, frame in frames_of_rows(reader, numbers, range(len(numbers))):
        found[:, row] = _of_frame(frame, points[row])
        luma = frame.planes[0].astype(np.float32)
        scenes[row] = cv2.resize(luma, (_SCENE, _SCENE), interpolation=cv2.INTER_AREA)
    return Detail(found[0], found[1], found[2], scenes)


def untouched_rows(
    detail: Detail, shots: np.ndarray, shapes: np.ndarray, inside: np.ndarray | None = None
) -> np.ndarray:
    """Rows whose mouth is as it was filmed, bool [N]; none where that is not plain.

    shots: of each row. shapes: of the mouth [N, K], as in `FaceMotion.coefficients`. inside: rows that are told to be
    another tool's, bool [N]; None where nobody says. Other cameras see other surroundings: shots are compared where
    they are of one.
    """
    found = np.zeros(len(shots), bool)
    seen = np.isfinite(detail.lower + detail.upper + detail.around)
    for rows in _cameras(detail.scenes, shots):
        rows = rows[seen[rows]]
        if len(rows) >= _FEWEST + _FEWEST_TOUCHED:
            lower, upper, around = (each[rows] for each in (detail.lower, detail.upper, detail.around))
            told = None if inside is None else inside[rows]
            found[rows] = _untouched(lower, upper, around, shapes[rows, :_COORDINATES], told)
    return found


def _cameras(scenes: np.ndarray, shots: np.ndarray) -> Iterator[np.ndarray]:
    """Rows of the shots of one camera, rising."""
    left = {int(shot): np.median(scenes[shots == shot], axis=0).ravel() for shot in np.unique(shots)}
    while left:
        first = next(iter(left.values()))
        alike = [shot for shot, scene in left.items() if scene is first or _agree(first, scene)]
        yield np.flatnonzero(np.isin(shots, alike))
        left = {shot: scene for shot, scene in left.items() if shot not in alike}


def _agree(one: np.ndarray, other: np.ndarray) -> bool:
    spread = one.std() * other.std()
    return bool(spread > 0 and np.mean((one - one.mean()) * (other - other.mean())) >= _ONE_CAMERA * spread)


def _untouched(
    lower: np.ndarray, upper: np.ndarray, around: np.ndarray, shapes: np.ndarray, told: np.ndarray | None
) -> np.ndarray:
    """The untouched of rows of one camera, by their detail [n]. told: which are inside the stretch."""
    beside = lower - around
    for face, least in ((beside + upper - around) / 2, _WHOLE_DEVIATIONS), (beside, _LOWER_DEVIATIONS):
        sharp = _parted(_steadied(face, _BRIEF)) if told is None else ~told
        if sharp.sum() < _FEWEST or (~sharp).sum() < _FEWEST_TOUCHED:
            continue
        if _gap(beside, sharp) < _LOWER or _gap(lower, sharp) < _SOFTER:
            continue
        gap, deviation = _gap(face, sharp), float(_deviation(face, sharp))
        if np.any(np.abs(_gap(shapes, sharp)) > _SAME_FACE * _deviation(shapes, sharp)):
            continue
        if told is None:
            plain = gap >= max(_APART, least * deviation) and _smallest_step(face, sharp) >= _STEP
        else:
            plain = gap >= max(_APART_AS_TOLD, _DEVIATIONS_AS_TOLD * deviation)
        if not plain:
            continue
        middle = (np.median(face[sharp]) + np.median(face[~sharp])) / 2
        touched = ~(sharp & (_steadied(face, _STEADY) > middle))
        near = cv2.dilate(touched.astype(np.uint8)[:, None], np.ones((2 * _EASED + 1, 1), np.uint8))[:, 0] > 0
        if (~near).sum() >= _FEWEST:
            return ~near
    return np.zeros(len(lower), bool)


def _parted(values: np.ndarray) -> np.ndarray:
    """The larger values [n], where one stretch of rows has other ones than the rest: the one that leaves the least
    variance within both, of those that leave enough to either. All False if there is none."""
    rows = len(values)
    sums = np.concatenate([[0.0], np.cumsum(values - values.mean())])
    places = np.unique(np.linspace(0, rows, min(rows, _PLACES) + 1).round().astype(int))
    places = places[(places == 0) | (places == rows) | ((places >= _SHORTEST) & (places <= rows - _SHORTEST))]
    best, sharp = 0.0, np.zeros(rows, bool)
    for number, start in enumerate(places):
        stops = places[number + 1 :]
        length, total = stops - start, sums[stops] - sums[start]
        larger = np.where(total > 0, length, rows - length)
        enough = (larger >= _FEWEST) & (rows - larger >= _FEWEST_TOUCHED)
        between = np.where(enough, np.square(total) / np.maximum(length * (rows - length), 1), 0)
        if len(between) and between.max() > best:
            place = int(between.argmax())
            best = float(between[place])
            sharp = np.full(rows, total[place] <= 0)
            sharp[start : stops[place]] = total[place] > 0
    return sharp


def _smallest_step(values: np.ndarray, sharp: np.ndarray) -> float:
    """By how much the values [n] fall where the sharp rows [n] end, at the gentlest of these places."""
    steps = []
    for place in np.flatnonzero(np.diff(sharp.astype(int))) + 1:
        before, after = (
            np.median(part) for part in (values[max(0, place - _STEP_ROWS) : place], values[place:][:_STEP_ROWS])
        )
        steps.append(float(before - after if sharp[place - 1] else after - before))
    return min(steps)


def _gap(values: np.ndarray, sharp: np.ndarray) -> np.ndarray:
    """Of the medians of two groups, of values [n] or [n, K]."""
    return np.asarray(np.median(values[sharp], axis=0) - np.median(values[~sharp], axis=0))


def _deviation(values: np.ndarray, sharp: np.ndarray) -> np.ndarray:
    """Within both groups."""
    return np.asarray(np.sqrt((values[sharp].var(axis=0) + values[~sharp].var(axis=0)) / 2))


def _steadied(values: np.ndarray, rows: int) -> np.ndarray:
    padded = np.pad(values, rows // 2, mode="edge")
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(padded, rows), axis=1))


def _of_frame(frame: Frame, points: np.ndarray) -> tuple[float, float, float]:
    """Logarithms of the detail of lower and upper face and around it. points: landmarks [P, 2], picture px."""
    wide = _grown(points, _AROUND[1])
    low, high = np.floor(wide.min(axis=0)).astype(int) - _SPREAD, np.ceil(wide.max(axis=0)).astype(int) + _SPREAD + 1
    x0, y0 = np.maximum(low, 0).tolist()
    x1, y1 = np.minimum(high, (frame.width, frame.height)).tolist()
    if x1 - x0 < 3 or y1 - y0 < 3:
        return np.nan, np.nan, np.nan
    picture = cv2.cvtColor(frame.rgb((x0, y0, x1, y1)).astype(np.float32), cv2.COLOR_RGB2GRAY)
    here = points - (x0, y0)
    lower, lips, upper = (_hull(picture, here[part]) for part in (TRACKED_LOWER_FACE, _LIPS, _UPPER))
    near, far = (_hull(picture, _grown(here, size)) for size in _AROUND)
    width = 2 * int(_MARGIN * np.sqrt(lower.sum()) / 2) + 1
    brush = np.ones((width, width), np.uint8)
    skin = cv2.erode(lower, brush) & (1 - upper) & (1 - cv2.dilate(lips, brush))
    regions = skin, cv2.erode(upper, brush), far & (1 - near)
    # A face that fills the picture has nothing beside it to compare with.
    if min(region.sum() for region in regions) < lower.sum() / 10 or lower.sum() == 0:
        return np.nan, np.nan, np.nan
    blurred = [cv2.GaussianBlur(picture, (0, 0), sigma) for sigma in _BLURS]
    detail = np.zeros_like(picture)
    for finer, coarser in pairwise(blurred):
        squared = cv2.GaussianBlur(np.square(finer - coarser), (0, 0), _SPREAD)
        detail += np.log(squared + _FLOOR) / (len(_BLURS) - 1)
    of_lower, of_upper, around = (float(detail[region > 0].mean()) for region in regions)
    return of_lower, of_upper, around


def _grown(points: np.ndarray, times: float) -> np.ndarray:
    """Points [P, 2], so many times as far from the middle of their box."""
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    return np.asarray((points - middle) * times + middle)


def _hull(picture: np.ndarray, points: np.ndarray) -> np.ndarray:
    """1 within the hull of points [n, 2], else 0: uint8, as large as the picture."""
    filled = np.zeros(picture.shape, np.uint8)
    cv2.fillPoly(filled, [cv2.convexHull(np.rint(points).astype(np.int32))], 1)
    return filled
