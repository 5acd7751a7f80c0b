"""The pictures that a generator is adapted on: crops of one person, read once from the video in little memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from dubtool.errors import InputError
from dubtool.face.crop import to_pixels
from dubtool.face.draw import draw_mouth
from dubtool.face.shape import ShapeModel
from dubtool.jobs.adapt.holdout import Stretch, stretches, thinned
from dubtool.jobs.dub.conditioning import neighbours
from dubtool.jobs.shared.examples import Examples
from dubtool.jobs.shared.frame_stream import crops_of_rows
from dubtool.jobs.shared.references import reference_candidates, sharpest
from dubtool.media.decode import VideoReader
from dubtool.media.probe import MediaInfo
from dubtool.models.generator import GeneratorSpec
from dubtool.tracking.motion import FaceMotion, runs

# Frames in all; at a mouth of 128 px each takes 0.2 MB.
_LEARNED, _HELD_OUT = 420, 60
LEAST_LEARNED, LEAST_HELD_OUT = 40, 8
# Turned further, a face shows too little of its mouth to learn from.
_MAX_YAW = 40.0

Progress = Callable[[float, float | None], None]


@dataclass(frozen=True)
class Subject:
    """The person to adapt to. times: float64 [N], seconds of the motion's rows."""

    info: MediaInfo
    motion: FaceMotion
    times: np.ndarray
    model: ShapeModel


@dataclass(frozen=True)
class Material:
    """What is learned from and what is held out. references: crops uint8 [5, H, W, 3] of `reference_frames`, none of
    them held out."""

    learned: Examples
    held_out: Examples
    references: np.ndarray
    reference_frames: tuple[int, ...]


def collect(subject: Subject, spec: GeneratorSpec, until: float, progress: Progress) -> Material:
    """Crop the person's frames for a generator of `spec`.

    until: value of `time.monotonic` after which no further stretch of the video is begun.

    Raises:
        InputError: the person is seen in too few frames.
    """
    motion = subject.motion
    usable = ~motion.covered & (np.abs(motion.angles[:, 1]) < _MAX_YAW)
    planned = _planned(stretches(subject.times, usable))
    total = sum(len(each.learned) + len(each.held_out) for each in planned)
    reader, to_crop, size = VideoReader(subject.info), to_pixels(motion.unit, spec.size), spec.size
    crops: dict[int, np.ndarray] = {}
    read: list[Stretch] = []
    for stretch in planned:
        if read and time.monotonic() > until:
            break
        rows = np.union1d(stretch.learned, stretch.held_out).tolist()
        for row, crop in crops_of_rows(reader, motion.frames, to_crop, rows, size.width, size.height):
            crops[row] = crop
            progress(len(crops), total)
        read.append(stretch)
    progress(total, total)
    learned, held_out = (
        np.concatenate([np.zeros(0, np.int64), *part])
        for part in ([each.learned for each in read], [each.held_out for each in read])
    )
    if len(learned) < LEAST_LEARNED or len(held_out) < LEAST_HELD_OUT:
        raise InputError(
            f"{subject.info.path}: too short to adapt to: the face is usable in {usable.sum()} frames, "
            f"{2 * (LEAST_LEARNED + LEAST_HELD_OUT)} are enough"
        )
    references = _references(motion, learned, crops, spec.references)
    return Material(
        _examples(subject, spec, learned, crops),
        _examples(subject, spec, held_out, crops),
        np.stack([crops[row] for row in references]),
        tuple(int(motion.frames[row]) for row in references),
    )


def _planned(found: list[Stretch]) -> list[Stretch]:
    """The same stretches with no more rows than are worth keeping."""
    count = max(1, len(found))
    return [
        replace(
            each, learned=thinned(each.learned, _LEARNED // count), held_out=thinned(each.held_out, _HELD_OUT // count)
        )
        for each in found
        if len(each.learned) and len(each.held_out)
    ]


def _references(motion: FaceMotion, learned: np.ndarray, crops: dict[int, np.ndarray], count: int) -> list[int]:
    """Rows of `count` references, chosen as for a dub, among those that are learned from."""
    allowed = np.zeros(len(motion.frames), bool)
    allowed[learned] = True
    candidates = reference_candidates(motion, allowed, count)
    return sharpest(candidates, crops)


def _examples(subject: Subject, spec: GeneratorSpec, rows: np.ndarray, crops: dict[int, np.ndarray]) -> Examples:
    size, motion = spec.size, subject.motion
    mouths = motion.mouths_in_crop(subject.model, motion.coefficients[rows], rows).astype(np.float32)
    corner = np.array([size.width / 2 - 0.5, size.mouth / 2 - 0.5])
    drawings = [draw_mouth(mouth * (size.mouth / 2) + corner, size.width, size.height) for mouth in mouths]
    shapes = own_shapes(motion, subject.times, rows, spec.steps)
    return Examples(np.stack([crops[int(row)] for row in rows]), np.stack(drawings), shapes, mouths)


def own_shapes(motion: FaceMotion, times: np.ndarray, rows: np.ndarray, steps: int) -> np.ndarray:
    """The person's own shapes around each of `rows`, at the moments that a generator wants: float32 [n, K, steps].

    times: seconds of all rows. Where the face was not seen the nearest shape of the same run stands in.
    """
    first, last = np.empty(len(times)), np.empty(len(times))
    for run in runs(motion.frames):
        first[run], last[run] = times[run.start], times[run.stop - 1]
    at = np.clip(neighbours(times[rows], steps), first[rows, None], last[rows, None])
    return np.stack([np.interp(at, times, column) for column in motion.coefficients.T], axis=1).astype(np.float32)
