"""Writing prepared clips: crops, mouth shapes and speech states of one video, in the layout that `clips` reads."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dubtool.errors import OutputError
from dubtool.face.crop import CropSize, to_pixels, warp
from dubtool.face.shape import ShapeModel
from dubtool.media.decode import VideoReader
from dubtool.tracking.motion import FaceMotion, face_motion
from dubtool.training.data.tracking import TrackedClip

# (mouth box, margin, least size of the mouth in the picture), px: a crop keeps what the picture has, and little more.
_SIZES = ((160, 12, 115.0), (96, 8, 0.0))
LEAST_NATURAL = 32.0


@dataclass(frozen=True)
class Look:
    """One video's rows of its person's motion. rest: [55, 3]; rows: into `motion`; natural: float64 [N], side of the
    mouth box in picture px."""

    tracked_video: TrackedClip
    motion: FaceMotion
    rows: np.ndarray

    @property
    def times(self) -> np.ndarray:
        """Of the frames, seconds from the video's first one: float64 [N]."""
        return self.tracked_video.times[self.tracked_video.face.frames]

    @property
    def opening(self) -> np.ndarray:
        return self.motion.opening[self.rows]

    @property
    def natural(self) -> np.ndarray:
        return 2 / np.sqrt(np.abs(np.linalg.det(self.motion.unit[self.rows, :, :2])))

    def unfit(self) -> str:
        """Why nothing can be learned from it, or ""."""
        natural = float(np.median(self.natural))
        if natural < LEAST_NATURAL:
            return f"the face is too small: a mouth box of {natural:.0f} px, {LEAST_NATURAL:.0f} is the least"
        return ""


def looks(group: Sequence[TrackedClip], model: ShapeModel) -> list[Look]:
    """The motion of one person through some videos, with one mouth at rest for all of them."""
    tracks = [tracked_video.face for tracked_video in group]
    lengths = [len(track.frames) for track in tracks]
    motion = face_motion(tracks, model, np.zeros(sum(lengths), bool), pixel_aspect=group[0].pixel_aspect)
    edges = np.cumsum([0, *lengths])
    return [
        Look(tracked_video, motion, np.arange(start, start + length))
        for tracked_video, start, length in zip(group, edges, lengths, strict=False)
    ]


def write_clip(
    folder: Path,
    part: Path,
    look: Look,
    model: ShapeModel,
    *,
    person: str,
    split: str,
    use: str,
    lag: int,
    sync: np.ndarray,
) -> None:
    """Complete `part`, which may hold `states.npz` already, and move it to `folder`: whole, or not at all.

    sync: the curve that `sync_check` found, float [21], NaN if there is no sound.

    Raises:
        OutputError: it cannot be written.
    """
    motion, rows = look.motion, look.rows
    natural = look.natural
    size, pad = next((size, pad) for size, pad, least in _SIZES if np.median(natural) > least)
    meta = {
        "mouth": motion.mouths_in_crop(model, motion.coefficients[rows], rows).astype(np.float32),
        "coef": motion.coefficients[rows],
        "rest": motion.rest,
        "frames": look.tracked_video.face.frames,
        "times": look.times,
        "angles": motion.angles[rows],
        "size": size,
        "pad": pad,
        "natural": natural,
        "identity": person,
        "split": split,
        "use": use,
        "lag": float(lag),
        "sync": sync,
    }
    try:
        part.mkdir(parents=True, exist_ok=True)
        _write_crops(part / "crops.npy", look, CropSize(size), pad)
        np.savez(part / "meta.npz", **meta)
        folder.parent.mkdir(parents=True, exist_ok=True)
        part.replace(folder)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise OutputError(f"{folder}: cannot be written ({error.strerror or error})") from error


def _write_crops(path: Path, look: Look, size: CropSize, pad: int) -> None:
    """Crops uint8 [N, H + 2 pad, W + 2 pad, 3], straight to disk: a clip may be longer than memory."""
    matrices = to_pixels(look.motion.unit[look.rows].copy(), size)
    matrices[:, :, 2] += pad
    height, width = size.height + 2 * pad, size.width + 2 * pad
    crops = np.lib.format.open_memmap(path, "w+", np.uint8, (len(look.rows), height, width, 3))
    wanted = {int(frame): row for row, frame in enumerate(look.tracked_video.face.frames)}
    for frame in VideoReader(look.tracked_video.info, threads=1):
        row = wanted.get(frame.index)
        if row is not None:
            crops[row] = warp(frame.rgb(), matrices[row], width, height)
    crops.flush()
