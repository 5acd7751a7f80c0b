from __future__ import annotations

import numpy as np
import pytest

from dubtool.errors import InputError
from dubtool.face.shape import MOUTH, ShapeModel, inner_opening
from dubtool.face.topology import tracked
from dubtool.tracking.track import FaceTrack
from dubtool.training.data.shape_model import shape_model_of
from dubtool.weights.locate import find

MODES = 3


def _track(model: ShapeModel, seed: int, frames: int) -> tuple[FaceTrack, np.ndarray]:
    """A head of 200 px that turns a little and whose mouth moves in the model's first modes; and its openings."""
    rng = np.random.default_rng(seed)
    knots = rng.normal(0, 1, (frames // 6 + 2, MODES))
    grid = np.arange(frames) / 6
    shapes = np.stack([np.interp(grid, np.arange(len(knots)), column) for column in knots.T], axis=1)
    heads = np.repeat(model.mean[None].astype(np.float64), frames, axis=0)
    heads[:, tracked(MOUTH)] += np.tensordot(shapes, model.basis[:MODES], axes=1)
    opening = inner_opening(heads[:, tracked(MOUTH)])
    yaw = 0.1 * np.sin(np.arange(frames) / 20)
    turn = np.zeros((frames, 3, 3))
    turn[:, 0, 0] = turn[:, 2, 2] = np.cos(yaw)
    turn[:, 0, 2], turn[:, 2, 0], turn[:, 1, 1] = np.sin(yaw), -np.sin(yaw), 1
    points = 100 * heads @ turn.transpose(0, 2, 1)
    anchors = np.tile(np.array([320, 240, 200], np.float32), (frames, 1))
    quantised = np.rint(points / 200 * 8192).astype(np.int16)
    return FaceTrack(np.arange(frames, dtype=np.int32), quantised, anchors, 0), opening


def test_a_model_of_a_corpus_holds_the_movements_of_its_people() -> None:
    shipped = ShapeModel.load(find("face_shape"))
    people = [_track(shipped, seed, 160) for seed in (0, 1)]
    model = shape_model_of([[track] for track, _ in people], MODES)
    assert model.basis.shape == (MODES, len(MOUTH), 3)
    # Looking straight ahead, the outer eye corners one apart around the origin.
    left, right = model.mean[tracked((33, 263))]
    assert np.allclose((left + right) / 2, 0, atol=1e-5) and abs(np.linalg.norm(right - left) - 1) < 1e-5
    track, opening = _track(shipped, 2, 160)
    mouths = model.poses(track.points()).to_head(track.points())[:, tracked(MOUTH)]
    rest = mouths.mean(axis=0)
    again = model.mouths(model.coefficients(mouths, rest), rest)
    assert np.sqrt(np.mean((again - mouths) ** 2)) < 0.25 * np.sqrt(np.mean((mouths - rest) ** 2))
    assert np.corrcoef(inner_opening(again), opening)[0, 1] > 0.98


def test_too_few_frames_are_refused() -> None:
    track, _ = _track(ShapeModel.load(find("face_shape")), 0, 40)
    with pytest.raises(InputError, match="too few frames"):
        shape_model_of([[track]])
