"""What a head and its surroundings look like, in a few coarse cells: whether a face changed its form or its owner.

A grimace changes the form of a head (`head_form`), and leaves hair, clothes and backdrop as they were. Where one person
follows another these change, even before the same backdrop.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

CELLS = 8
# The square that is looked at, over the face's size: hair and shoulders are in it.
_REACH = 3.0
# Pixels of a cell, along a side.
_FINE = 4
# Lightness (L of Lab, 0..255) below which lips cannot be told from skin.
_DARK = 56.0
# The cells of mouth and chin, and how far one of them must be from what it mostly is, in Lab of 255: nine of ten looks
# at people who speak stay within 10, a bar of a sixth of the face's width or a caption makes 13 to 46. Of people who
# turn about it takes more: so many times what they mostly are.
_CHIN = slice(4, 6), slice(3, 5)
_UNUSUAL, _TIMES = 12.0, 2.5
# Of the contrast that a person mostly has: in a fade less is left where the face can still be followed.
_FADED = 0.5
# The cells of eyes and nose, and how far they are off in another light, in Lab of 255: eight people who speak stay
# within 10, and within 20 where one turns far.
_UPPER, _OTHER_LIGHT = (slice(3, 4), slice(3, 5)), 20.0
# Fewer cells that both have in the picture tell nothing.
_LEAST_CELLS = 10
# How far looks may be moved over each other, in cells: the middle of a face moves within its head when that turns.
_MOVED = (-1.0, -0.5, 0.0, 0.5, 1.0)


def head_look(rgb: np.ndarray, x: float, y: float, size: float) -> np.ndarray:
    """The cells around a face, uint8 [CELLS, CELLS, 3] in Lab; all 0 where they lie beyond the picture.

    rgb: uint8 [H, W, 3]. x, y, size: of the face, in its px.
    """
    side = _REACH * size
    fine = CELLS * _FINE
    height, width = rgb.shape[:2]
    scale = min(fine / side, 1.0)
    shrunken = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(rgb, shrunken, interpolation=cv2.INTER_AREA) if scale < 1 else rgb
    step = np.array([fine / side * width / small.shape[1], fine / side * height / small.shape[0]])
    # Pixel centres are at integers in both, and edges half a pixel beyond.
    low = np.array([x, y]) + 0.5 - side / 2
    offset = -low * fine / side + step / 2 - 0.5
    matrix = np.column_stack([np.diag(step), offset])
    crop = cv2.warpAffine(small, matrix, (fine, fine), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    lab = cv2.cvtColor(cv2.resize(crop, (CELLS, CELLS), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2LAB)
    middles = low[:, None] + (np.arange(CELLS) + 0.5) * side / CELLS
    within = (middles >= 0) & (middles <= np.array([[width], [height]]))
    return np.asarray(np.where((within[1][:, None] & within[0])[..., None], np.maximum(lab, 1), 0), np.uint8)


def dark_rows(looks: np.ndarray) -> np.ndarray:
    """Rows in which the face itself lies in the dark, bool [N], by looks [N, CELLS, CELLS, 3]; rows without a look are
    as the nearest that has one."""
    middle = looks[:, CELLS // 2 - 1 : CELLS // 2 + 1, CELLS // 2 - 1 : CELLS // 2 + 1, 0].reshape(len(looks), -1)
    known = np.flatnonzero((middle > 0).all(axis=1))
    if len(known) == 0:
        return np.zeros(len(looks), bool)
    after = np.clip(np.searchsorted(known, np.arange(len(looks))), 1, max(len(known) - 1, 1))
    pair = known[np.minimum(np.stack([after - 1, after]), len(known) - 1)]
    nearest = pair[np.abs(pair - np.arange(len(looks))).argmin(axis=0), np.arange(len(looks))]
    return np.asarray(middle[nearest].mean(axis=1) < _DARK)


def relit_rows(looks: np.ndarray) -> np.ndarray:
    """Rows in which the light is another one or a fade has taken most of the contrast, bool [N], by looks [N, CELLS,
    CELLS, 3]: that a mouth looks unusual there says nothing of what is before it. Rows without a look are as those
    beside them."""
    lightness = np.where(looks[..., 0] > 0, looks[..., 0].astype(np.float32), np.nan).reshape(len(looks), -1)
    known = np.flatnonzero(np.isfinite(lightness).sum(axis=1) >= _LEAST_CELLS)
    faded = np.zeros(len(looks), bool)
    if len(known) == 0:
        return faded
    contrast = np.nanstd(lightness[known], axis=1)
    upper = looks[known][:, _UPPER[0], _UPPER[1]].reshape(len(known), -1, 3).mean(axis=1)
    other = np.linalg.norm(upper - np.median(upper, axis=0), axis=1) > _OTHER_LIGHT
    faded[known] = (contrast < _FADED * float(np.median(contrast))) | other
    return _beside(faded)


def chin_changed(look: np.ndarray, other: np.ndarray) -> bool:
    """Whether mouth and chin look otherwise in one look [CELLS, CELLS, 3] than in another: something may be before
    them in one of the two."""
    chins = (each[_CHIN].astype(np.int16) for each in (look, other))
    return bool(np.abs(np.subtract(*chins)).max() > _UNUSUAL)


def unusual_chins(looks: np.ndarray) -> np.ndarray:
    """Rows whose mouth and chin look unlike they mostly do, bool [N], by looks [N, CELLS, CELLS, 3]: something may be
    before them. Rows without a look are as those beside them."""
    chins = looks[:, _CHIN[0], _CHIN[1]].reshape(len(looks), -1, 3).astype(np.float32)
    known = np.flatnonzero((chins > 0).any(axis=(1, 2)))
    unusual = np.zeros(len(looks), bool)
    if len(known) == 0:
        return unusual
    apart = np.abs(chins[known] - np.median(chins[known], axis=0)).max(axis=(1, 2))
    unusual[known] = apart > max(_UNUSUAL, _TIMES * float(np.median(apart)))
    return _beside(unusual)


def _beside(found: np.ndarray) -> np.ndarray:
    """Rows bool [N] and those beside them: one look in two frames is taken, and what was there before or is there after
    may be there between."""
    wide = found.copy()
    wide[1:] |= found[:-1]
    wide[:-1] |= found[1:]
    return wide


@dataclass(frozen=True)
class MeanLook:
    """The mean of each cell float64 [CELLS, CELLS, 3], and of which there is any, bool [CELLS, CELLS]."""

    cells: np.ndarray
    known: np.ndarray

    def moved(self, x: float, y: float) -> MeanLook:
        """Moved by so many cells."""
        matrix, size = np.array([[1.0, 0.0, x], [0.0, 1.0, y]]), (CELLS, CELLS)
        cells, known = (cv2.warpAffine(each.astype(np.float32), matrix, size) for each in (self.cells, self.known))
        return MeanLook(cells, known > 1 - 1e-3)


def mean_look(looks: np.ndarray) -> MeanLook:
    """The mean of looks [N, CELLS, CELLS, 3], each cell over the rows that have it."""
    seen = (looks > 0).any(axis=-1)
    count = seen.sum(axis=0)
    return MeanLook(looks.sum(axis=0, dtype=np.float64) / np.maximum(count, 1)[..., None], count > 0)


def look_likeness(one: MeanLook, other: MeanLook) -> float | None:
    """Correlation of two looks, -1..1, light and contrast aside; None where too little is known of them."""
    both = one.known & other.known
    if both.sum() < _LEAST_CELLS:
        return None
    a, b = (each.cells[both] - each.cells[both].mean(axis=0) for each in (one, other))
    # What is flat looks like anything flat.
    scale = max(float(np.sqrt((a * a).sum() * (b * b).sum())), 1.0)
    return float((a * b).sum()) / scale


def moved_likeness(one: MeanLook, other: MeanLook) -> float | None:
    """`look_likeness` of looks that are moved over each other until they fit best: of heads that turned."""
    moves = [(x / 2, y / 2) for x in _MOVED for y in _MOVED]
    # Half of the way each: both are interpolated alike.
    found = [look_likeness(one.moved(x, y), other.moved(-x, -y)) for x, y in moves]
    return max((each for each in found if each is not None), default=None)
