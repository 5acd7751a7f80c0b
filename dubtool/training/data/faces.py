"""Square face crops with all landmarks, what a reenactment network learns from: from the corpus to disk, and back.

faces/NAME holds pictures.npy, the JPEG files of some frames one after the other; landmarks.npy, float32 [N, 478, 3] in
crop px (z in the same unit); and meta.npz. The crop stands still for the whole clip, so that a face moves before its
background as it does in the video, and has a margin for small turns and shifts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from dubtool.face.crop import warp
from dubtool.face.picture import RgbPicture
from dubtool.face.portrait_crop import portrait_crop
from dubtool.face.topology import tracked
from dubtool.media.decode import VideoReader
from dubtool.tracking.landmarks import CROP_MARGIN, FaceLandmarker, Roi
from dubtool.training.data.preparation import prepare_each
from dubtool.training.data.tracking import TrackedClip

FACES = "faces"
LEAST_FACE = 90.0
# Of the frames so many are kept, but never more than _MOST: neighbours teach the same.
_SHARE, _MOST = 0.4, 40
_LARGEST_SIDE = 256
_MARGIN = 0.1
_QUALITY = 95


@dataclass(frozen=True)
class FaceClip:
    """One prepared clip; pictures are read from disk as needed.

    landmarks: float32 [N, 478, 3] in crop px. side: of the portrait crop inside, which has `pad` px around.
    """

    name: str
    person: str
    landmarks: np.ndarray
    side: int
    pad: int
    pictures: np.ndarray
    offsets: np.ndarray

    def picture(self, row: int) -> np.ndarray:
        """The crop uint8 [S, S, 3] of a row, S = side + 2 pad."""
        data = np.asarray(self.pictures[self.offsets[row] : self.offsets[row + 1]])
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[..., ::-1]


def load_faces(folder: Path, split: str) -> list[FaceClip]:
    """All prepared clips of a split ("train" or "val")."""
    clips = []
    for meta in sorted(folder.glob("*/meta.npz")):
        with np.load(meta) as stored:
            if str(stored["split"]) != split:
                continue
            clips.append(
                FaceClip(
                    meta.parent.name,
                    str(stored["identity"]),
                    np.load(meta.parent / "landmarks.npy", mmap_mode="r"),
                    int(stored["side"]),
                    int(stored["pad"]),
                    np.load(meta.parent / "pictures.npy", mmap_mode="r"),
                    stored["offsets"],
                )
            )
    return clips


def _write(tracked_video: TrackedClip, person: str, split: str, part: Path, landmarker: FaceLandmarker) -> None:
    """One clip; nothing where the face is too small."""
    crops = _crops(tracked_video, landmarker)
    if crops is None:
        return
    part.mkdir()
    np.save(part / "pictures.npy", np.concatenate(crops.pictures))
    np.save(part / "landmarks.npy", np.stack(crops.landmarks))
    offsets = np.cumsum([0, *map(len, crops.pictures)])
    np.savez(part / "meta.npz", side=crops.side, pad=crops.pad, offsets=offsets, identity=person, split=split)


# Prepares the faces of every video of a corpus; further arguments and errors are those of `prepare_each`.
prepare_faces = partial(prepare_each, FACES, "", _write)


@dataclass(frozen=True)
class _Crops:
    """Of one clip: JPEG files, and landmarks [478, 3] of each."""

    side: int
    pad: int
    pictures: list[np.ndarray]
    landmarks: list[np.ndarray]


def _crops(tracked_video: TrackedClip, landmarker: FaceLandmarker) -> _Crops | None:
    """The crops of a clip whose face is large enough, else None."""
    face = tracked_video.face
    if face.size < LEAST_FACE:
        return None
    count = min(_MOST, max(2, round(_SHARE * len(face.frames))))
    rows = np.unique(np.linspace(0, len(face.frames) - 1, count).round().astype(int))
    points = face.points(rows)
    median = np.median(points, axis=0)
    side = min(_LARGEST_SIDE, round(1 / abs(portrait_crop(median, 1, tracked_video.pixel_aspect)[1, 1])))
    pad = round(_MARGIN * side)
    matrix = portrait_crop(median, side, tracked_video.pixel_aspect)
    matrix[:, 2] += pad
    eyes = points[:, tracked((263,))[0], :2] - points[:, tracked((33,))[0], :2]
    rois = {
        int(face.frames[row]): Roi(float(x), float(y), float(size) * CROP_MARGIN, float(np.arctan2(dy, dx)))
        for row, (x, y, size), (dx, dy) in zip(rows, face.anchors[rows], eyes, strict=True)
    }
    pictures, landmarks = [], []
    for frame in VideoReader(tracked_video.info, threads=1):
        roi = rois.get(frame.index)
        if roi is None:
            continue
        rgb = frame.rgb()
        mesh = landmarker.landmarks(RgbPicture(rgb), roi)
        if mesh is None:
            continue
        mesh[:, :2] = mesh[:, :2] @ matrix[:, :2].T + matrix[:, 2]
        mesh[:, 2] *= matrix[1, 1]
        crop = cv2.cvtColor(warp(rgb, matrix, side + 2 * pad, side + 2 * pad), cv2.COLOR_RGB2BGR)
        pictures.append(cv2.imencode(".jpg", crop, (cv2.IMWRITE_JPEG_QUALITY, _QUALITY))[1].ravel())
        landmarks.append(mesh)
    return _Crops(side, pad, pictures, landmarks) if len(landmarks) > 1 else None
