"""The finish of a made mouth: as sharp and as grainy as the same person's own pictures.

A network's picture is smoother than a camera's, and enlarging it makes it smoother still; a smooth mouth in a grainy
face is what the eye catches first. How much is missing is read from frames of the video at hand.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

# Unsharp masking works on the finest detail that a picture holds, px of the picture.
_SIGMA = 0.8
# Beyond these, edges ring and grain is seen as such.
_MOST_SHARPEN, _MOST_SOFTEN, _MOST_GRAIN = 1.5, -0.6, 2.0
# White noise of deviation 1 gives the Laplacian (kernel 1, 1, -4, 1, 1) this variance.
_NOISE_GAIN = 20.0
# Median absolute value of a normal variable of deviation 1.
_MEDIAN = 0.6745
_INSIDE = 0.9
# Filmed pixels further off than this, in variance of the Laplacian over the source's, are sharpened or softened up to
# it; so much more of the finest noise makes a source grainier than they are.
_NEARLY, _GRAINIER = (0.95, 1.1), 1.25


@dataclass(frozen=True)
class GrainMatch:
    """sharpen: amount of unsharp masking (0: none; below 0: softening).

    grain: deviation of the luma noise, levels of 255.
    """

    sharpen: float = 0.0
    grain: float = 0.0

    def applied(self, picture: np.ndarray, seed: int) -> np.ndarray:
        """The finished picture float32 [h, w, 3] in 0..255; the same seed gives the same grain."""
        if self.sharpen:
            picture = picture + np.float32(self.sharpen) * detail(picture)
        if self.grain:
            noise = np.random.default_rng(seed).standard_normal(picture.shape[:2], np.float32)
            picture = picture + np.float32(self.grain) * noise[..., None]
        return picture


PLAIN = GrainMatch()


@dataclass(frozen=True)
class Compared:
    """A made mouth over its source, both at the picture's resolution: source, made float32 [h, w, 3]; weight [h, w]
    0..1, how much of the made one is to show."""

    source: np.ndarray
    made: np.ndarray
    weight: np.ndarray


def detail(picture: np.ndarray) -> np.ndarray:
    """The finest detail of a picture float32 [h, w, 3]: what a small Gaussian takes away."""
    return picture - cv2.GaussianBlur(picture, (0, 0), _SIGMA)


def matching(pairs: Iterable[Compared], *, filmed: bool = False) -> GrainMatch:
    """The finish that gives made mouths the grain and the variance of the Laplacian of their sources.

    filmed: the mouths are made of filmed pixels, which are sharp and grainy by themselves: then only what is far off is
    brought nearer, and what is too sharp is softened.

    Grain is what the flat parts lack: the median of the absolute Laplacian hardly sees lips and edges (Immerkaer 1996
    reads noise so). Unsharp masking makes up for the rest: the variance of L(made) + a L(detail) is a quadratic in a.
    Both are bounded.
    """
    flat, wanted, quadratic, shown = [], 0.0, np.zeros(3), []
    for pair in pairs:
        inside = pair.weight > _INSIDE
        if not inside.any():
            continue
        weight = pair.weight[..., None]
        own = _laplacian(pair.source)[inside]
        plain = _laplacian(pair.source + weight * (pair.made - pair.source))[inside]
        fine = _laplacian(weight * detail(pair.made))[inside]
        flat.append((np.median(np.abs(own)), np.median(np.abs(plain))))
        wanted += float(own.var())
        covariance = float(np.mean((plain - plain.mean()) * (fine - fine.mean())))
        quadratic += (fine.var(), 2 * covariance, plain.var())
        shown.append(float(np.mean(np.square(pair.weight[inside]))))
    if not flat:
        return PLAIN
    if filmed:
        wanted = float(np.clip(quadratic[2], _NEARLY[0] * wanted, _NEARLY[1] * wanted))
        flat = [(own if own > _GRAINIER * made else made, made) for own, made in flat]
    floors = np.square(np.mean(flat, axis=0) / _MEDIAN)
    grain = float(np.sqrt(np.clip((floors[0] - floors[1]) / _NOISE_GAIN, 0.0, _MOST_GRAIN**2)))
    noise = _NOISE_GAIN * grain**2 * sum(shown)
    return GrainMatch(_amount(quadratic[0], quadratic[1], quadratic[2] + noise - wanted, filmed), grain)


def _amount(a: float, b: float, c: float, soften: bool) -> float:
    """The root of a x^2 + b x + c that is nearest to 0, within what is good; below 0 to soften."""
    if a <= 0 or c == 0:
        return 0.0
    root = (-b + np.sqrt(max(b * b - 4 * a * c, 0.0))) / (2 * a)
    return float(np.clip(root, _MOST_SOFTEN if soften else 0.0, _MOST_SHARPEN))


def _laplacian(picture: np.ndarray) -> np.ndarray:
    return cv2.Laplacian(cv2.cvtColor(picture.astype(np.float32), cv2.COLOR_RGB2GRAY), cv2.CV_32F)
