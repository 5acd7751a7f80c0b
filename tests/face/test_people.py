from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from dubtool.errors import NoFaceError, UsageError
from dubtool.face.people import Person, choose, people
from dubtool.face.topology import TRACKED, tracked
from dubtool.face.track import FaceTrack, Tracks

TIMES = [Fraction(index, 25) for index in range(100)]
QUANTUM = 8192.0


class Actor:
    """Someone with a look and a form of head of their own."""

    def __init__(self, seed: int, like: Actor | None = None) -> None:
        random = np.random.default_rng(seed)
        # Every head is much the same: the same random cloud for all, bent a little for each.
        common = np.random.default_rng(0).normal(size=(len(TRACKED), 3)) * 0.3
        common[tracked((33, 263))] = (-0.5, 0, 0), (0.5, 0, 0)
        self.form = common + 0.03 * random.normal(size=common.shape)
        self.look = random.normal(size=192) if like is None else like.look

    def track(
        self, frames: range, x: float, size: float = 100.0, shot: int = 0, turn: float = 0.0, seed: int = 9
    ) -> FaceTrack:
        random = np.random.default_rng(seed)
        look = self.look + 0.3 * random.normal(size=192)
        c, s = np.cos(turn), np.sin(turn)
        heads = self.form @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]).T
        heads = heads + 0.003 * random.normal(size=(len(frames), *heads.shape))
        return FaceTrack(
            np.array(frames, np.int32),
            np.rint(heads * QUANTUM).astype(np.int16),
            np.tile(np.array([x, 120, size], np.float32), (len(frames), 1)),
            (look / np.linalg.norm(look)).astype(np.float32),
            shot,
        )


ANN, BEN, CAT = Actor(1), Actor(2), Actor(3)


def of(*faces: FaceTrack, count: int = 100) -> Tracks:
    return Tracks(list(faces), count, tuple(sorted({int(face.frames[0]) for face in faces if face.shot})))


def who(persons: list[Person]) -> list[list[int]]:
    """First frames of each person's tracks."""
    return [[int(track.frames[0]) for track in person.tracks] for person in persons]


def test_a_person_is_known_again_after_cuts() -> None:
    tracks = of(
        BEN.track(range(30, 60), 200, shot=1, seed=1),
        ANN.track(range(0, 30), 100, seed=2),
        ANN.track(range(60, 90), 120, size=160, shot=2, turn=0.3, seed=3),
    )
    assert who(people(tracks)) == [[0, 60], [30]]


def test_two_in_one_shot_are_never_one_even_if_they_are_twins() -> None:
    tracks = of(ANN.track(range(0, 50), 50), ANN.track(range(20, 80), 250))
    assert who(people(tracks)) == [[0], [20]]


def test_looks_alone_do_not_make_a_person() -> None:
    # The same clothes and studio, another head.
    twin = Actor(7, like=ANN)
    assert len(people(of(ANN.track(range(0, 50), 100), twin.track(range(50, 100), 100, shot=1)))) == 2


def test_form_alone_does_not_make_a_person() -> None:
    other = Actor(1)
    other.look = -ANN.look
    assert len(people(of(ANN.track(range(0, 50), 100), other.track(range(50, 100), 100, shot=1)))) == 2


def test_a_face_lost_and_found_in_one_shot_is_one_person() -> None:
    assert who(people(of(ANN.track(range(0, 30), 100), ANN.track(range(60, 90), 110, seed=4)))) == [[0, 60]]


def test_persons_stand_in_order_from_left_to_right() -> None:
    tracks = of(BEN.track(range(0, 99), 300), CAT.track(range(0, 10), 20), ANN.track(range(0, 50), 100))
    assert [person.x for person in people(tracks)] == [20, 100, 300]


def test_nobody_is_an_empty_list() -> None:
    assert people(Tracks([], 10, ())) == []


def test_screen_time_counts_seconds_not_frames() -> None:
    person = people(of(ANN.track(range(0, 4), 100), count=5))[0]
    times = [Fraction(0), Fraction(1), Fraction(3), Fraction(4), Fraction(9)]
    assert person.screen_time(times) == 9.0
    assert person.frame_count == 4


@pytest.fixture
def trio() -> Tracks:
    """Ann: left, small, all the time. Ben: middle, large, for a while. Cat: right, largest, for a moment, later."""
    return of(
        ANN.track(range(0, 100), 50, size=60),
        BEN.track(range(0, 80), 150, size=100),
        CAT.track(range(70, 80), 250, size=200),
    )


@pytest.mark.parametrize(
    ("spec", "x"),
    [
        ("largest", 150),
        ("left", 50),
        ("right", 250),
        ("1", 50),
        ("2", 150),
        ("3", 250),
        (" Largest ", 150),
        ("@0:0,0", 50),
        ("@0.5:120,100", 150),
        ("@3.0:240,100", 250),
        # Cat is not there yet: Ben is nearest.
        ("@1:240,100", 150),
        # Found a few frames late: she counts as seen a quarter of a second before.
        ("@2.6:240,100", 250),
        ("@99:0,0", 50),
    ],
)
def test_the_asked_for_person_is_chosen(trio: Tracks, spec: str, x: float) -> None:
    assert choose(people(trio), spec, trio, TIMES).x == x


@pytest.mark.parametrize("spec", ["", "biggest", "-1", "1.5", "@3", "@1:2", "@:1,2", "@1:2,3,4", "@a:1,2", "@1:1;2"])
def test_a_malformed_wish_is_a_usage_error(trio: Tracks, spec: str) -> None:
    with pytest.raises(UsageError, match="largest, left, right"):
        choose(people(trio), spec, trio, TIMES)


@pytest.mark.parametrize("spec", ["0", "4"])
def test_a_number_nobody_has_lists_who_there_is(trio: Tracks, spec: str) -> None:
    with pytest.raises(NoFaceError, match=rf"number {spec}; .*1: 60 px .* 2: 100 px .* 3: 200 px") as caught:
        choose(people(trio), spec, trio, TIMES)
    assert "\n" not in str(caught.value)


def test_a_moment_without_faces_finds_nobody() -> None:
    tracks = of(ANN.track(range(0, 10), 50))
    with pytest.raises(NoFaceError, match="no face is seen at 2 s"):
        choose(people(tracks), "@2:50,50", tracks, TIMES)


def test_a_video_without_faces_finds_nobody() -> None:
    with pytest.raises(NoFaceError, match="10 frames"):
        choose([], "largest", Tracks([], 10, ()), TIMES[:10])
