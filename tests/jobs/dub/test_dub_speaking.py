"""`--face speaking`: the mouth of whoever speaks, one at a time."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from dubtool.errors import InputError, NoFaceError, UsageError
from dubtool.jobs.dub import speaking
from dubtool.jobs.dub.job import Dubber, dub
from dubtool.jobs.restore_teeth.job import restore_teeth
from dubtool.jobs.shared.cast import read_cast
from dubtool.jobs.shared.options import DubOptions
from dubtool.jobs.shared.overrides import Override, Overrides
from dubtool.jobs.shared.speakers import Speakers, Turn
from dubtool.media.arrays import write_pictures
from dubtool.tracking.people import names

_SILENT_FRAMES = range(9, 11)


@pytest.fixture
def film(cut: Any, place: Path) -> Path:
    """Twenty frames of the example beside themselves."""
    clip = cut("longer.mp4", "-frames:v", 20, "-an", "-preset", "ultrafast", "-crf", 14)
    capture, frames = cv2.VideoCapture(str(clip)), []
    while (read := capture.read())[0]:
        frames.append(np.concatenate([read[1][..., ::-1]] * 2, axis=1))
    return write_pictures(place / "film.mkv", frames, Fraction(25))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The left one speaks, nobody, then the right one."""

    def who_speaks(info: Any, tracked: Any, people: Any, folder: Path, *, device: str) -> Speakers:
        left, right = names(people.persons)
        turns = [
            Turn(left, people.persons[0], Fraction(0), Fraction(9, 25)),
            Turn(right, people.persons[1], Fraction(11, 25), Fraction(20, 25)),
        ]
        return Speakers(people, tracked.times, np.array([0] * 9 + [-1] * 2 + [1] * 9), turns, 0.2)

    monkeypatch.setattr(speaking, "who_speaks", who_speaks)


def _changes(made: list[np.ndarray], film: Path) -> np.ndarray:
    """How much each half of each frame differs from the film's, [N, 2]."""
    capture, found = cv2.VideoCapture(str(film)), []
    for picture in made:
        before = capture.read()[1][..., ::-1].astype(int)
        halves = np.split(np.abs(picture.astype(int) - before).max(axis=(0, 2)), 2)
        found.append([half.max() for half in halves])
    return np.array(found)


@pytest.mark.parametrize("model", ["retrieval-warp", "dinet-shape"])
def test_each_is_dubbed_in_their_own_turn_and_nobody_else(film: Path, told: None, speech: Path, model: str) -> None:
    made = list(Dubber(model).frames(film, speech, face="speaking", length="video"))
    changed = _changes(made, film)
    left, right = changed[:, 0], changed[:, 1]
    assert (right[:11] == 0).all() and (left[9:] == 0).all()
    assert (left[1:5] > 4).all() and (right[15:19] > 4).all()
    # The new mouths come and go by and by.
    assert left[7] <= left[1:6].max() and right[11] <= right[13:].max()


def test_what_was_decided_is_told_and_written(film: Path, told: None, speech: Path) -> None:
    report = dub(film, speech, film.with_name("out.mp4"), face="Speaking", preset="ultrafast")
    assert report.dubbed > 0 and report.extra["cast"] == str(film.with_name("out.cast.csv"))
    rows = read_cast(film.with_name("out.cast.csv")).rows
    assert [row.face for row in rows] == ["person-1", "nobody"][: len(rows)]
    assert rows[0].speech == speech.absolute() and rows[0].start == rows[0].offset
    assert report.details["speaking"][1]["face"] == "person-2"
    # The speech ends before the other one's turn.
    assert [one["face"] for one in report.details["people"] if one["dubbed"]] == ["person-1"]
    assert any("5.0 frames) late" in warning for warning in report.warnings)


def test_a_turn_may_be_given_to_another_mouth_or_skipped(film: Path, told: None, speech: Path) -> None:
    overrides = Overrides((
        Override(Fraction(0), Fraction(9, 25), "person-1", face="right"),
        Override(Fraction(0), Fraction(1), "person-2", skip=True),
    ))  # fmt: skip
    with pytest.raises(NoFaceError, match="no frame can be dubbed"):
        # Whoever was given the turn is skipped, too.
        list(Dubber("dinet-shape").frames(film, speech, face="speaking", length="video", overrides=overrides))
    given = Overrides(overrides.rows[:1])
    made = list(Dubber("dinet-shape").frames(film, speech, face="speaking", length="video", overrides=given))
    left, right = _changes(made, film).T
    assert (left == 0).all() and (right[1:5] > 4).all() and (right[15:19] > 4).all() and (right[9:11] == 0).all()


def test_the_table_of_an_earlier_dub_is_not_replaced(film: Path, told: None, speech: Path) -> None:
    film.with_name("out.cast.csv").write_text("edited by hand")
    with pytest.raises(UsageError, match=r"out\.cast\.csv"):
        dub(film, speech, film.with_name("out.mp4"), face="speaking")
    assert film.with_name("out.cast.csv").read_text() == "edited by hand"


def test_workers_draw_the_same(film: Path, told: None, speech: Path) -> None:
    files = [film.with_name(f"{name}.mkv") for name in ("alone", "shared")]
    for file, workers in zip(files, (None, 2), strict=True):
        dub(film, speech, file, face="speaking", length="video", lossless=True, codec="ffv1", workers=workers)
    alone, shared = (cv2.VideoCapture(str(file)) for file in files)
    while (one := alone.read())[0]:
        assert np.array_equal(one[1], shared.read()[1])


def test_a_film_without_sound_says_nothing_of_who_speaks(film: Path, speech: Path) -> None:
    with pytest.raises(InputError, match=r"film\.mkv .*no sound"):
        dub(film, speech, film.with_name("out.mp4"), face="speaking")


def test_it_is_for_dubs_of_no_one_in_particular(film: Path) -> None:
    assert DubOptions(face=" Speaking ").speaking and not DubOptions().speaking
    with pytest.raises(UsageError, match="speaking is for 'dubtool dub' alone"):
        restore_teeth(film, film.with_name("out.mp4"), face="speaking")
