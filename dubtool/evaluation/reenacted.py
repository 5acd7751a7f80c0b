"""How well animators reenact: a person's own portrait follows the person, and what it should look like is known.

The portrait is the frame of a video's first half that is nearest to a neutral face, the driver is the second half
(self-reenactment, as in Siarohin et al., NeurIPS 2019). Animators get the true landmarks, so that they alone are judged
and not the transfer to other faces.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from dubtool.errors import NoFaceError
from dubtool.evaluation.analysed import largest_person
from dubtool.face.alignment import IDENTITY_POINTS
from dubtool.face.crop import apply, warp
from dubtool.face.picture import RgbPicture
from dubtool.face.portrait_crop import portrait_crop, rescaled
from dubtool.face.shape import ShapeModel
from dubtool.jobs.reenact.driver import Driver, Look
from dubtool.media.decode import VideoReader
from dubtool.metrics.frechet import frechet_distance
from dubtool.metrics.identity import FaceIdentity, aed, csim
from dubtool.metrics.keypoints import average_keypoint_distance
from dubtool.metrics.perceptual import Lpips
from dubtool.metrics.quality import psnr, ssim
from dubtool.models.animator import Animator
from dubtool.tracking.landmarks import FaceLandmarker, roi_from_mesh

# All animators are judged at one size of the head's crop, px: usually this.
SIDE = 256
# The face's box reaches beyond its landmarks by so much of their extent.
_MARGIN = 0.1
MEASURES = ("psnr", "ssim", "lpips", "akd", "aed", "csim", "frechet_alexnet")

Features = Callable[[np.ndarray], np.ndarray]


class Spoil(Protocol):
    """Makes a bad photograph uint8 [S, S, 3] of a good one; number: of the video that it is of."""

    def __call__(self, picture: np.ndarray, number: int) -> np.ndarray: ...


@dataclass(frozen=True)
class Judges:
    """features: a picture uint8 [H, W, 3] to a vector [D]. identity: None where SFace is not at hand."""

    lpips: Lpips
    features: Features
    identity: FaceIdentity | None


@dataclass
class Score:
    """One animator's numbers: means over all frames, each clip weighing as many as it has."""

    values: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    made: list[np.ndarray] = field(default_factory=list)
    true: list[np.ndarray] = field(default_factory=list)

    def numbers(self) -> dict[str, float]:
        """By the names of `MEASURES`; NaN where nothing was measured."""
        found = {name: float(np.mean(self.values[name])) if self.values[name] else np.nan for name in MEASURES}
        if len(self.made) > 1:
            found["frechet_alexnet"] = frechet_distance(np.stack(self.made), np.stack(self.true))
        return found


class Still:
    """The portrait as it is, whatever the driver does: what any animator must be better than."""

    device = "cpu"

    def __init__(self, side: int = SIDE) -> None:
        self.side = side

    def set_portrait(self, picture: np.ndarray, landmarks: np.ndarray) -> None:
        """See `Animator.set_portrait`."""
        self._picture = picture.astype(np.float32)

    def animate(self, landmarks: np.ndarray) -> np.ndarray:
        """See `Animator.animate`."""
        return np.repeat(self._picture[None], len(landmarks), axis=0)


def evaluate_reenactment(
    videos: Iterable[Path],
    animators: Mapping[str, Animator],
    judges: Judges,
    shapes: ShapeModel,
    landmarker: FaceLandmarker,
    *,
    frames: int = 40,
    side: int = SIDE,
    spoiled: Spoil | None = None,
) -> dict[str, Score]:
    """The scores of animators over videos of one person each. frames: of each video's second half, evenly spread. side:
    of the crops that are compared, px; keypoint distances are in px of 256 at any size. spoiled: what
    the portraits go through first.

    Raises:
        InputError, NoFaceError: a video cannot be used.
    """
    scores = {name: Score() for name in animators}
    for number, video in enumerate(videos):
        portrait, truth = _self_pair(video, shapes, landmarker, frames, side)
        worse = None if spoiled is None else partial(spoiled, number=number)
        for name, animator in animators.items():
            for look, picture in _animated(animator, portrait, truth, worse):
                _judge(scores[name], portrait, look, picture, judges, landmarker)
    return scores


