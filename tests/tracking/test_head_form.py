from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from dubtool.face.picture import RgbPicture
from dubtool.face.topology import TRACKED
from dubtool.tracking.detect import FaceDetector
from dubtool.tracking.head_form import HeadForm, likeness
from dubtool.tracking.landmarks import FaceLandmarker, roi_from_five


@pytest.fixture(scope="module")
def heads(meshes: np.ndarray) -> np.ndarray:
    return meshes[:, list(TRACKED)]


def test_place_size_and_roll_do_not_matter(form: HeadForm, heads: np.ndarray) -> None:
    c, s = np.cos(2.5), np.sin(2.5)
    moved = 0.4 * heads @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]], np.float32) + np.float32(70)
    np.testing.assert_allclose(form.vectors(moved)[0], form.vectors(heads)[0], atol=0.02)


def test_yaw_is_told_in_degrees(form: HeadForm, heads: np.ndarray) -> None:
    c, s = np.cos(np.radians(20)), np.sin(np.radians(20))
    turned = heads @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]], np.float32).T
    change = form.vectors(turned)[1] - form.vectors(heads)[1]
    # The clip's own head looks up a little, and turns about its own axis.
    np.testing.assert_allclose(np.abs(change), 20, atol=3)


def test_one_who_speaks_is_alike_throughout(form: HeadForm, heads: np.ndarray) -> None:
    forms, _ = form.vectors(heads)
    half = len(forms) // 2
    assert likeness(forms[:half].mean(axis=0), forms[half:].mean(axis=0)) > 0.9
    assert np.median(likeness(forms, forms.mean(axis=0))) > 0.8


def test_a_longer_face_with_closer_eyes_is_anothers(form: HeadForm, heads: np.ndarray) -> None:
    other = heads.copy()
    middle = other.mean(axis=1, keepdims=True)
    other = middle + (other - middle) * np.array([0.9, 1.12, 1.0], np.float32)
    assert likeness(form.vectors(heads)[0].mean(axis=0), form.vectors(other)[0].mean(axis=0)) < 0.5


@pytest.mark.parametrize(
    "light", [(0.3, 0.3, 0.3), (0.45, 0.45, 0.45), (1.3, 1.3, 1.3), (1.0, 0.4, 0.35), (0.4, 0.5, 1.0), (0.5, 1.0, 0.5)]
)
def test_light_does_not_change_who_it_is(
    form: HeadForm,
    heads: np.ndarray,
    portrait: list[np.ndarray],
    detector: FaceDetector,
    landmarker: FaceLandmarker,
    light: tuple[float, float, float],
) -> None:
    found = []
    for rgb in portrait[:3]:
        face = detector.detect(RgbPicture(rgb))[0]
        lit = np.clip(rgb * np.array(light), 0, 255).astype(np.uint8)
        mesh = landmarker.landmarks(RgbPicture(lit), roi_from_five(face.points, face.size))
        assert mesh is not None
        found.append(mesh[list(TRACKED)])
    forms = form.vectors(np.stack(found))[0].mean(axis=0), form.vectors(heads)[0].mean(axis=0)
    assert likeness(*forms) > 0.68


def test_a_form_comes_back_from_its_file(tmp_path: Path, heads: np.ndarray) -> None:
    points = len(TRACKED)
    projection = np.random.default_rng(0).normal(size=(2 * points, 5)).astype(np.float16).astype(np.float32)
    made = HeadForm(heads[0], heads[0, :, :2].reshape(-1), projection)
    made.save(tmp_path / "form.npz")
    again = HeadForm.load(tmp_path / "form.npz")
    for name in ("head", "mean", "projection"):
        np.testing.assert_array_equal(getattr(again, name), getattr(made, name))


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_a_face_that_stands_on_its_head_is_seen_to(
    portrait: list[np.ndarray], detector: FaceDetector, quarters: int
) -> None:
    picture = RgbPicture(np.ascontiguousarray(np.rot90(portrait[0], -quarters)))
    face = detector.righted(picture, detector.detect(picture)[0])
    roll = np.degrees(roi_from_five(face.points, face.size).roll)
    assert abs((roll - 90 * quarters + 180) % 360 - 180) < 20


def test_an_upright_face_that_is_hard_to_see_stays_as_it_was_found(
    portrait: list[np.ndarray], detector: FaceDetector
) -> None:
    picture = RgbPicture(cv2.GaussianBlur((portrait[0] * 0.3).astype(np.uint8), (0, 0), 3))
    face = detector.detect(picture)[0]
    assert detector.righted(picture, face) is face
