"""A reenactment by a network that looks at the driver's pictures, with a small untrained one in its place."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from dubbing_place import Cut

import dubtool
from dubtool.errors import WeightsError
from dubtool.media.decode import VideoReader
from dubtool.media.probe import probe

learned_adasr = pytest.importorskip("learned_adasr")


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    learned_adasr.write_graphs(folder, "small")
    return folder


@pytest.fixture
def portrait(place: Path, clip: Path, graphs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In a place where the weights "small" are known."""
    monkeypatch.setenv("DUBTOOL_WEIGHTS", str(graphs))
    path = place / "portrait.png"
    rgb = next(iter(VideoReader(probe(clip)))).rgb(scale=0.5)
    path.write_bytes(cv2.imencode(".png", rgb[..., ::-1])[1].tobytes())
    return path


def _reenact(portrait: Path, driver: Path, name: str, **options: object) -> dubtool.jobs.shared.report.Report:
    chosen = {"model": "small", "framing": "crop", "codec": "ffv1", "batch_size": 3, **options}
    return dubtool.reenact(portrait, driver, portrait.parent / name, **chosen)


def _frames(path: Path) -> np.ndarray:
    return np.stack([frame.rgb() for frame in VideoReader(probe(path))]).astype(int)


def test_the_portrait_is_drawn_by_the_three_graphs(place: Path, portrait: Path, cut: Cut) -> None:
    driver = cut("gone.mp4", "-vf", "drawbox=color=gray:t=fill:enable='gte(n,6)'", "-frames:v", 9, "-an")
    report = _reenact(portrait, driver, "relative.mkv", sheet=True, preview=True)
    assert (report.model, report.dubbed, dict(report.passed)) == ("small", 6, {"no face": 3})
    assert set(report.weights) == {"small_keypoints", "small_once", "small_frame"}
    frames = _frames(place / "relative.mkv")
    assert frames.shape == (9, learned_adasr.SIDE, learned_adasr.SIDE, 3)
    assert np.abs(frames[0] - frames[3]).max() > 0
    # A lost driver holds the last motion.
    assert np.abs(frames[8] - frames[5]).max() == 0


def test_motion_and_turns_reach_the_network(place: Path, portrait: Path, clip: Path) -> None:
    variants = {
        "relative": {},
        "absolute": {"motion": "absolute"},
        "turned": {"yaw": 30.0},
        "leaning": {"roll": 30.0},
    }
    made = []
    for name, options in variants.items():
        _reenact(portrait, clip, f"{name}.mkv", stop=Fraction(1, 10), **options)
        made.append(_frames(place / f"{name}.mkv"))
    for one, frames in enumerate(made):
        for other in made[:one]:
            assert np.abs(frames - other).max() > 0


def test_the_driver_is_seen_through_one_square_per_shot(
    portrait: Path, cut: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dubtool.models import keypoint_animator

    # From the sixth frame on the picture is shown at half its size, in a corner.
    half = "[0:v]split[a][b];[b]scale=iw/2:-2,pad=2*iw:2*ih[c];[a][c]overlay=enable='gte(n,6)'"
    driver = cut("two shots.mp4", "-filter_complex", half, "-frames:v", 12, "-an", "-preset", "ultrafast", "-crf", 14)
    looked: list[np.ndarray] = []
    posture = keypoint_animator.KeypointAnimator.posture

    def watched(self: keypoint_animator.KeypointAnimator, picture: np.ndarray) -> keypoint_animator.Posture:
        looked.append(picture.astype(int))
        return posture(self, picture)

    monkeypatch.setattr(keypoint_animator.KeypointAnimator, "posture", watched)
    report = _reenact(portrait, driver, "out.mkv")
    _, *seen = looked
    assert report.dubbed == len(seen) >= 10
    # The face has the same place and size on both sides of the cut.
    assert np.abs(seen[0] - seen[-1]).mean() < 12
    assert max(np.abs(a - b).mean() for a, b in pairwise(seen)) < 8


def test_weights_that_were_not_imported_are_named(
    place: Path, portrait: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUBTOOL_WEIGHTS", str(place / "none"))
    with pytest.raises(WeightsError, match=r"weights 'adasr' \(mix-train\.pth\.tar\) are not on this machine"):
        _reenact(portrait, clip, "out.mkv", model="adasr")
