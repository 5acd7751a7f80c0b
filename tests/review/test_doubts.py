"""What is measured of source and dub, and where the page says: look here."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from dubtool.jobs.shared.course import Course, MouthTold, PersonCourse
from dubtool.media.color import Color
from dubtool.media.frame import Frame
from dubtool.media.pixels import layout_of
from dubtool.review.compared import Compared
from dubtool.review.doubts import doubtful_shots, missed_closures
from dubtool.review.dubbed import Dubbed

OPEN, SHUT = 0.1, 0.02


def _openings(text: str) -> np.ndarray:
    """One frame a letter: o open, s shut, . unknown."""
    return np.array([{"o": OPEN, "s": SHUT, ".": np.nan}[letter] for letter in text], np.float32)


@pytest.mark.parametrize(
    ("asked", "rendered", "missed"),
    [
        ("oossoo", "oossoo", []),
        ("oossoo", "oooooo", [(2, 4)]),
        ("ooossooooo", "oooooosooo", [], ),
        ("ooossooooo", "ooooooosoo", [(3, 5)]),
        ("oooosooo", "oosooooo", []),
        ("soosoo", "oooo.o", [(0, 1), (3, 4)]),
        ("oossoo", "......", []),
        ("......", "oooooo", []),
    ],
)  # fmt: skip
def test_a_closure_is_missed_where_no_frame_near_it_is_shut(
    asked: str, rendered: str, missed: list[tuple[int, int]]
) -> None:
    assert missed_closures(_openings(asked), _openings(rendered)) == missed


def _doubts(**changes: object) -> str:
    """Why the second of two shots is to be looked at; nothing is wrong but what is changed."""
    told = {"yaw": 5.0, "side": 120.0, "painted": 0.1, "references": 80, "rendered": 0.1, "sharpness": 0.95} | changes
    mouths = {n: MouthTold(0.1, 50, 50, float(told["side"]), float(told["yaw"]), told["painted"]) for n in range(20)}  # type: ignore[arg-type]
    person = PersonCourse("left", [], told["references"], [], mouths)  # type: ignore[arg-type]
    course = Course([n / 25 for n in range(40)], list(range(40)), [], [0, 10, 20], [person])
    asked, rendered, sharpness = (np.full(40, np.nan, np.float32) for _ in range(3))
    asked[:20] = 0.1
    rendered[:10], sharpness[:10] = 0.1, 0.95
    rendered[10:20], sharpness[10:20] = told["rendered"], told["sharpness"]
    found = doubtful_shots(course, person, asked, rendered, sharpness)
    assert all((doubt.first, doubt.stop) in ((0, 10), (10, 20)) for doubt in found), "not where nothing is dubbed"
    return next((doubt.why for doubt in found if doubt.first == 10), "")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, ""),
        ({"rendered": 0.16}, "opening 0.06 off what is asked"),
        ({"rendered": np.nan}, "no mouth seen in the dub"),
        ({"yaw": -38.0}, "head turned by 38 degrees"),
        ({"side": 30.0}, "small mouth, 30 px"),
        ({"painted": 0.75}, "75% is painted: no own frame would do"),
        ({"painted": None, "references": None}, ""),
        ({"references": 9}, "only 9 own frames to choose from"),
        ({"sharpness": 0.5}, "softer than the source, 0.50 of its sharpness"),
        ({"sharpness": 1.6, "yaw": 40.0}, "head turned by 40 degrees, crisper than the source, 1.60 of its sharpness"),
    ],
)
def test_a_shot_is_doubtful_for_a_reason(changes: dict[str, object], told: str) -> None:
    assert _doubts(**changes) == told


def _frame(picture: np.ndarray) -> Frame:
    color = Color("tv", "bt709", "bt709", "bt709")
    return Frame.from_rgb(picture, layout_of("444", 8), color, time=Fraction(0), duration=Fraction(1, 25))


def test_sharpness_and_light_are_those_of_the_mouths_box() -> None:
    noise = np.random.default_rng(0).normal(0, 30, (96, 96, 1))
    picture = np.clip(120 + np.repeat(noise, 3, axis=2), 0, 255).astype(np.uint8)
    dub = picture.copy()
    dub[40:72, 30:62] = cv2.GaussianBlur(picture, (0, 0), 1.0)[40:72, 30:62] // 2
    # A second mouth lies half beyond the picture, a third one wholly.
    places = {"left": (46, 56, 32), "right": (96, 10, 16), "3": (300, 0, 9)}
    people = [PersonCourse(name, mouths={0: MouthTold(0.1, *place, 0)}) for name, place in places.items()]
    course = Course([0.0, 0.04], [0, 1], [], [0], people)
    compared = Compared(Dubbed(Path("x.mp4"), Path("y.mp4"), {}, {}, course))
    compared.see(_frame(picture), _frame(dub))
    compared.see(_frame(picture), _frame(dub))
    left, right, beyond = compared.people
    assert left.sharpness[0] < 0.3 and left.before[0] == pytest.approx(120, abs=4)
    assert left.after[0] == pytest.approx(left.before[0] / 2, abs=4)
    assert right.sharpness[0] == pytest.approx(1.0, abs=0.02) and np.isnan(beyond.sharpness).all()
    assert np.isnan(left.sharpness[1]), "no new mouth is in the second frame"
    assert len(compared.brightness) == 2
