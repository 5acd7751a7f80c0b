"""How close a picture is to the true one: PSNR and SSIM."""

from __future__ import annotations

import cv2
import numpy as np

_WINDOW, _SIGMA = 11, 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def psnr(image: np.ndarray, truth: np.ndarray) -> float:
    """Peak signal-to-noise ratio, dB: 10 log10(255^2 / mean((image - truth)^2)); infinite for equal pictures.

    image, truth: [H, W] or [H, W, 3], 0..255, of one shape.
    """
    error = np.mean((image.astype(np.float64) - truth.astype(np.float64)) ** 2)
    return float(10 * np.log10(255.0**2 / error)) if error else float("inf")


def ssim(image: np.ndarray, truth: np.ndarray) -> float:
    """Mean structural similarity, -1..1 (Wang, Bovik, Sheikh, Simoncelli, IEEE TIP 2004, eq. 13 and 17).

    ((2 m_x m_y + C1)(2 s_xy + C2)) / ((m_x^2 + m_y^2 + C1)(s_x^2 + s_y^2 + C2)) with local means m, variances and
    covariance s under an 11 x 11 Gaussian of sigma 1.5, C1 = (0.01 * 255)^2, C2 = (0.03 * 255)^2; averaged over the
    places where the window lies inside the picture, and over the channels.

    image, truth: [H, W] or [H, W, 3], 0..255, of one shape, at least 11 x 11.

    Raises:
        ValueError: the pictures are smaller than the window.
    """
    if min(image.shape[:2]) < _WINDOW:
        raise ValueError(f"SSIM needs pictures of {_WINDOW} x {_WINDOW} px or more, got {image.shape[:2]}")
    x, y = image.astype(np.float64), truth.astype(np.float64)
    mean_x, mean_y = _local_mean(x), _local_mean(y)
    variance_x = _local_mean(x * x) - mean_x**2
    variance_y = _local_mean(y * y) - mean_y**2
    covariance = _local_mean(x * y) - mean_x * mean_y
    likeness = (2 * mean_x * mean_y + _C1) * (2 * covariance + _C2)
    return float(np.mean(likeness / ((mean_x**2 + mean_y**2 + _C1) * (variance_x + variance_y + _C2))))


def _local_mean(values: np.ndarray) -> np.ndarray:
    half = _WINDOW // 2
    blurred = cv2.GaussianBlur(values, (_WINDOW, _WINDOW), _SIGMA)
    return blurred[half:-half, half:-half]
