"""A person's head and mouth over the whole video, ready for cropping: poses, crops, own mouth shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dubtool.face.crop import apply, crop_frames
from dubtool.face.pose import Poses
from dubtool.face.shape import MOUTH, ShapeModel, inner_opening, rest_mouth
from dubtool.face.topology import tracked
from dubtool.tracking.smooth import smooth
from dubtool.tracking.track import FaceTrack

# Zero-lag smoothing, in frames: enough for the landmarks' jitter, too little to part them from the lips that are to be
# seen. At 0.8 references were off by what was smoothed away (LPIPS around the lips 0.091, at 0.5 and less 0.086).
_LANDMARK_SIGMA = 0.5
# Heads are heavier than lips.
_POSE_SIGMA = 1.0
# Rows that are worked on at once, so that hours of track need no more memory than minutes.
_BLOCK = 512
# Radii are compared over so many frames: the largest of a film says as much as all of them.
_SPREAD = 1024


@dataclass(frozen=True)
class FaceMotion:
    """One person over N rows, each a frame in which the face was seen, in rising frame order.

    frames: int32 [N]. poses: of the head. unit: float64 [N, 2, 3], picture px to unit crop (`crop.crop_frames`).
    coefficients: float32 [N, K], the person's own mouth shapes. rest: float32 [55, 3], their mouth at rest. opening:
    float32 [N]. angles: float32 [N, 3] degrees. covered: bool [N], something is before the mouth.
    """

    frames: np.ndarray
    poses: Poses
    unit: np.ndarray
    coefficients: np.ndarray
    rest: np.ndarray
    opening: np.ndarray
    angles: np.ndarray
    covered: np.ndarray

    def rows(self, frame_count: int) -> np.ndarray:
        """Row of each source frame, -1 where the face was not seen: int32 [frame_count]."""
        rows = np.full(frame_count, -1, np.int32)
        rows[self.frames] = np.arange(len(self.frames), dtype=np.int32)
        return rows

    def mouths_in_crop(self, model: ShapeModel, coefficients: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Mouth points in unit crops [n, 55, 2] of shapes [n, K] put on the heads of `rows` [n]."""
        picture = self.poses[rows].to_picture(model.mouths(coefficients, self.rest))
        return apply(self.unit[rows], picture)

    def opening_of(self, model: ShapeModel, coefficients: np.ndarray) -> np.ndarray:
        """How far this mouth is open in shapes [n, K]: [n], in units of the eye corners' distance."""
        return inner_opening(model.mouths(coefficients, self.rest))

    def opening_in_crop(self, mouths: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """How far mouths [n, 55, 2] in the unit crops of `rows` [n] are open, in units of the eye corners' distance."""
        crop_scale = np.sqrt(np.abs(np.linalg.det(self.unit[rows][:, :, :2])))
        return np.asarray(inner_opening(mouths) / (crop_scale * self.poses.scale[rows]))


def face_motion(
    tracks: Sequence[FaceTrack], model: ShapeModel, covered: np.ndarray, *, pixel_aspect: float = 1.0
) -> FaceMotion:
    """Motion of one person from their tracks, in order of time.

    covered: bool, one per row of all tracks together. pixel_aspect: a pixel's width over its height.
    """
    poses = _joined([_track_poses(track, model) for track in tracks])
    frames = np.concatenate([track.frames for track in tracks])
    mean_head, mouths = _head_and_mouths(tracks, poses)
    angles = poses.angles.astype(np.float32)
    rest = rest_mouth(mouths, angles).astype(np.float32)
    coefficients = model.coefficients(mouths, rest)
    unit = _crops(tracks, poses, mean_head, pixel_aspect)
    return FaceMotion(
        frames,
        poses,
        unit,
        coefficients,
        rest,
        inner_opening(mouths).astype(np.float32),
        angles,
        covered,
    )


def runs(frames: np.ndarray) -> list[slice]:
    """Stretches of consecutive frames."""
    edges = np.flatnonzero(np.diff(frames) > 1) + 1
    return [slice(int(a), int(b)) for a, b in zip([0, *edges], [*edges, len(frames)], strict=True)]


def smoothed_points(track: FaceTrack, where: slice) -> np.ndarray:
    """Landmarks float32 [n, P, 3] of some rows within one run of frames, smoothed without lag."""
    margin = int(np.ceil(3 * _LANDMARK_SIGMA))
    run = next(run for run in runs(track.frames) if run.start <= where.start < run.stop)
    wider = slice(max(where.start - margin, run.start), min(where.stop + margin, run.stop))
    points = smooth(track.points(wider), _LANDMARK_SIGMA)
    return points[where.start - wider.start :][: where.stop - where.start]


def blocks(track: FaceTrack) -> list[slice]:
    """A track's rows in pieces of a run each, small enough to be worked on at once."""
    return [
        slice(start, min(start + _BLOCK, run.stop))
        for run in runs(track.frames)
        for start in range(run.start, run.stop, _BLOCK)
    ]


def _track_poses(track: FaceTrack, model: ShapeModel) -> Poses:
    fitted = _joined([model.poses(smoothed_points(track, block)) for block in blocks(track)])
    parts = []
    for run in runs(track.frames):
        poses = fitted[run]
        # A mean of rotations a few degrees apart is a rotation again once made orthogonal.
        u, _, vt = np.linalg.svd(smooth(poses.rotation, _POSE_SIGMA))
        parts.append(Poses(smooth(poses.scale, _POSE_SIGMA), u @ vt, smooth(poses.translation, _POSE_SIGMA)))
    return _joined(parts)


def _joined(parts: Sequence[Poses]) -> Poses:
    return Poses(
        np.concatenate([part.scale for part in parts]),
        np.concatenate([part.rotation for part in parts]),
        np.concatenate([part.translation for part in parts]),
    )


def _head_and_mouths(tracks: Sequence[FaceTrack], poses: Poses) -> tuple[np.ndarray, np.ndarray]:
    """The person's mean head [P, 3] and all mouths [N, 55, 3], in the head frame."""
    mouth, place, total = tracked(MOUTH), 0, np.zeros(())
    mouths = np.empty((len(poses), len(mouth), 3), np.float32)
    for track in tracks:
        for block in blocks(track):
            rows = slice(place + block.start, place + block.stop)
            heads = poses[rows].to_head(smoothed_points(track, block))
            total = total + heads.sum(axis=0)
            mouths[rows] = heads[:, mouth]
        place += len(track.frames)
    return total / len(poses), mouths


def _crops(tracks: Sequence[FaceTrack], poses: Poses, mean_head: np.ndarray, pixel_aspect: float) -> np.ndarray:
    rows = np.unique(np.linspace(0, len(poses) - 1, _SPREAD).astype(int))
    points, place = [], 0
    for track in tracks:
        mine = rows[(rows >= place) & (rows < place + len(track.frames))] - place
        points.append(track.points(mine))
        place += len(track.frames)
    return crop_frames(poses, np.concatenate(points), rows, mean_head, pixel_aspect)
