"""The picture sheet: real mouths over the dub's mouths at the same words, for eyes to judge."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from dubtool.evaluation.analysed import TrackedSpeaker
from dubtool.evaluation.swapped import Swap
from dubtool.face.crop import warp
from dubtool.media.decode import VideoReader
from dubtool.media.encode import save
from dubtool.media.probe import MediaInfo, probe

_TILE, _COLUMNS, _MARGIN, _HEAD = 176, 8, 64, 26
_CLIPS_A_SHEET = 12
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def sheet_row(swap: Swap, caption: str) -> np.ndarray:
    """One clip's part of the sheet, uint8 RGB: moments spread over the dub, real mouths above, made ones below."""
    real, source = swap.voice.seen, swap.picture.seen
    count = min(len(swap.dub.times), len(source.times))
    moments = np.linspace(0, count - 1, _COLUMNS).round().astype(int)
    same = [int(np.abs(real.times - swap.dub.times[moment]).argmin()) for moment in moments]
    head = np.full((_HEAD, _MARGIN + _TILE * _COLUMNS, 3), 32, np.uint8)
    _write(head, caption, (6, _HEAD - 8))
    rows = [
        _row("real", _mouths(real.info, real, same, same)),
        # The crop follows the source's head: the dub's own lips do not move it.
        _row("dub", _mouths(probe(swap.made), source, moments.tolist(), moments.tolist())),
    ]
    return np.concatenate([head, *rows], axis=0)


def sheets_in(folder: Path) -> list[Path]:
    """What is there under the names that `save_sheets` gives."""
    return sorted(path for path in folder.glob("sheet*.png") if re.fullmatch(r"sheet(-\d+)?\.png", path.name))


def save_sheets(rows: Sequence[np.ndarray], folder: Path, *, overwrite: bool) -> list[Path]:
    """Write the rows as sheet.png, sheet-2.png, ... Raises OutputError, or UsageError where one exists already."""
    paths = []
    for number, start in enumerate(range(0, len(rows), _CLIPS_A_SHEET), start=1):
        picture = np.concatenate(rows[start : start + _CLIPS_A_SHEET], axis=0)
        path = folder / ("sheet.png" if number == 1 else f"sheet-{number}.png")
        _, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        save(path, data.tobytes(), overwrite=overwrite)
        paths.append(path)
    return paths


def _mouths(info: MediaInfo, seen: TrackedSpeaker, frames: list[int], places: list[int]) -> list[np.ndarray]:
    """Mouth boxes of `frames` of a video, enlarged; where the face was not seen the tile is dark."""
    tiles = []
    for frame, place in zip(VideoReader(info).frames(frames), places, strict=True):
        if seen.rows[place] < 0:
            tiles.append(np.zeros((_TILE, _TILE, 3), np.uint8))
        else:
            tiles.append(warp(frame.rgb(), seen.to_mouth(place, _TILE), _TILE, _TILE))
    return tiles


def _row(label: str, tiles: list[np.ndarray]) -> np.ndarray:
    margin = np.full((_TILE, _MARGIN, 3), 32, np.uint8)
    _write(margin, label, (6, _TILE // 2))
    return np.concatenate([margin, *tiles], axis=1)


def _write(picture: np.ndarray, text: str, place: tuple[int, int]) -> None:
    cv2.putText(picture, text, place, _FONT, 0.5, (235, 235, 235), 1, cv2.LINE_AA)
