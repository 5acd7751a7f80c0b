"""Building the head frame and the mouth's modes of movement from tracked people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from dubtool.errors import InputError
from dubtool.face.pose import fit_poses
from dubtool.face.shape import MOUTH, ShapeModel, rest_mouth
from dubtool.face.topology import STABLE, tracked
from dubtool.tracking.motion import runs, smoothed_points
from dubtool.tracking.track import FaceTrack

_CORNERS = tracked((33, 263))
# Rows of one person that the mean head and the modes are made of.
_MEAN_ROWS = 150
_MOVED_ROWS = 800
_LEAST_ROWS = 200
_FRONTAL_DEGREES = 30.0


def mean_head(points: np.ndarray, rounds: int = 4) -> np.ndarray:
    """The mean head float32 [P, 3] of tracked landmarks [N, P, 3] (generalised Procrustes over the stable points).

    Looking straight ahead on average, origin between the outer eye corners, their distance 1.
    """
    stable = tracked(STABLE)
    mean = points[len(points) // 2].astype(np.float64)
    for _ in range(rounds):
        mean = mean - mean[_CORNERS].mean(axis=0)
        mean /= np.linalg.norm(mean[_CORNERS[1]] - mean[_CORNERS[0]])
        mean = fit_poses(points[:, stable], mean[stable]).to_head(points).mean(axis=0)
    # Turn it so that the face's left-right symmetry plane is x = 0: angles then mean what people expect.
    across = mean[_CORNERS[1]] - mean[_CORNERS[0]]
    right = across / np.linalg.norm(across)
    down = mean[tracked((152,))[0]] - mean[tracked((10,))[0]]
    down -= right * (down @ right)
    down /= np.linalg.norm(down)
    mean = (mean - mean[_CORNERS].mean(axis=0)) @ np.stack([right, down, np.cross(right, down)], axis=1)
    return (mean / np.linalg.norm(mean[_CORNERS[1]] - mean[_CORNERS[0]])).astype(np.float32)


def shape_model(mean: np.ndarray, moved: np.ndarray, modes: int) -> ShapeModel:
    """Principal modes of mouths' deviations from rest, [N, 55, 3] in the head frame (principal component analysis).

    Depth is measured less well than x and y: it weighs a quarter in choosing the modes.
    """
    weight = np.array([1.0, 1.0, 0.25])
    flat = (moved * weight).reshape(len(moved), -1).astype(np.float64)
    # Around zero, not around the mean: zero coefficients must be the mouth at rest.
    values, vectors = np.linalg.eigh(flat.T @ flat / len(flat))
    order = np.argsort(values)[::-1][:modes]
    basis = (vectors[:, order] * np.sqrt(values[order])).T.reshape(modes, len(MOUTH), 3) / weight
    return ShapeModel(mean, basis.astype(np.float32))


def shape_model_of(people: Iterable[Sequence[FaceTrack]], modes: int = 12) -> ShapeModel:
    """The shape model of tracked people, each with equal weight whatever their minutes.

    people: the tracks of each person.

    Raises:
        InputError: there are too few frames of them.
    """
    rng = np.random.default_rng(0)
    points = [np.concatenate([_smoothed(track) for track in tracks]) for tracks in people]
    if sum(map(len, points)) < _LEAST_ROWS:
        raise InputError("too few frames for a shape model of this corpus; use the shipped one")
    mean = mean_head(np.concatenate([_some(rng, rows, _MEAN_ROWS) for rows in points]))
    head = ShapeModel(mean, np.zeros((1, len(MOUTH), 3), np.float32))
    moved = []
    for rows in points:
        poses = head.poses(rows)
        mouths, angles = poses.to_head(rows)[:, tracked(MOUTH)], poses.angles
        frontal = np.abs(angles[:, 1]) < _FRONTAL_DEGREES
        moved.append(_some(rng, (mouths - rest_mouth(mouths, angles))[frontal], _MOVED_ROWS))
    return shape_model(mean, np.concatenate(moved), modes)


def _smoothed(track: FaceTrack) -> np.ndarray:
    return np.concatenate([smoothed_points(track, run) for run in runs(track.frames)])


def _some(rng: np.random.Generator, rows: np.ndarray, count: int) -> np.ndarray:
    return rows[rng.permutation(len(rows))[:count]]
