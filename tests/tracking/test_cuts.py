from __future__ import annotations

import numpy as np
import pytest

from dubtool.tracking.cuts import CutDetector


def scene(seed: int, height: int = 90, width: int = 160) -> np.ndarray:
    """A picture of a few coloured blocks, uint8 [H, W, 3]."""
    blocks = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return np.kron(blocks, np.ones((height // 6, width // 8, 1), np.uint8))


def cuts(frames: list[np.ndarray]) -> list[int]:
    detector = CutDetector()
    return [index for index, frame in enumerate(frames) if detector.is_cut(frame)]


def test_a_change_of_picture_is_a_cut_on_its_first_frame() -> None:
    assert cuts([scene(1)] * 10 + [scene(2)] * 10 + [scene(3)] * 5) == [10, 20]


def test_the_first_frame_is_none() -> None:
    assert cuts([scene(1)]) == []


def test_a_still_with_noise_has_none() -> None:
    random = np.random.default_rng(0)
    noisy = [np.clip(scene(1) + random.normal(0, 12, (90, 160, 3)), 0, 255).astype(np.uint8) for _ in range(20)]
    assert cuts(noisy) == []


def test_a_pan_has_none() -> None:
    wide = np.concatenate([scene(1), scene(2)], axis=1)
    assert cuts([wide[:, step * 4 : step * 4 + 160] for step in range(40)]) == []


def test_a_fade_has_none() -> None:
    first, second = scene(1).astype(float), scene(2).astype(float)
    frames = [(first * (1 - share) + second * share).astype(np.uint8) for share in np.linspace(0, 1, 25)]
    assert cuts(frames) == []


def test_each_of_two_cuts_close_together_counts() -> None:
    assert cuts([scene(1)] * 10 + [scene(2)] * 2 + [scene(3)] * 10) == [10, 12]


def test_steady_flicker_is_not_a_row_of_cuts() -> None:
    bright, dark = scene(1), (scene(1) * 0.35).astype(np.uint8)
    assert len(cuts([bright, dark] * 12)) <= 2


@pytest.mark.parametrize("shape", [(9, 16), (48, 27), (1080, 64)])
def test_any_size_of_picture_will_do(shape: tuple[int, int]) -> None:
    black, white = np.zeros((*shape, 3), np.uint8), np.full((*shape, 3), 255, np.uint8)
    assert cuts([black, black, white, white]) == [2]


def test_hue_means_nothing_where_there_is_no_colour() -> None:
    # Two greys with opposite tints: far apart in hue, the same to the eye.
    warm, cold = np.full((90, 160, 3), (121, 120, 120), np.uint8), np.full((90, 160, 3), (120, 121, 121), np.uint8)
    assert cuts([warm] * 5 + [cold] * 5) == []


def test_reds_on_both_sides_of_the_hue_circle_are_alike() -> None:
    orange, crimson = np.full((90, 160, 3), (255, 12, 0), np.uint8), np.full((90, 160, 3), (255, 0, 12), np.uint8)
    assert cuts([orange] * 5 + [crimson] * 5) == []
