"""The reenactment network at work on its two graphs, and what it says to files that are something else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest

from dubtool.errors import WeightsError
from dubtool.face.portrait_points import DRAWING_CHANNELS, KEYPOINTS, RIGID
from dubtool.models.graphs import Graphs
from dubtool.models.landmark_animator import LandmarkAnimator
from dubtool.models.piecewise_warp import WarpAnimator
from dubtool.models.registry import open_animator

torch = pytest.importorskip("torch")
export = pytest.importorskip("dubtool.export.adasr")

SIDE = 64
Files = tuple[Path, Path]


def _export(folder: Path, keypoints: tuple[int, ...]) -> Files:
    from dubtool.networks.adasr_landmarks import LandmarkAdaSR

    torch.manual_seed(0)
    net = LandmarkAdaSR(len(KEYPOINTS), len(RIGID), DRAWING_CHANNELS, width=8, middle=1, high_frequency=0)
    once, frame = folder / "once.onnx", folder / "frame.onnx"
    export.export_adasr(net, once, frame, side=SIDE, keypoints=keypoints, descriptor={})
    return once, frame


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return _export(tmp_path_factory.mktemp("reenactor"), KEYPOINTS)


@pytest.fixture(scope="module")
def animator(files: Files) -> LandmarkAnimator:
    return open_animator(*files, device="cpu", threads=1)


def face() -> np.ndarray:
    points = np.random.default_rng(0).uniform(20, 44, (478, 3)).astype(np.float32)
    return points


def portrait() -> np.ndarray:
    rough = np.random.default_rng(1).integers(0, 256, (8, 8, 3), np.uint8)
    return cv2.resize(rough, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)


def test_a_face_that_does_not_move_stays_the_portrait(animator: LandmarkAnimator) -> None:
    assert animator.side == SIDE and animator.device == "cpu"
    animator.set_portrait(portrait(), face())
    made = animator.animate(face()[None])
    assert made.shape == (1, SIDE, SIDE, 3) and made.dtype == np.float32
    assert np.abs(made[0] - portrait()).mean() < 4


def test_an_untrained_network_shows_what_the_warp_makes(animator: LandmarkAnimator) -> None:
    warp, driven = WarpAnimator(SIDE), np.stack([face(), face() * 1.1 - 3])
    for each in (animator, warp):
        each.set_portrait(portrait(), face())
    wanted = warp.animate(driven)
    assert np.abs(wanted[1] - wanted[0]).mean() > 5
    assert np.abs(animator.animate(driven) - wanted).max() < 4


def test_larger_crops_get_a_warp_of_their_own_size_and_what_the_network_changed(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    side, landmarks = 2 * SIDE, 2 * face() + np.float32(0.5)
    fine = np.random.default_rng(3).integers(0, 256, (side, side, 3), np.uint8)
    large, warp = open_animator(*files, device="cpu", threads=1, side=side), WarpAnimator(side)
    for each in (large, warp):
        each.set_portrait(fine, landmarks)
    driven = np.stack([landmarks, landmarks * 1.1 - 6])
    made, wanted = large.animate(driven), warp.animate(driven)
    assert large.side == side and made.shape == wanted.shape == (2, side, side, 3)
    # The untrained network repeats the small warp, in which this detail is lost.
    assert np.abs(made - wanted).mean() < 1
    run = Graphs.run_frames

    def brighter(
        graphs: Graphs, feeds: Mapping[str, np.ndarray], constant: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        return {name: made + 20 / 255 for name, made in run(graphs, feeds, constant).items()}

    monkeypatch.setattr(Graphs, "run_frames", brighter)
    assert np.median(large.animate(driven) - made) == pytest.approx(20, abs=1)


def test_a_face_that_moves_takes_the_picture_along(animator: LandmarkAnimator) -> None:
    animator.set_portrait(portrait(), face())
    moved = face() + np.array([4, 0, 0], np.float32)
    both = animator.animate(np.stack([face(), moved]))
    middle = slice(24, 40)
    wanted = portrait()[middle, 20:36].astype(np.float32)
    assert np.abs(both[1, middle, 24:40] - wanted).mean() < 0.3 * np.abs(both[0, middle, 24:40] - wanted).mean()


def test_the_next_portrait_replaces_the_last(animator: LandmarkAnimator) -> None:
    animator.set_portrait(portrait(), face())
    animator.set_portrait(np.full((SIDE, SIDE, 3), 200, np.uint8), face())
    assert np.abs(animator.animate(face()[None]) - 200).max() < 5


def test_a_frame_does_not_hang_on_its_neighbours_in_the_batch(animator: LandmarkAnimator) -> None:
    animator.set_portrait(portrait(), face())
    other = face() + np.array([3, 2, 0], np.float32)
    assert np.allclose(animator.animate(np.stack([face(), other]))[1], animator.animate(other[None])[0], atol=0.05)


def test_the_graphs_in_the_wrong_order_are_refused(files: Files) -> None:
    with pytest.raises(WeightsError, match="not a reenactment network"):
        open_animator(files[1], files[0], device="cpu", threads=1)


def test_other_keypoints_are_refused(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dubtool.models.landmark_animator.KEYPOINTS", KEYPOINTS[:-1])
    with pytest.raises(WeightsError, match="other keypoints"):
        open_animator(*files, device="cpu", threads=1)
