from __future__ import annotations

import numpy as np

from dubtool.face.shape import MOUTH, ShapeModel
from dubtool.face.topology import TRACKED, tracked
from dubtool.jobs.shared.references import REFERENCES, reference_candidates, sharpness
from dubtool.tracking.motion import face_motion, runs, smoothed_points
from dubtool.tracking.track import FaceTrack

_QUANTUM = 8192


def track_of(points: np.ndarray, frames: np.ndarray) -> FaceTrack:
    """A track of landmarks [N, P, 3] in picture px."""
    middle = points[..., :2].mean(axis=1)
    size = np.full(len(points), 200.0)
    relative = points.astype(np.float64).copy()
    relative[..., :2] -= middle[:, None]
    quantised = np.rint(relative / 200.0 * _QUANTUM).astype(np.int16)
    return FaceTrack(frames.astype(np.int32), quantised, np.column_stack([middle, size]).astype(np.float32), 0)


def heads(model: ShapeModel, count: int, coefficients: np.ndarray | None = None) -> np.ndarray:
    """The mean head, 120 px between the eye corners, drifting right and rolling, with mouth shapes put on."""
    points = np.repeat(model.mean[None].astype(np.float64), count, axis=0)
    if coefficients is not None:
        points[:, tracked(MOUTH)] += np.tensordot(coefficients, model.basis, axes=1)
    roll = np.linspace(0, 0.3, count)
    turned = points.copy()
    turned[..., 0] = points[..., 0] * np.cos(roll)[:, None] - points[..., 1] * np.sin(roll)[:, None]
    turned[..., 1] = points[..., 0] * np.sin(roll)[:, None] + points[..., 1] * np.cos(roll)[:, None]
    turned *= 120
    turned[..., 0] += 300 + 2.0 * np.arange(count)[:, None]
    turned[..., 1] += 250
    return turned


def test_runs_split_where_frames_are_missing() -> None:
    assert runs(np.array([3, 4, 5, 9, 10, 20])) == [slice(0, 3), slice(3, 5), slice(5, 6)]


def test_shapes_are_read_back_whatever_the_pose(model: ShapeModel) -> None:
    count = 80
    wanted = np.zeros((count, model.size))
    wanted[:, 0] = np.maximum(0, 2 * np.sin(np.arange(count) / 8))
    track = track_of(heads(model, count, wanted), np.arange(count))
    motion = face_motion([track], model, np.zeros(count, bool))
    assert np.corrcoef(motion.coefficients[:, 0], wanted[:, 0])[0, 1] > 0.99
    rolls = np.degrees(np.linspace(0, 0.3, count))
    np.testing.assert_allclose(motion.angles[5:75, 2], rolls[5:75], atol=1)


def test_crops_follow_the_head_and_not_the_mouth(model: ShapeModel) -> None:
    count = 60
    moving = np.zeros((count, model.size))
    moving[:, 0] = 2 * (np.arange(count) % 10 < 5)
    still = face_motion([track_of(heads(model, count), np.arange(count))], model, np.zeros(count, bool))
    spoken = face_motion([track_of(heads(model, count, moving), np.arange(count))], model, np.zeros(count, bool))
    scale = [np.sqrt(np.linalg.det(motion.unit[:, :, :2])) for motion in (still, spoken)]
    # A talking mouth may make the one radius of the take larger, but must not make crops breathe.
    assert np.ptp(scale[1] / scale[0]) < 0.01


def test_a_mouth_put_back_on_its_own_head_stays_where_it_was(model: ShapeModel) -> None:
    count = 40
    points = heads(model, count)
    motion = face_motion([track_of(points, np.arange(count))], model, np.zeros(count, bool))
    rows = np.arange(count)
    crop = motion.mouths_in_crop(model, motion.coefficients, rows)
    seen = np.einsum("nij,nkj->nki", motion.unit[..., :2], points[:, tracked(MOUTH), :2]) + motion.unit[:, None, :, 2]
    # 0.02 radii are two pixels of a 200 px mouth box.
    assert np.abs(crop - seen)[3:-3].max() < 0.02


def test_smoothing_does_not_reach_over_a_gap(model: ShapeModel) -> None:
    count = 40
    points = heads(model, count)
    points[20:, :, 0] += 150
    frames = np.r_[0:20, 60:80]
    track = track_of(points, frames)
    left, right = (smoothed_points(track, part) for part in runs(track.frames))
    assert np.abs(left - points[:20]).max() < 1.0
    assert np.abs(right - points[20:]).max() < 1.0


def test_rows_tell_which_frames_have_a_face(model: ShapeModel) -> None:
    frames = np.r_[2:12, 20:30]
    motion = face_motion([track_of(heads(model, 20), frames)], model, np.zeros(20, bool))
    rows = motion.rows(32)
    assert rows[[0, 1, 12, 19, 30]].tolist() == [-1] * 5
    assert rows[[2, 11, 20, 29]].tolist() == [0, 9, 10, 19]


def test_references_spread_over_openings_and_avoid_covered_frames(model: ShapeModel) -> None:
    count = 100
    wanted = np.zeros((count, model.size))
    wanted[:, 0] = np.linspace(0, 3, count)
    covered = np.zeros(count, bool)
    covered[40:50] = True
    motion = face_motion([track_of(heads(model, count, wanted), np.arange(count))], model, covered)
    parts = reference_candidates(motion)
    assert len(parts) == REFERENCES
    assert not covered[np.concatenate(parts)].any()
    openings = [float(motion.opening[part].mean()) for part in parts]
    assert openings == sorted(openings)
    assert openings[-1] > 2 * openings[0]


def test_one_row_gives_five_references(model: ShapeModel) -> None:
    motion = face_motion([track_of(heads(model, 1), np.arange(1))], model, np.zeros(1, bool))
    assert [part.tolist() for part in reference_candidates(motion)] == [[0]] * REFERENCES


def test_sharpness_falls_with_blur() -> None:
    import cv2

    crop = np.random.default_rng(0).integers(0, 255, (80, 64, 3)).astype(np.uint8)
    assert sharpness(cv2.GaussianBlur(crop, (0, 0), 1.0)) < 0.5 * sharpness(crop)


def test_tracked_points_hold_all_that_is_used() -> None:
    assert set(MOUTH) <= set(TRACKED)
