from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from dubtool.engine.session import Session
from dubtool.metrics.perceptual import Lpips

WEIGHTS = Path(__file__).resolve().parents[2] / "weights" / "lpips_alex.onnx"


@pytest.fixture(scope="module")
def lpips() -> Lpips:
    return Lpips(Session(WEIGHTS, device="cpu", threads=1).run)


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """Discs and lines with a little grain: something with edges."""
    image = np.full((96, 112, 3), 120, np.uint8)
    rng = np.random.default_rng(0)
    for _ in range(30):
        centre, colour = rng.integers(0, 110, 2).tolist(), rng.integers(0, 256, 3).tolist()
        cv2.circle(image, centre, int(rng.integers(3, 15)), colour, -1)
    return np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8)


def test_equal_pictures_are_at_distance_zero(lpips: Lpips, picture: np.ndarray) -> None:
    assert lpips(picture, picture) == 0.0


def test_distance_grows_with_blur(lpips: Lpips, picture: np.ndarray) -> None:
    distances = [lpips(cv2.GaussianBlur(picture, (0, 0), sigma), picture) for sigma in (0.5, 1.0, 2.0, 4.0)]
    assert distances == sorted(distances)
    # What the authors' own implementation gives for these pictures.
    assert distances == pytest.approx([0.0151, 0.1086, 0.2185, 0.3851], abs=1e-3)


def test_distance_is_symmetric(lpips: Lpips, picture: np.ndarray) -> None:
    other = cv2.GaussianBlur(picture, (0, 0), 2.0)
    assert lpips(picture, other) == pytest.approx(lpips(other, picture), rel=1e-5)


def test_a_small_light_change_looks_closer_than_a_blur_of_less_error(lpips: Lpips, picture: np.ndarray) -> None:
    """What sets it apart from PSNR."""
    blurred = cv2.GaussianBlur(picture, (0, 0), 1.0).astype(float)
    error = np.sqrt(np.mean((blurred - picture) ** 2))
    lighter = np.clip(picture + error, 0, 255).astype(np.uint8)
    assert lpips(lighter, picture) < lpips(blurred.astype(np.uint8), picture)


def test_small_pictures_are_enlarged_and_values_scaled() -> None:
    seen: dict[str, np.ndarray] = {}

    def run(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        seen.update(inputs)
        return {"distance": np.array([0.25])}

    white, black = np.full((20, 40, 3), 255, np.uint8), np.zeros((20, 40, 3), np.uint8)
    assert Lpips(run)(white, black) == 0.25
    assert seen["image"].shape == (1, 3, 64, 128)
    assert (seen["image"] == 1.0).all()
    assert (seen["truth"] == -1.0).all()
