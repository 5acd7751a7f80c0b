"""How sharp a picture is without a true one beside it: the eight measures of HDTR-Net's tables, and the ratio we use.

The formulas are those of the autofocus literature; f is the luma, x the column, y the row. Where the literature sums
over a picture we take the mean over the terms, so that mouths of different sizes compare; ratios are not changed.
For all eight, more is sharper.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from dubtool.metrics.pixels import luma


def brenner(image: np.ndarray) -> float:
    """mean (f(x + 2, y) - f(x, y))^2 (Brenner et al., J. Histochem. Cytochem. 1976)."""
    grey = luma(image)
    return float(np.mean((grey[:, 2:] - grey[:, :-2]) ** 2))


def laplacian(image: np.ndarray) -> float:
    """Variance of the Laplacian, kernel [[0, 1, 0], [1, -4, 1], [0, 1, 0]] (Pech-Pacheco et al., ICPR 2000).

    Taken where the kernel lies inside the picture.
    """
    return float(np.var(_laplace(image)))


def smd(image: np.ndarray) -> float:
    """Sum modulus difference: mean |f(x, y) - f(x, y - 1)| + |f(x, y) - f(x + 1, y)| (Jarvis, Microscope 1976)."""
    down, across = _steps(luma(image))
    return float(np.mean(np.abs(down) + np.abs(across)))


def smd2(image: np.ndarray) -> float:
    """Product of the two modulus differences: mean |f(x, y) - f(x + 1, y)| |f(x, y) - f(x, y + 1)|.

    (Li, Chen, Zhang, "Fast and high sensitivity focusing evaluation function", Application Research of Computers 2010.)
    """
    down, across = _steps(luma(image))
    return float(np.mean(np.abs(down) * np.abs(across)))


def variance(image: np.ndarray) -> float:
    """mean (f(x, y) - mean f)^2 (Groen, Young, Ligthart, Cytometry 1985)."""
    return float(np.var(luma(image)))


def energy(image: np.ndarray) -> float:
    """Energy of the gradient: mean (f(x + 1, y) - f(x, y))^2 + (f(x, y + 1) - f(x, y))^2.

    (Subbarao, Choi, Nikzad, Optical Engineering 1993.)
    """
    down, across = _steps(luma(image))
    return float(np.mean(down**2 + across**2))


def vollath(image: np.ndarray) -> float:
    """Autocorrelation: mean f(x, y) f(x + 1, y) - (mean f)^2 (Vollath's F5, J. Microscopy 1988)."""
    grey = luma(image)
    return float(np.mean(grey[:, :-1] * grey[:, 1:]) - np.mean(grey) ** 2)


def entropy(image: np.ndarray) -> float:
    """Entropy of the 256 grey levels, bits: -sum p log2 p (Firestone et al., Cytometry 1991)."""
    levels = np.bincount(np.rint(luma(image)).astype(np.int64).ravel(), minlength=256)
    shares = levels[levels > 0] / levels.sum()
    return float(-np.sum(shares * np.log2(shares)))


MEASURES: dict[str, Callable[[np.ndarray], float]] = {
    "Brenner": brenner,
    "Laplacian": laplacian,
    "SMD": smd,
    "SMD2": smd2,
    "Variance": variance,
    "Energy": energy,
    "Vollath": vollath,
    "Entropy": entropy,
}


def sharpness_ratio(dub: np.ndarray, source: np.ndarray) -> float:
    """Variance of the Laplacian of the dub's mouth box over the source's: 1.0 is as sharp, less is softer.

    dub, source: the box cut out of both at the source's resolution, [H, W, 3] or [H, W], 0..255. Not a number where
    the source's box is flat.
    """
    base = laplacian(source)
    return laplacian(dub) / base if base else float("nan")


def _steps(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Differences to the row below and to the column on the right, where both exist."""
    return grey[1:, :-1] - grey[:-1, :-1], grey[:-1, 1:] - grey[:-1, :-1]


def _laplace(image: np.ndarray) -> np.ndarray:
    return cv2.Laplacian(luma(image), cv2.CV_64F)[1:-1, 1:-1]
