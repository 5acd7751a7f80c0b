"""Sharp mouths made as poor as talking-face tools make them, in two rounds (after Real-ESRGAN, Wang et al. 2021).

A tool draws its faces at a low resolution, enlarges them, puts them back into the picture a little off in colour, and
the video is compressed; what people upload has often been through it twice. One recipe holds for a whole clip, so that
a frame and its reference are degraded alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

_ENLARGE = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)
# How strong a first round is, from a tool nearly as sharp as the camera to one that draws whole faces of 96 px; how
# likely a second round is, and how much weaker it is.
_STRENGTH = (0.25, 1.0)
_AGAIN, _WEAKER = 0.5, 0.5
# The tool's seam, feathered over this share of the crop's height.
_FEATHER = 0.08


@dataclass(frozen=True)
class Round:
    """One time through a tool.

    shrink: how many times smaller the tool draws. enlarge: OpenCV's interpolation. blur: standard deviations across and
    down, px. quality: of JPEG, 1..100. gain [3], offset [3]: of the colours below the seam, which is at this share of
    the crop's height; above it the picture is the camera's.
    """

    shrink: float
    enlarge: int
    blur: tuple[float, float]
    quality: int
    gain: np.ndarray
    offset: np.ndarray
    seam: float


def draw_recipe(rng: np.random.Generator) -> tuple[Round, ...]:
    """One round or two, of chance."""
    seam = rng.uniform(0.05, 0.3)
    strength = rng.uniform(*_STRENGTH)
    rounds = [_draw_round(rng, strength, seam)]
    if rng.random() < _AGAIN:
        rounds.append(_draw_round(rng, _WEAKER * strength, seam))
    return tuple(rounds)


def degrade(crop: np.ndarray, recipe: tuple[Round, ...]) -> np.ndarray:
    """The crop uint8 [S, S, 3] after all rounds of a recipe."""
    for one in recipe:
        crop = _through(crop, one)
    return crop


def _draw_round(rng: np.random.Generator, strength: float, seam: float) -> Round:
    return Round(
        shrink=1 + strength * rng.uniform(0.2, 3.0),
        enlarge=int(rng.choice(_ENLARGE)),
        blur=(strength * rng.uniform(0.2, 1.6), strength * rng.uniform(0.2, 1.6)),
        quality=round(98 - strength * rng.uniform(5, 65)),
        gain=1 + strength * rng.normal(0, 0.03, 3),
        offset=strength * rng.normal(0, 3.0, 3),
        seam=seam,
    )


def _through(crop: np.ndarray, one: Round) -> np.ndarray:
    height, width = crop.shape[:2]
    small = (max(8, round(width / one.shrink)), max(8, round(height / one.shrink)))
    made = cv2.resize(cv2.resize(crop, small, interpolation=cv2.INTER_AREA), (width, height), interpolation=one.enlarge)
    made = cv2.GaussianBlur(made, (0, 0), sigmaX=one.blur[0], sigmaY=one.blur[1])
    shifted = made * one.gain + one.offset
    below = np.clip(((np.arange(height) + 0.5) / height - one.seam) / _FEATHER + 0.5, 0, 1)[:, None, None]
    made = np.clip(np.rint(made + below * (shifted - made)), 0, 255).astype(np.uint8)
    # OpenCV takes the channels for blue, green, red: with red first chroma is coarser in other colours only.
    _, data = cv2.imencode(".jpg", made, (cv2.IMWRITE_JPEG_QUALITY, one.quality))
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
