"""What is in front of a mouth, looked for once: it is kept beside the tracks for the next dub of the same frames."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from dubtool.engine.side_by_side import SideBySide
from dubtool.face.shape import ShapeModel
from dubtool.jobs.shared.covers import Covers, look_behind
from dubtool.media.decode import VideoReader
from dubtool.media.probe import MediaInfo
from dubtool.tracking.cache import keep_arrays, kept_arrays, tracks_file
from dubtool.tracking.person import Chosen
from dubtool.tracking.track_video import mouth_cover, tracked_by

# Raise the number where covers are found in another way.
_SETTINGS = "covers v2"

_Known = tuple[np.ndarray, np.ndarray, Covers]


def behind_covers(
    info: MediaInfo,
    chosen: Chosen,
    model: ShapeModel,
    rows: np.ndarray,
    threads: SideBySide,
    *,
    use_cache: bool = True,
) -> tuple[Chosen, Covers]:
    """As `look_behind`.

    Raises:
        InputError: the video cannot be read. WeightsError: the parser's file is not usable.
    """
    motion = chosen.motion
    asked = (rows, motion.frames, motion.unit, motion.coefficients, motion.covered)
    key = hashlib.blake2b(b"".join(np.ascontiguousarray(array).tobytes() for array in asked), digest_size=8).hexdigest()
    store = tracks_file(info.path, f"{_SETTINGS} {tracked_by(info)} {key}").with_suffix(".covers.npz")
    known = kept_arrays(store, partial(_read, count=len(motion.frames))) if use_cache else None
    if known is not None:
        covered, partly, covers = known
        return replace(chosen, motion=replace(motion, covered=covered), partly=partly), covers
    found, covers = look_behind(chosen, model, VideoReader(info), mouth_cover, rows, threads)
    if use_cache and found.partly is not None:
        keep_arrays(store, _written(found.motion.covered, found.partly, covers))
    return found, covers


def _written(covered: np.ndarray, partly: np.ndarray, covers: Covers) -> dict[str, np.ndarray]:
    found = sorted(covers.found.items())
    coded = [picture.ravel() for _, (_, picture) in found]
    return {
        "covered": covered,
        "partly": partly,
        "rows": np.array([row for row, _ in found], np.int64),
        "boxes": np.array([box for _, (box, _) in found], np.int64).reshape(-1, 4),
        "lengths": np.array([len(each) for each in coded], np.int64),
        "coded": np.concatenate([np.zeros(0, np.uint8), *coded]),
    }


def _read(stored: Mapping[str, np.ndarray], count: int) -> _Known:
    """What `_written` made of the covers of a motion of `count` rows. Raises ValueError where it is not that."""
    covered, partly, rows, boxes, lengths, coded = (
        stored[name] for name in ("covered", "partly", "rows", "boxes", "lengths", "coded")
    )
    if not (covered.shape == partly.shape == (count,) and len(rows) == len(boxes) == len(lengths)):
        raise ValueError("covers of other rows")
    pictures = np.split(coded, np.cumsum(lengths)[:-1]) if len(lengths) else []
    found = {
        row: ((x0, y0, x1, y1), picture)
        for row, (x0, y0, x1, y1), picture in zip(rows.tolist(), boxes.tolist(), pictures, strict=True)
    }
    return covered, partly, Covers(found)
