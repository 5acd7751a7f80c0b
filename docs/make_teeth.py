"""Draws docs/teeth.jpg: the example as a tool of 96 px leaves its lower face, and restored without and with the source.

`python docs/make_teeth.py`
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

import dubtool
from dubtool.face.crop import apply
from dubtool.face.shape import ShapeModel
from dubtool.jobs.shared.frame_stream import crop_of
from dubtool.media.decode import VideoReader
from dubtool.media.encode import VideoWriter
from dubtool.media.frame import Frame
from dubtool.media.probe import probe
from dubtool.media.sampling import Box
from dubtool.tracking.person import Chosen, chosen_person
from dubtool.tracking.track_video import track_video
from dubtool.weights import find

HERE = Path(__file__).parent
EXAMPLE = HERE.parent / "examples" / "portrait.mp4"
_FRAMES, _SHOWN = range(40, 65), (10, 14)
_GENERATED, _SIDE = 96, 360
# A tool's box in the unit crop: from the nose down, a little wider than the face.
_BOX = np.array([(-1.05, 0.1), (1.05, 0.1), (1.05, 2.2), (-1.05, 2.2)])


def main() -> None:
    info = replace(probe(EXAMPLE), audio=(), other_streams=(), chapters=(), metadata={})
    tracked = track_video(info)
    person = chosen_person(info, tracked, "largest", ShapeModel.load(find("face_shape")))
    rows = person.motion.rows(tracked.tracks.frame_count)
    with tempfile.TemporaryDirectory() as place:
        made, network, own = (Path(place) / f"{name}.mkv" for name in ("made", "network", "own"))
        with VideoWriter(made, info, lossless=True, preset="ultrafast") as writer:
            for number, frame in zip(_FRAMES, VideoReader(info).frames(list(_FRAMES)), strict=True):
                box = _box(person, int(rows[number]))
                writer.write(_drawn(frame, box), (frame.time - tracked.times[_FRAMES.start]), frame.duration)
        dubtool.restore_teeth(made, network, codec="ffv1")
        dubtool.restore_teeth(made, own, source=EXAMPLE, codec="ffv1")
        columns = []
        for path, start in ((EXAMPLE, _FRAMES.start), (made, 0), (network, 0), (own, 0)):
            frames = VideoReader(probe(path)).frames([start + number for number in _SHOWN])
            columns.append(
                np.vstack(
                    [
                        _face(frame, person, int(rows[_FRAMES.start + number]))
                        for number, frame in zip(_SHOWN, frames, strict=True)
                    ]
                )
            )
    picture = np.hstack(columns)
    cv2.imwrite(str(HERE / "teeth.jpg"), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])


def _box(person: Chosen, row: int) -> Box:
    corners = apply(cv2.invertAffineTransform(person.motion.unit[row])[None], _BOX[None])[0]
    (x0, y0), (x1, y1) = corners.min(axis=0).round().astype(int), corners.max(axis=0).round().astype(int)
    return int(x0), int(y0), int(x1), int(y1)


def _drawn(frame: Frame, box: Box) -> Frame:
    """The frame with the box as a tool leaves it: through 96 px, blurred, its edge feathered."""
    picture = frame.rgb(box).astype(np.float32)
    height, width = picture.shape[:2]
    small = cv2.resize(picture, (_GENERATED, _GENERATED), interpolation=cv2.INTER_AREA)
    soft = cv2.resize(cv2.GaussianBlur(small, (0, 0), 0.6), (width, height), interpolation=cv2.INTER_CUBIC)
    ramps = [np.clip(np.minimum(np.arange(n), np.arange(n)[::-1]) / (0.06 * n), 0, 1) for n in (height, width)]
    frame.add_rgb(box, (soft - picture) * np.outer(*ramps)[..., None])
    return frame


def _face(frame: Frame, person: Chosen, row: int) -> np.ndarray:
    matrix = person.motion.unit[row] * (_SIDE / 2.6)
    matrix[:, 2] += (_SIDE / 2, 0.05 * _SIDE)
    return crop_of(frame, matrix, _SIDE, _SIDE)


if __name__ == "__main__":
    main()
