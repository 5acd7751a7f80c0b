"""How a driver's posture becomes keypoints of the portrait; that the graphs fit the network: tests/engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dubtool.errors import WeightsError
from dubtool.face.learned_keypoints import Posture, posed
from dubtool.models.keypoint_animator import KeypointAnimator, KeypointTransfer
from dubtool.models.registry import open_animator

CANONICAL = np.random.default_rng(0).uniform(-0.5, 0.5, (15, 3)).astype(np.float32)
OWN = Posture(np.array([3.0, -4.0, 5.0]), np.array([0.1, 0.0, -0.1]), np.full((15, 3), 0.01))


class Told(KeypointAnimator):
    """Reads yaw, pitch and roll from the three colours of a picture's first pixel, about 128."""

    def __init__(self) -> None:
        self.canonical = CANONICAL
        self._portrait = {"source": posed(CANONICAL, OWN)[None]}

    def posture(self, picture: np.ndarray) -> Posture:
        return Posture(picture[0, 0].astype(float) - 128, np.zeros(3), np.zeros((15, 3)))


def seen(*angles: int) -> np.ndarray:
    return np.full((8, 8, 3), 128, np.uint8) + np.array(angles, np.uint8)


def expected(*angles: float) -> np.ndarray:
    return posed(CANONICAL, Posture(np.array(angles), np.zeros(3), np.zeros((15, 3))))


def test_relative_motion_begins_at_the_portrait() -> None:
    animator = Told()
    transfer = KeypointTransfer(animator, seen(10, 0, 0))
    np.testing.assert_allclose(transfer.target(seen(10, 0, 0)), animator.source, atol=1e-6)
    moved = expected(30, 5, 0) - expected(10, 0, 0)
    # The hulls differ by the expression alone: it is the same for all keypoints here.
    np.testing.assert_allclose(transfer.target(seen(30, 5, 0)) - animator.source, moved, atol=1e-4)


def test_absolute_motion_is_the_drivers() -> None:
    transfer = KeypointTransfer(Told(), seen(10, 0, 0), relative=False)
    np.testing.assert_allclose(transfer.target(seen(30, 5, 7)), expected(30, 5, 7), atol=1e-6)


def test_turns_add_to_the_drivers_head() -> None:
    transfer = KeypointTransfer(Told(), seen(0, 0, 0), relative=False, turn=(20.0, 10.0, -5.0))
    # The network's yaw grows to the left.
    np.testing.assert_allclose(transfer.target(seen(0, 1, 2)), expected(-20, 11, -3), atol=1e-6)
    animator = Told()
    relative = KeypointTransfer(animator, seen(0, 0, 0), turn=(20.0, 0.0, 0.0))
    assert np.abs(relative.target(seen(0, 0, 0)) - animator.source).max() > 0.05


def test_other_graphs_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from learned_adasr import write_graphs

    keypoints, once, frame = (tmp_path / f"{name}.onnx" for name in write_graphs(tmp_path, "small"))
    with pytest.raises(WeightsError, match=r"small_once\.onnx: not a network with learned keypoints"):
        open_animator(once, keypoints, frame, device="cpu", threads=1)
