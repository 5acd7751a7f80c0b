"""Self-reenactment of the example's person: a portrait that follows must score better than one that does not."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from dubbing_place import Cut

from dubtool.engine.session import Session
from dubtool.evaluation.reenacted import MEASURES, Judges, Still, evaluate_reenactment
from dubtool.face.shape import ShapeModel
from dubtool.metrics.perceptual import Lpips
from dubtool.models.piecewise_warp import WarpAnimator
from dubtool.tracking.landmarks import FaceLandmarker
from dubtool.weights.locate import find


def test_the_warp_beats_a_portrait_held_still(place: Path, cut: Cut) -> None:
    clip = cut("self.mp4", "-frames:v", 40, "-an", "-preset", "ultrafast", "-crf", 14)
    judges = Judges(Lpips(Session(find("lpips"), "cpu").run), lambda picture: picture.mean(axis=(0, 1)), None)
    animators = {"still": Still(), "warp": WarpAnimator(384)}
    with FaceLandmarker(find("face_landmarker")) as landmarker:
        scores = evaluate_reenactment(
            [clip], animators, judges, ShapeModel.load(find("face_shape")), landmarker, frames=5
        )
    still, warp = scores["still"].numbers(), scores["warp"].numbers()
    assert set(warp) == set(MEASURES)
    assert warp["akd"] < 0.5 * still["akd"]
    assert warp["psnr"] > still["psnr"] and warp["lpips"] < still["lpips"]
    assert np.isnan(warp["csim"]), "without SFace nothing is told"


def test_what_spoils_a_portrait_costs_score(place: Path, cut: Cut) -> None:
    clip = cut("spoiled.mp4", "-frames:v", 12, "-an", "-preset", "ultrafast", "-crf", 14)
    judges = Judges(Lpips(Session(find("lpips"), "cpu").run), lambda picture: picture.mean(axis=(0, 1)), None)
    numbers: list[int] = []

    def blurred(picture: np.ndarray, number: int) -> np.ndarray:
        numbers.append(number)
        return cv2.GaussianBlur(picture, (0, 0), 6)

    shapes, found = ShapeModel.load(find("face_shape")), []
    with FaceLandmarker(find("face_landmarker")) as landmarker:
        for spoiled in (None, blurred):
            scores = evaluate_reenactment(
                [clip, clip], {"still": Still()}, judges, shapes, landmarker, frames=2, spoiled=spoiled
            )
            found.append(scores["still"].numbers())
    assert numbers == [0, 1]
    assert found[1]["lpips"] > found[0]["lpips"] + 0.1 and found[1]["ssim"] < found[0]["ssim"]
