"""Tracks kept on disk, so that a second run on the same video skips the search for faces."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from dubtool.errors import InputError
from dubtool.face.topology import TRACKED
from dubtool.folders import cache_folder
from dubtool.tracking.head_look import CELLS
from dubtool.tracking.track import FaceTrack, Tracks

log = logging.getLogger(__name__)

# Raise it when the meaning of what is stored changes: older files are then ignored.
_FORMAT = 1
_NAME = "dubtool tracks"
_PER_FACE = ("frames", "quantised", "anchors", "covered")
_LOOKS = "looks"

_MEGABYTE = 2**20
_HASHED_WHOLE = 64 * _MEGABYTE
_SAMPLES = 64

T = TypeVar("T")
Stored = tuple[Tracks, list[Fraction], list[Fraction], int]


def content_hash(path: Path) -> str:
    """Hexadecimal BLAKE2b of a file's size and content, 32 digits.

    All of the content below 64 MB; of larger files the first and the last megabyte and 64 others spread evenly between
    them, so that a film takes no longer than a clip. Two large files of the same size that differ nowhere else would
    be taken for one: edits of a compressed video move its bytes, and change its end or its head.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        size = path.stat().st_size
        digest = hashlib.blake2b(size.to_bytes(8, "little"), digest_size=16)
        with path.open("rb") as file:
            if size < _HASHED_WHOLE:
                while block := file.read(_MEGABYTE):
                    digest.update(block)
            else:
                last = size - _MEGABYTE
                for number in range(_SAMPLES + 2):
                    file.seek(last * number // (_SAMPLES + 1))
                    digest.update(file.read(_MEGABYTE))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {(error.strerror or 'unknown reason').lower()}") from error
    return digest.hexdigest()


def tracks_file(video: Path, settings: str) -> Path:
    """Where the tracks of `video` are kept; `settings` says how they were made. It may not exist.

    Raises:
        InputError: the video cannot be read.
    """
    key = hashlib.blake2b(f"{content_hash(video)} {_FORMAT} {settings}".encode(), digest_size=16).hexdigest()
    return cache_folder() / "tracks" / f"{key}.npz"


def save_tracks(
    path: Path, tracks: Tracks, times: Sequence[Fraction], durations: Sequence[Fraction], decode_failures: int
) -> None:
    """Keep tracks, the times and durations (seconds) of the video's frames, and how many packets of it were damaged;
    whole, or not at all.

    A disk that is full or cannot be written costs the cache, not the job: nothing is raised.
    """
    arrays: dict[str, Any] = {
        "format": np.array(f"{_NAME} {_FORMAT}"),
        "count": np.array([tracks.frame_count, len(tracks.faces), decode_failures], np.int64),
        "cuts": np.array(tracks.cuts, np.int64),
        "times": _ratios(times),
        "durations": _ratios(durations),
        "shots": np.array([face.shot for face in tracks.faces], np.int64),
    }
    for number, face in enumerate(tracks.faces):
        arrays |= {f"{name}_{number}": getattr(face, name) for name in (*_PER_FACE, _LOOKS)}
    keep_arrays(path, arrays)


def keep_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write arrays as `.npz`, whole or not at all; a disk that is full costs the cache, not the job."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=".part")
    except OSError as error:
        log.debug("%s: not kept: %s", path, error)
        return
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **arrays)
        part.replace(path)
    except OSError as error:
        log.debug("%s: not kept: %s", path, error)
    finally:
        part.unlink(missing_ok=True)


def load_tracks(path: Path) -> Stored | None:
    """Tracks, times, durations and damaged packets as they were saved.

    None if the file is not there, damaged or not one of ours.
    """
    return kept_arrays(path, _read)


def kept_arrays(path: Path, read: Callable[[np.lib.npyio.NpzFile], T]) -> T | None:
    """What `read` makes of a file of `keep_arrays`; None if it is not there or damaged, or `read` raises ValueError."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return read(stored)
    except FileNotFoundError:
        return None
    # Whatever a damaged archive raises: what it held can be made again.
    except (
        OSError,
        EOFError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RuntimeError,
        zipfile.BadZipFile,
    ) as error:
        log.debug("%s: not used: %s", path, error)
        return None


def _read(stored: np.lib.npyio.NpzFile) -> Stored:
    if str(stored["format"]) != f"{_NAME} {_FORMAT}":
        raise ValueError("another format")
    # Files from before damage was counted have two numbers; prepared data is full of them.
    frame_count, face_count, decode_failures = (*map(int, stored["count"]), 0)[:3]
    times, durations = _fractions(stored["times"]), _fractions(stored["durations"])
    if len(times) != frame_count or len(durations) != frame_count:
        raise ValueError("times do not fit the frames")
    shots = stored["shots"].tolist()
    faces = []
    for number in range(face_count):
        # Files from before looks were kept have none.
        kept = [name for name in (*_PER_FACE, _LOOKS) if name != _LOOKS or f"{name}_{number}" in stored]
        face = FaceTrack(shot=shots[number], **{name: stored[f"{name}_{number}"] for name in kept})
        _check(face, frame_count)
        faces.append(face)
    return Tracks(faces, frame_count, tuple(int(cut) for cut in stored["cuts"])), times, durations, decode_failures


def _check(face: FaceTrack, frame_count: int) -> None:
    rows = len(face.frames)
    shapes = tuple(getattr(face, name).shape for name in (*_PER_FACE, _LOOKS))
    if shapes != ((rows,), (rows, len(TRACKED), 3), (rows, 3), (rows,), (rows, CELLS, CELLS, 3)):
        raise ValueError(f"arrays of a face do not fit together: {shapes}")
    if rows == 0 or face.frames[0] < 0 or face.frames[-1] >= frame_count or np.any(np.diff(face.frames) <= 0):
        raise ValueError("frames of a face are out of order")


def _ratios(values: Sequence[Fraction]) -> np.ndarray:
    """Exact seconds as int64 [N, 2]: numerators and denominators."""
    return np.array([(value.numerator, value.denominator) for value in values], np.int64).reshape(-1, 2)


def _fractions(ratios: np.ndarray) -> list[Fraction]:
    return [Fraction(numerator, denominator) for numerator, denominator in ratios.tolist()]
