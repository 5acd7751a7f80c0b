"""The person in a picture, found in a film by the real recognizer."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from dubtool.errors import NoFaceError, UsageError
from dubtool.face.shape import ShapeModel
from dubtool.media.probe import probe
from dubtool.tracking.face_words import is_picture
from dubtool.tracking.person import VideoPeople, chosen_person
from dubtool.tracking.pictured import face_in_picture, most_like
from dubtool.tracking.track_video import track_video
from dubtool.weights.locate import find


@pytest.fixture
def portrait(clip: Path, place: Path) -> np.ndarray:
    """A frame of the example, BGR."""
    good, image = cv2.VideoCapture(str(clip)).read()
    assert good
    return np.asarray(image)


def saved(folder: Path, picture: np.ndarray) -> Path:
    path = folder / "anna.jpg"
    cv2.imwrite(str(path), picture)
    return path


def test_a_picture_of_the_person_finds_them(portrait: np.ndarray, clip: Path, place: Path) -> None:
    info = probe(clip)
    tracked_video = track_video(info)
    turned = cv2.warpAffine(portrait, cv2.getRotationMatrix2D((150, 150), 12, 0.8), portrait.shape[1::-1])
    chosen = chosen_person(info, tracked_video, str(saved(place, turned)), ShapeModel.load(find("face_shape")))
    assert chosen.person.frame_count == tracked_video.tracks.frame_count


def test_a_picture_of_somebody_else_finds_nobody_and_says_who_there_is(
    portrait: np.ndarray, clip: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = probe(clip)
    tracked_video = track_video(info)
    everybody = VideoPeople(info, tracked_video, ShapeModel.load(find("face_shape")))
    (own,) = everybody.vectors(everybody.persons)
    stranger = np.roll(own, 5)
    monkeypatch.setattr("dubtool.tracking.person.face_in_picture", lambda path: stranger)
    with pytest.raises(NoFaceError, match=r"nobody in it is the person of .*anna\.jpg .*person-1") as caught:
        everybody.chosen(str(saved(place, portrait)))
    assert "\n" not in str(caught.value)


def test_a_picture_without_a_face_is_refused(place: Path) -> None:
    with pytest.raises(NoFaceError, match=r"anna\.jpg: no face"):
        face_in_picture(saved(place, np.full((200, 300, 3), 90, np.uint8)))


def test_a_picture_of_two_people_is_refused_and_of_a_bystander_is_not(portrait: np.ndarray, place: Path) -> None:
    with pytest.raises(UsageError, match=r"anna\.jpg shows 2 people"):
        face_in_picture(saved(place, np.concatenate([portrait, portrait], axis=1)))
    small = cv2.resize(portrait, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    beside = np.full((portrait.shape[0], small.shape[1], 3), 90, np.uint8)
    beside[: len(small)] = small
    alone = face_in_picture(saved(place, portrait))
    assert float(face_in_picture(saved(place, np.concatenate([portrait, beside], axis=1))) @ alone) > 0.9


def test_what_a_picture_is() -> None:
    assert is_picture("somewhere/Anna.JPG") and is_picture("anna.png")
    assert not is_picture("largest") and not is_picture("@1:2.5,3.5") and not is_picture("person-1")


def test_the_nearest_counts_only_if_near_enough() -> None:
    near, far = np.array([0.9, np.sqrt(1 - 0.81)]), np.array([0.2, np.sqrt(1 - 0.04)])
    wanted = np.array([1.0, 0.0])
    assert most_like(wanted, [far, near])[0::2] == (1, True)
    assert most_like(wanted, [far])[2] is False
