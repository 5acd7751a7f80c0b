"""What is drawn into film without colours gets none of its own."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from dubtool.face.tint import tinted

SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])


def _soft(seed: int, low: float, high: float) -> np.ndarray:
    """A smooth picture float32 [96, 80, 3] with colours."""
    noise = np.random.default_rng(seed).uniform(0, 1, (96, 80, 3)).astype(np.float32)
    picture = cv2.GaussianBlur(noise, (0, 0), 5)
    picture = (picture - picture.min()) / np.ptp(picture)
    return np.asarray(low + (high - low) * picture, np.float32)


def _gray(picture: np.ndarray) -> np.ndarray:
    return np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2)


def _aged(picture: np.ndarray) -> np.ndarray:
    """Sepia, with the highlights clipped as filters do."""
    return np.rint(np.clip(picture @ SEPIA.T, 0, 255)).astype(np.float32)


def test_black_and_white_stays_so() -> None:
    made = tinted(_soft(1, 20, 230), _gray(_soft(2, 20, 230)))
    assert np.ptp(made, axis=2).max() < 0.01
    assert made.std() > 10, "its brightness is its own"


@pytest.mark.parametrize("high", [160, 240])
def test_sepia_keeps_its_tint(high: float) -> None:
    """Also where it is noisy and its highlights are clipped."""
    source = _aged(_soft(2, 10, high))
    source += np.random.default_rng(4).normal(0, 1.5, source.shape).astype(np.float32)
    made = tinted(_soft(1, 40, 0.7 * high), source)
    wanted = _aged(_gray(np.linspace(10, high, 500)[:, None, None].repeat(3, axis=2)))[:, 0]
    luma = np.array([0.2126, 0.7152, 0.0722])
    expected = np.stack([np.interp(made @ luma, wanted @ luma, wanted[:, channel]) for channel in range(3)], axis=2)
    assert np.abs(made - expected).mean() < 1.5
    assert np.percentile(np.abs(made - expected), 99) < 6


@pytest.mark.parametrize(("low", "high"), [(70, 130), (3, 23)])
def test_what_stands_in_colours_is_left_alone(low: float, high: float) -> None:
    """Pale ones, and ones that a fade to black has left little of."""
    made = _soft(1, 20, 230)
    pale = 0.5 * _soft(2, low, high) + 0.5 * _gray(_soft(2, low, high))
    assert tinted(made, pale) is made


def test_a_picture_of_one_pixel_is_no_hindrance() -> None:
    made = np.array([[[200.0, 20, 20]]], np.float32)
    assert np.ptp(tinted(made, np.full((1, 1, 3), 50, np.float32))) < 0.01
