"""Sharp lower faces made as poor as tools make them that generate the whole of it at 96, 128 or 256 px and enlarge it.

Beside what `degradation` does to lips: a box with an edge, another colour in it, ghosts of neighbouring mouths (a
generator is unsure, and gives the mean), skin like wax, and sharp films that need nothing. One recipe holds for a whole
clip.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dubtool.training.data.clips import compressed

# A tool's square over the face, in sides of the crop, and the px that it is generated at.
_FACE = (1.4, 2.1)
_GENERATED = (96, 128, 256)
_SHARES = (0.4, 0.3, 0.3)
_ENLARGE = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4, cv2.INTER_AREA)
_WAX, _GHOST, _AGAIN = 0.3, 0.5, 0.4


@dataclass(frozen=True)
class Generated:
    """One time through a tool.

    shrink: how many px of the crop become one. blur: deviation there, px of the small picture. ghost: share of another
    frame that shows through. wax: deviation in levels that an edge-preserving filter takes away, 0 for none. enlarge:
    OpenCV's interpolation. gain [3], offset [3]: of the colours. top, bottom, left, right: of the tool's box, in sides
    of the crop; feather: of its edge, likewise. quality: of JPEG, 1..100, and again after halving the size of `again`.
    """

    shrink: float
    blur: float
    ghost: float
    wax: float
    enlarge: int
    gain: np.ndarray
    offset: np.ndarray
    top: float
    bottom: float
    left: float
    right: float
    feather: float
    quality: int
    again: int


def draw_generated(rng: np.random.Generator, side: int) -> Generated:
    """A tool of chance, for crops of `side` px."""
    pixels = int(rng.choice(_GENERATED, p=_SHARES))
    return Generated(
        shrink=max(1.0, rng.uniform(*_FACE) * side / pixels),
        blur=rng.uniform(0.0, 1.0),
        ghost=rng.uniform(0.15, 0.5) if rng.random() < _GHOST else 0.0,
        wax=rng.uniform(8, 40) if rng.random() < _WAX else 0.0,
        enlarge=int(rng.choice(_ENLARGE)),
        gain=1 + rng.normal(0, 0.006, 3),
        offset=rng.normal(0, 0.6, 3),
        top=rng.uniform(-0.3, 0.3),
        bottom=rng.uniform(0.85, 1.3),
        left=rng.uniform(-0.3, 0.1),
        right=rng.uniform(0.9, 1.3),
        feather=rng.uniform(0.005, 0.12),
        quality=int(rng.integers(45, 98)),
        again=int(rng.integers(40, 95)) if rng.random() < _AGAIN else 0,
    )


def generate(crop: np.ndarray, ghost: np.ndarray | None, recipe: Generated | None) -> np.ndarray:
    """The crop uint8 [S, S, 3] as the tool shows it; without a recipe as it is. ghost: another frame's crop."""
    if recipe is None:
        return crop
    side = len(crop)
    small = max(16, round(side / recipe.shrink))
    made: np.ndarray = crop.astype(np.float32)
    if ghost is not None and recipe.ghost:
        made += np.float32(recipe.ghost) * (ghost - made)
    made = cv2.resize(made, (small, small), interpolation=cv2.INTER_AREA)
    if recipe.blur > 0.1:
        made = cv2.GaussianBlur(made, (0, 0), recipe.blur)
    if recipe.wax:
        made = cv2.bilateralFilter(made, 5, recipe.wax, 2.0)
    made = cv2.resize(made, (side, side), interpolation=recipe.enlarge)
    made = made * recipe.gain.astype(np.float32) + recipe.offset.astype(np.float32)
    inside = _box(recipe, side)[..., None]
    shown = crop + inside * (made - crop)
    shown = np.clip(np.rint(shown), 0, 255).astype(np.uint8)
    shown = compressed(shown, recipe.quality)
    return compressed(shown, recipe.again) if recipe.again else shown


def _box(recipe: Generated, side: int) -> np.ndarray:
    """How much of the tool's picture shows, float32 [S, S]."""
    place = (np.arange(side, dtype=np.float32) + 0.5) / side
    feather = np.float32(recipe.feather)
    down = np.minimum(place - recipe.top, recipe.bottom - place)
    across = np.minimum(place - recipe.left, recipe.right - place)
    return np.outer(*(np.clip(each / feather + 0.5, 0, 1) for each in (down, across))).astype(np.float32)
