"""The sheet of a film's people: a few of their faces in a row, and who that is."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from dubtool.face.crop import warp
from dubtool.face.picture import within
from dubtool.media.decode import VideoReader
from dubtool.media.probe import MediaInfo
from dubtool.media.sampling import bounds
from dubtool.tracking.people import Person

_TILES, _SIDE, _HEAD = 4, 160, 26
# Side of a tile over the face's size.
_AROUND = 1.8
# People on the sheet, those seen longest first: of more a list says more than pictures.
_MOST = 40


def people_sheet(info: MediaInfo, persons: Sequence[Person], labels: Sequence[str]) -> np.ndarray:
    """RGB uint8 [H, W, 3]: for each person a line of text above faces from all over the film.

    Of very many people those are shown that are seen longest, in the order of `persons`.
    """
    longest = sorted(range(len(persons)), key=lambda number: -persons[number].frame_count)[:_MOST]
    rows = sorted(longest)
    wanted: dict[int, list[tuple[int, int, np.ndarray]]] = {}
    for row, number in enumerate(rows):
        for column, (index, anchor) in enumerate(_spread(persons[number])):
            wanted.setdefault(index, []).append((row, column, anchor))
    height = _HEAD + _SIDE
    sheet = np.full((height * len(rows), _SIDE * _TILES, 3), 24, np.uint8)
    for frame in VideoReader(info).frames(sorted(wanted)):
        for row, column, anchor in wanted[frame.index]:
            scale = _SIDE / (_AROUND * float(anchor[2]))
            middle = _SIDE / 2 - scale * anchor[:2]
            matrix = np.array([[scale, 0, middle[0]], [0, scale, middle[1]]], np.float64)
            box = bounds(matrix, _SIDE, _SIDE, frame.width, frame.height)
            tile = warp(frame.rgb(box), within(matrix, box), _SIDE, _SIDE)
            top = row * height + _HEAD
            sheet[top : top + _SIDE, column * _SIDE : (column + 1) * _SIDE] = tile
    for row, number in enumerate(rows):
        place = (6, row * height + 18)
        cv2.putText(sheet, labels[number], place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (235, 235, 235), 1, cv2.LINE_AA)
    return sheet


def _spread(person: Person) -> list[tuple[int, np.ndarray]]:
    """Some frames of a person, spread over all in which they are seen, each with the face's place and size [3]."""
    frames = np.concatenate([track.frames for track in person.tracks])
    anchors = np.concatenate([track.anchors for track in person.tracks])
    # Away from the ends, where a dissolve may show half of another.
    rows = np.unique(((np.arange(_TILES) + 0.5) / _TILES * len(frames)).astype(int))
    return [(int(frames[row]), anchors[row]) for row in rows]
