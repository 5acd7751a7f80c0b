"""The contact sheet of `--debug`: per frame what was seen, asked for, made and blended."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import cv2
import numpy as np

from dubtool.media.encode import save
from dubtool.media.frame import Frame
from dubtool.provenance.png import with_xmp
from dubtool.provenance.xmp import packet

_TILE = 240
# How many `work_tiles` gives.
TILES = 3


class ContactSheet:
    """Rows of tiles: frame before, what the job shows of its work, frame after."""

    def __init__(self, numbers: Collection[int]) -> None:
        self._numbers = numbers
        self._rows: dict[int, np.ndarray] = {}

    def wants(self, number: int) -> bool:
        return number in self._numbers

    def add(self, number: int, before: Frame, tiles: Sequence[np.ndarray], after: Frame) -> None:
        """tiles: uint8 [H, W, 3] each, as many for every frame."""
        row = np.concatenate([_tile(picture) for picture in (before.rgb(), *tiles, after.rgb())], axis=1)
        cv2.putText(row, str(number), (6, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 0), 1, cv2.LINE_AA)
        self._rows[number] = row

    def save(self, path: Path, *, overwrite: bool, description: str) -> None:
        """Write the sheet as PNG, marked as synthetic by this line. Raises OutputError, or UsageError where it exists
        and may not be replaced."""
        if not self._rows:
            return
        sheet = np.concatenate([self._rows[number] for number in sorted(self._rows)], axis=0)
        _, data = cv2.imencode(".png", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
        save(path, with_xmp(data.tobytes(), packet(description)), overwrite=overwrite)


def work_tiles(crop: np.ndarray, drawing: np.ndarray | None, made: np.ndarray, mask: np.ndarray) -> list[np.ndarray]:
    """Tiles of one made mouth: the crop with what was asked for drawn on it, the made picture, the mask.

    crop, made: [H, W, 3], 0..255; drawing: uint8 [H, W, 3] or None; mask: [H, W] in 0..1.
    """
    marked = crop.copy() if drawing is None else np.maximum(crop // 2, drawing)
    weights = np.repeat((mask * 255)[..., None], 3, 2).astype(np.uint8)
    return [marked, np.clip(made, 0, 255).astype(np.uint8), weights]


def marked(crop: np.ndarray, points: np.ndarray) -> np.ndarray:
    """A crop uint8 [S, S, 3], darkened, with points [N, 2 or more] px on it."""
    shown = crop // 2
    for x, y in np.rint(points[:, :2]).astype(int).tolist():
        cv2.circle(shown, (x, y), max(1, len(crop) // 256), (120, 255, 120), -1, cv2.LINE_AA)
    return shown


def _tile(picture: np.ndarray) -> np.ndarray:
    """The picture within a square tile, its shape kept."""
    scale = _TILE / max(picture.shape[:2])
    width, height = (max(1, round(side * scale)) for side in picture.shape[1::-1])
    tile = np.zeros((_TILE, _TILE, 3), np.uint8)
    left, top = (_TILE - width) // 2, (_TILE - height) // 2
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    tile[top : top + height, left : left + width] = cv2.resize(picture, (width, height), interpolation=how)
    return tile