def _self_pair(
    video: Path, shapes: ShapeModel, landmarker: FaceLandmarker, frames: int, side: int
) -> tuple[Look, list[tuple[np.ndarray, np.ndarray]]]:
    """The portrait's frame, and crops (by the portrait's crop) and landmarks of the driver's frames."""
    info, tracked_video, person = largest_person(video, shapes, cache=True)
    count = tracked_video.tracks.frame_count
    driver = Driver(person, count, landmarker)
    reader = VideoReader(info)
    portrait = driver.reference(reader, None, shapes, np.arange(count) < count // 2)
    assert portrait.landmarks is not None
    to_crop = portrait_crop(portrait.landmarks, side)
    wanted = set(np.linspace(count // 2, count - 1, frames).astype(int).tolist())
    truth = []
    for look in driver.looks(reader.frames(list(range(count // 2, count)))):
        if look.frame.index in wanted and look.landmarks is not None:
            truth.append((warp(look.frame.rgb(), to_crop, side, side), _placed(look.landmarks, to_crop)))
    if not truth:
        raise NoFaceError(f"{video}: no face is seen in its second half")
    return portrait, truth


def _animated(
    animator: Animator,
    portrait: Look,
    truth: list[tuple[np.ndarray, np.ndarray]],
    spoiled: Callable[[np.ndarray], np.ndarray] | None,
) -> Iterator[tuple[tuple[np.ndarray, np.ndarray], np.ndarray]]:
    """The true crop with its landmarks, and the picture made for them in its size: uint8."""
    assert portrait.landmarks is not None
    to_crop = portrait_crop(portrait.landmarks, animator.side)
    picture = warp(portrait.frame.rgb(), to_crop, animator.side, animator.side)
    picture = picture if spoiled is None else spoiled(picture)
    animator.set_portrait(picture, _placed(portrait.landmarks, to_crop))
    for crop, landmarks in truth:
        larger = rescaled(landmarks, animator.side / len(crop))
        made = np.rint(np.clip(animator.animate(larger[None])[0], 0, 255)).astype(np.uint8)
        yield (crop, landmarks), cv2.resize(made, crop.shape[:2], interpolation=cv2.INTER_AREA)


def _judge(
    score: Score,
    portrait: Look,
    truth: tuple[np.ndarray, np.ndarray],
    made: np.ndarray,
    judges: Judges,
    landmarker: FaceLandmarker,
) -> None:
    crop, landmarks = truth
    box = _face_box(landmarks, len(crop))
    score.values["psnr"].append(psnr(made[box], crop[box]))
    score.values["ssim"].append(ssim(made[box], crop[box]))
    score.values["lpips"].append(judges.lpips(made[box], crop[box]))
    score.made.append(judges.features(made))
    score.true.append(judges.features(crop))
    found = landmarker.landmarks(RgbPicture(made), roi_from_mesh(landmarks))
    # The truth is looked at as what was made is, not as the smoothed track.
    wanted = landmarker.landmarks(RgbPicture(crop), roi_from_mesh(landmarks))
    if found is None or wanted is None:
        return
    score.values["akd"].append(average_keypoint_distance(found, wanted, len(crop)))
    if judges.identity is not None and portrait.landmarks is not None:
        points = list(IDENTITY_POINTS)
        face = judges.identity.embed(made, found[points])
        score.values["aed"].append(aed(face, judges.identity.embed(crop, wanted[points])))
        own = judges.identity.embed(portrait.frame.rgb(), portrait.landmarks[points])
        score.values["csim"].append(csim(face, own))


def _placed(landmarks: np.ndarray, to_crop: np.ndarray) -> np.ndarray:
    placed = landmarks * np.float32(to_crop[1, 1])
    placed[:, :2] = apply(to_crop, landmarks)
    return placed


def _face_box(landmarks: np.ndarray, side: int) -> tuple[slice, slice]:
    """Rows and columns of the face in the crop."""
    low, high = landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)
    margin = _MARGIN * (high - low)
    x0, y0 = np.clip(np.floor(low - margin), 0, side - 16).astype(int)
    x1, y1 = np.clip(np.ceil(high + margin), (x0 + 16, y0 + 16), side).astype(int)
    return slice(y0, y1), slice(x0, x1)
