"""Single pictures: one of a video as a small JPEG, and picture files of all kinds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from dubtool.errors import InputError
from dubtool.folders import temporary_folder
from dubtool.media.ffmpeg import file_url, find_ffmpeg, run_ffmpeg
from dubtool.media.spool import is_pipe

_SECONDS = 60.0
_EXIF = re.compile(rb"(?:Exif\0\0|eXIf|EXIF.{4}(?:Exif\0\0)?)(II\*\0|MM\0\*)", re.DOTALL)
_ORIENTATION = 0x0112
# By EXIF's number: quarter turns counter-clockwise, then whether left and right change places.
_TURNS = {2: (0, True), 3: (2, False), 4: (2, True), 5: (3, True), 6: (3, False), 7: (1, True), 8: (1, False)}


def still(video: Path, time: float, width: int) -> bytes:
    """JPEG of the frame at `time` seconds (the first one after the keyframe before it), `width` px wide, upright.

    Raises:
        OutputError: the video has no such frame, or cannot be read.
    """
    with temporary_folder() as folder:
        target = folder / "still.jpg"
        command = [find_ffmpeg().path, "-loglevel", "error", "-ss", f"{max(time, 0.0):.3f}", "-i", file_url(video)]
        picture = ["-frames:v", "1", "-vf", f"scale={width}:-2", "-q:v", "5", "-update", "1", "-y", file_url(target)]
        run_ffmpeg([*command, "-an", *picture], timeout=_SECONDS)
        return target.read_bytes() if target.exists() else b""


def read_still(path: Path) -> np.ndarray:
    """A picture file (PNG, JPEG, WebP and what else OpenCV reads), upright by its EXIF: RGB uint8 [H, W, 3].

    Grey becomes RGB, 16 bits become 8, and what is transparent shows white. Of an animation the first picture counts.

    Raises:
        InputError: the file cannot be read, or is no such picture.
    """
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder: give a picture file")
        if is_pipe(path):
            raise InputError(f"{path} is a pipe: give a picture file here")
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {(error.strerror or 'unknown reason').lower()}") from error
    if not data:
        raise InputError(f"{path} is empty")
    try:
        raw = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise InputError(f"{path} holds a picture that is damaged or too large to be read") from error
    if raw is None:
        raise InputError(f"{path} is not a picture that can be read: give PNG, JPEG or WebP")
    turns, mirrored = _TURNS.get(_orientation(data), (0, False))
    upright = np.rot90(_eight_bits(raw), turns)
    return np.ascontiguousarray(_over_white(upright[:, ::-1] if mirrored else upright))


def _eight_bits(raw: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 1, 3 or 4] of any depth."""
    if raw.dtype == np.uint16:
        raw = cv2.convertScaleAbs(raw, alpha=1 / 257)
    elif raw.dtype != np.uint8:
        raw = np.clip(np.nan_to_num(raw) * 255, 0, 255).astype(np.uint8)
    return raw.reshape(*raw.shape[:2], -1)


def _over_white(picture: np.ndarray) -> np.ndarray:
    """RGB of grey, BGR, or BGR with alpha (or grey with alpha)."""
    channels = picture.shape[2]
    colours = picture[..., :3][..., ::-1] if channels > 2 else np.repeat(picture[..., :1], 3, axis=2)
    if channels in (1, 3):
        return colours
    alpha = picture[..., -1:].astype(np.float32) / 255
    return np.rint(255 + alpha * (colours.astype(np.float32) - 255)).astype(np.uint8)


def _orientation(data: bytes) -> int:
    """EXIF's orientation, 1 (as it is) where none is told."""
    found = _EXIF.search(data)
    if found is None:
        return 1
    tiff = data[found.start(1) :]
    order: Literal["little", "big"] = "little" if tiff[:2] == b"II" else "big"

    def number(place: int, size: int) -> int:
        return int.from_bytes(tiff[place : place + size], order)

    first = number(4, 4)
    for place in range(first + 2, first + 2 + 12 * min(number(first, 2), 512), 12):
        if number(place, 2) == _ORIENTATION:
            return number(place + 8, 2)
    return 1
