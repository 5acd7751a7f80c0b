"""What the faces of tracks look like to the recognizer: a few frames of each track are decoded once more for it."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from dubtool.media.decode import VideoReader
from dubtool.media.probe import MediaInfo
from dubtool.tracking.cache import keep_arrays, kept_arrays, tracks_file
from dubtool.tracking.head_form import HeadForm
from dubtool.tracking.occlusion import covered_rows
from dubtool.tracking.recognizer import VECTOR_SIZE, WEIGHTS, FaceRecognizer, aligned_face, unit
from dubtool.tracking.track import FaceTrack
from dubtool.tracking.track_video import FramePicture
from dubtool.weights.locate import find

# Faces of a track that are looked at, and those among which they are chosen: the least turned, and not covered.
_LOOKED_AT, _TRIED = 4, 12
_SETTINGS = "sface-8bit look-4 v1"


def track_vectors(info: MediaInfo, faces: Sequence[FaceTrack], form: HeadForm, *, use_cache: bool = True) -> np.ndarray:
    """One unit vector for each track, float32 [N, 128]: the mean over some of its faces.

    Kept beside the tracks, under the content's hash.

    Raises:
        InputError: the video cannot be read. WeightsError: the recognizer's file is not usable.
    """
    rows = [_best_rows(face, form) for face in faces]
    asked = [
        array[row].tobytes() for face, row in zip(faces, rows, strict=True) for array in (face.frames, face.anchors)
    ]
    key = hashlib.blake2b(b"".join(asked), digest_size=8).hexdigest()
    store = tracks_file(info.path, f"{_SETTINGS} {key}").with_suffix(".faces.npz")
    known = kept_arrays(store, _vectors) if use_cache else None
    if known is None or len(known) != len(faces):
        known = _looked_up(info, faces, rows)
        if use_cache:
            keep_arrays(store, {"vectors": known})
    return known


def _best_rows(face: FaceTrack, form: HeadForm) -> np.ndarray:
    """Rows of the track that show the face best, rising."""
    rows = np.unique(np.linspace(0, len(face.frames) - 1, _TRIED + 2).astype(int))
    # At its ends a track may show half of a dissolve.
    rows = rows[1:-1] if len(rows) > 2 else rows
    _, yaw = form.vectors(face.points(rows))
    cost = np.abs(yaw) + 90.0 * covered_rows(face)[rows]
    return np.sort(rows[np.argsort(cost, kind="stable")[:_LOOKED_AT]])


def _looked_up(info: MediaInfo, faces: Sequence[FaceTrack], rows: Sequence[np.ndarray]) -> np.ndarray:
    asked: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for number, (face, chosen) in enumerate(zip(faces, rows, strict=True)):
        for row in chosen.tolist():
            asked[int(face.frames[row])].append((number, row))
    recognizer = FaceRecognizer(find(WEIGHTS))
    sums = np.zeros((len(faces), VECTOR_SIZE), np.float32)
    for frame in VideoReader(info).frames(sorted(asked)):
        picture = FramePicture(frame)
        here = asked[frame.index]
        crops = [aligned_face(picture, faces[number].points(np.array([row]))[0]) for number, row in here]
        for (number, _), vector in zip(here, recognizer.vectors(np.stack(crops)), strict=True):
            sums[number] += vector
    return unit(sums)


def _vectors(stored: np.lib.npyio.NpzFile) -> np.ndarray:
    vectors = np.asarray(stored["vectors"], np.float32)
    if vectors.ndim != 2 or vectors.shape[1] != VECTOR_SIZE or not np.isfinite(vectors).all():
        raise ValueError("no vectors of faces")
    return vectors
