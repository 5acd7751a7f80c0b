from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from dubtool.errors import NoFaceError, UsageError
from dubtool.face.topology import TRACKED, tracked
from dubtool.tracking.head_form import HeadForm
from dubtool.tracking.identity_changes import changes, persons_apart
from dubtool.tracking.people import Person, choose, names, people
from dubtool.tracking.track import FaceTrack, Tracks

TIMES = [Fraction(index, 25) for index in range(100)]
QUANTUM = 8192.0


# Every head is much the same: the same random cloud for all, bent a little for each.
COMMON = np.random.default_rng(0).normal(size=(len(TRACKED), 3)) * 0.3
COMMON[tracked((33, 263))] = (-0.5, 0, 0), (0.5, 0, 0)
# Here all directions tell heads apart: two clouds bent differently lie at right angles.
FORM = HeadForm(
    COMMON.astype(np.float32),
    COMMON[:, :2].reshape(-1).astype(np.float32),
    np.eye(2 * len(TRACKED), dtype=np.float32) / 0.003,
)


class Actor:
    """Someone with a form of head of their own."""

    def __init__(self, seed: int) -> None:
        self.form = COMMON + 0.03 * np.random.default_rng(seed).normal(size=COMMON.shape)

    def heads(self, count: int, turn: float = 0.0, seed: int = 9) -> np.ndarray:
        c, s = np.cos(turn), np.sin(turn)
        heads = self.form @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]).T
        return heads + 0.003 * np.random.default_rng(seed).normal(size=(count, *heads.shape))

    def track(
        self, frames: range, x: float, size: float = 100.0, shot: int = 0, turn: float = 0.0, seed: int = 9
    ) -> FaceTrack:
        return track_of(self.heads(len(frames), turn, seed), frames, x, size, shot)


def track_of(heads: np.ndarray, frames: range, x: float = 100.0, size: float = 100.0, shot: int = 0) -> FaceTrack:
    return FaceTrack(
        np.array(frames, np.int32),
        np.rint(heads * QUANTUM).astype(np.int16),
        np.tile(np.array([x, 120, size], np.float32), (len(frames), 1)),
        shot,
    )


ANN, BEN, CAT = Actor(1), Actor(2), Actor(3)


def of(*faces: FaceTrack, count: int = 100) -> Tracks:
    return Tracks(list(faces), count, tuple(sorted({int(face.frames[0]) for face in faces if face.shot})))


def who(persons: list[Person]) -> list[list[int]]:
    """First frames of each person's tracks."""
    return [[int(track.frames[0]) for track in person.tracks] for person in persons]


def in_order(persons: list[Person]) -> list[Person]:
    return sorted(persons, key=lambda person: int(person.tracks[0].frames[0]))


def test_a_person_is_known_again_after_cuts() -> None:
    tracks = of(
        BEN.track(range(30, 60), 200, shot=1, seed=1),
        ANN.track(range(0, 30), 100, seed=2),
        ANN.track(range(60, 90), 120, size=160, shot=2, turn=0.3, seed=3),
    )
    assert who(people(tracks, FORM)) == [[0, 60], [30]]


def test_two_in_one_shot_are_never_one_even_if_they_are_twins() -> None:
    tracks = of(ANN.track(range(0, 50), 50), ANN.track(range(20, 80), 250))
    assert who(people(tracks, FORM)) == [[0], [20]]


def test_two_forms_are_two_persons() -> None:
    assert len(people(of(ANN.track(range(0, 50), 100), BEN.track(range(50, 100), 100, shot=1)), FORM)) == 2


@pytest.mark.parametrize("length", [0, 5, 10, 20])
@pytest.mark.parametrize("seen", [8, 40])
def test_a_face_that_melts_into_another_is_two_persons(length: int, seen: int) -> None:
    share = np.concatenate([np.zeros(40), np.linspace(0, 1, length + 2)[1:-1], np.ones(seen)])[:, None, None]
    total = len(share)
    heads = (1 - share) * ANN.heads(total) + share * BEN.heads(total, seed=4)
    first, second = in_order(people(of(track_of(heads, range(total))), FORM))
    assert (int(first.tracks[0].frames[0]), int(second.tracks[-1].frames[-1])) == (0, total - 1)
    # None of Ann's frames is Ben's or mixed more than half, and few are lost.
    assert 40 - 6 <= len(first.tracks[0].frames) <= 40 + length / 2
    assert seen - 6 <= len(second.tracks[0].frames) <= seen + length / 2
    assert len(first.tracks) == len(second.tracks) == 1


def test_a_face_that_comes_back_after_another_is_known_again() -> None:
    heads = np.concatenate([ANN.heads(40), BEN.heads(40), ANN.heads(40, seed=3)])
    first, second = in_order(people(of(track_of(heads, range(120)), count=120), FORM))
    assert len(first.tracks) == 2 and first.tracks[1].frames[-1] == 119
    assert 34 <= second.frame_count <= 40


def test_one_who_speaks_turns_and_comes_nearer_stays_one_track() -> None:
    turns = 0.5 * np.sin(np.arange(100) / 9)
    heads = np.concatenate([ANN.heads(1, turn, seed) for seed, turn in enumerate(turns)])
    heads[:, tracked((13, 14)), 1] += 0.1 * np.sin(np.arange(100) / 2)[:, None] * (-1, 1)
    track = track_of(heads, range(100))
    (person,) = people(of(track), FORM)
    assert len(person.tracks) == 1 and person.tracks[0] is track


# What is around two people, and a third who stands where the first stood, with other hair and clothes.
LOOKS = np.random.default_rng(5).integers(1, 255, (2, 8, 8, 3)).astype(np.float64)


def with_looks(track: FaceTrack, share: np.ndarray, looks: np.ndarray = LOOKS) -> FaceTrack:
    """A track whose looks go from the first to the second by `share` [N]; every other row was looked at."""
    weight = share.reshape(-1, 1, 1, 1)
    noise = np.random.default_rng(6).normal(0, 2, (len(share), 8, 8, 3))
    track.looks[:] = np.clip(np.rint((1 - weight) * looks[0] + weight * looks[1] + noise), 1, 255)
    track.looks[1::2] = 0
    return track


def _cut_before_one_backdrop(jump: float) -> FaceTrack:
    """Ann, and from row 20 on somebody whose head has her form, a little elsewhere; all around stays much the same."""
    after = np.repeat([0.0, 1.0], 20)
    looks = np.stack([LOOKS[0], 0.5 * LOOKS[0] + 0.5 * LOOKS[1]])
    return with_looks(track_of(ANN.heads(40) + jump * after[:, None, None], range(40)), after, looks)


@pytest.mark.parametrize(("jump", "cosine", "parts"), [(0.1, 0.3, 2), (0.1, 0.6, 1), (0.0, 0.3, 1)])
def test_a_cut_that_the_pictures_hide_is_found_by_the_faces(jump: float, cosine: float, parts: int) -> None:
    track, asked = _cut_before_one_backdrop(jump), []

    def recognise(faces: Sequence[FaceTrack]) -> np.ndarray:
        asked.append([(int(face.frames[0]), int(face.frames[-1])) for face in faces])
        later = np.array([int(face.frames[0]) >= 20 for face in faces])
        return np.where(later[:, None], [[cosine, np.sqrt(1 - cosine**2)]], [[1.0, 0.0]])

    persons = in_order(people(of(track, count=40), FORM, recognise))
    assert [person.frame_count for person in persons] == [40 // parts] * parts
    assert asked[:1] == ([[(18, 19), (20, 21)]] if jump else []), "nobody is asked where nothing jumps"
    assert parts == 2 or persons[0].tracks == [track]


def alike(share: np.ndarray, kept: float = 0.6) -> np.ndarray:
    """Heads that go from Ann's form to one that keeps so much of it, by `share` [N]; at 0.6 their likeness is 0.5."""
    own, other = ANN.form - COMMON, BEN.form - COMMON
    return ANN.heads(len(share)) + share.reshape(-1, 1, 1) * (kept * own + other - own)


def turned(heads: np.ndarray, angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return heads @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]).T


def test_a_changed_form_is_a_grimace_while_all_around_it_looks_the_same() -> None:
    share = np.repeat([0.0, 1.0], 40)
    track = with_looks(track_of(ANN.heads(80) + share[:, None, None] * (BEN.form - ANN.form), range(80)), 0 * share)
    assert len(persons_apart(track, FORM)) == 1
    track.looks[:] = 0
    assert len(persons_apart(track, FORM)) == 2, "without looks the form alone decides"


@pytest.mark.parametrize("length", [0, 4, 10, 20])
def test_people_of_similar_heads_are_told_apart_by_what_is_around_them(length: int) -> None:
    share = np.concatenate([np.zeros(40), np.linspace(0, 1, length + 2)[1:-1], np.ones(40)])
    heads = alike(share)
    track = track_of(heads, range(len(share)))
    assert len(persons_apart(track, FORM)) == 1, "as alike as one person laughing"
    first, second = persons_apart(with_looks(track, share), FORM)
    # Nothing is kept through which the other shines, and little is lost.
    assert share[first.frames].max() < 0.15 and len(first.frames) >= 36
    assert share[second.frames].min() > 0.85 and len(second.frames) >= 36


@pytest.mark.parametrize(("angle", "parts"), [(0.0, 2), (0.4, 1)])
def test_a_head_that_turns_moves_within_what_is_around_it_and_stays_the_persons(angle: float, parts: int) -> None:
    share = np.repeat([0.0, 1.0], 40)
    # A grimace: its form is as little like the first as a stranger's.
    heads = np.concatenate([alike(np.zeros(40)), turned(alike(np.ones(40), 0.2), angle)])
    wide = np.random.default_rng(7).integers(1, 255, (9, 9, 3)).astype(np.float64)
    moved = np.stack([wide[:8, :8], wide[:8, 1:]])
    assert len(persons_apart(with_looks(track_of(heads, range(80)), share, moved), FORM)) == parts


def test_a_head_that_turns_may_look_less_alike() -> None:
    share = np.repeat([0.0, 1.0], 40)
    looks = np.stack([LOOKS[0], 0.7 * LOOKS[0] + 0.3 * LOOKS[1]])
    for angle, parts in ((0.0, 2), (0.4, 1)):
        heads = np.concatenate([alike(np.zeros(40)), turned(alike(np.ones(40)), angle)])
        assert len(persons_apart(with_looks(track_of(heads, range(80)), share, looks), FORM)) == parts


def test_looks_that_lie_beyond_the_picture_tell_nothing() -> None:
    share = np.repeat([0.0, 1.0], 40)
    track = with_looks(track_of(alike(share), range(80)), share)
    track.looks[:, :, 1:] = 0
    assert len(persons_apart(track, FORM)) == 1


def test_a_grimace_that_fades_loses_no_frame() -> None:
    fading = np.concatenate([np.zeros(50), np.full(16, 0.8), np.linspace(0.8, 0, 120), np.zeros(40)])[:, None, None]
    heads = ANN.heads(len(fading)) + fading * (BEN.form - ANN.form)
    track = track_of(heads, range(len(heads)))
    assert changes(FORM.vectors(track.points(np.arange(0, len(heads), 2)))[0])
    (person,) = people(of(track), FORM)
    assert person.tracks == [track]


def test_stretches_that_are_the_same_persons_again_stay_whole() -> None:
    # Turned aside in three of four frames of the first stretch, where the form misleads.
    aside = np.where(
        (np.random.default_rng(1).random(90) < 0.76)[:, None, None], BEN.heads(90, turn=0.5), ANN.heads(90)
    )
    heads = np.concatenate([aside, ANN.heads(40, seed=3)])
    track = track_of(heads, range(len(heads)))
    assert len(persons_apart(track, FORM)) > 1
    (person,) = people(of(track), FORM)
    assert [len(one.frames) for one in person.tracks] == [len(heads)]


def test_what_lies_under_a_hand_tells_nothing_of_the_person() -> None:
    heads = ANN.heads(90)
    heads[30:60] += BEN.form - ANN.form
    track = track_of(heads, range(90))
    track.covered[:] = 0.0
    track.covered[25:65] = 1.0
    (person,) = people(of(track), FORM)
    assert person.frame_count == 90


def test_a_face_lost_and_found_in_one_shot_is_one_person() -> None:
    assert who(people(of(ANN.track(range(0, 30), 100), ANN.track(range(60, 90), 110, seed=4)), FORM)) == [[0, 60]]


def test_persons_stand_in_order_from_left_to_right() -> None:
    tracks = of(BEN.track(range(0, 99), 300), CAT.track(range(0, 10), 20), ANN.track(range(0, 50), 100))
    assert [person.x for person in people(tracks, FORM)] == [20, 100, 300]


def test_nobody_is_an_empty_list() -> None:
    assert people(Tracks([], 10, ()), FORM) == []


def test_screen_time_counts_seconds_not_frames() -> None:
    person = people(of(ANN.track(range(0, 4), 100), count=5), FORM)[0]
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
    assert choose(people(trio, FORM), spec, trio, TIMES).x == x


def test_a_name_is_a_number_from_the_left(trio: Tracks) -> None:
    persons = people(trio, FORM)
    assert names(persons) == ["person-1", "person-2", "person-3"]
    assert choose(persons, "person-2", trio, TIMES) is choose(persons, "2", trio, TIMES)


def test_a_name_that_the_film_does_not_have_tells_those_it_has(trio: Tracks) -> None:
    with pytest.raises(NoFaceError, match=r"nobody called person-4; .*person-1: .*person-3"):
        choose(people(trio, FORM), "person-4", trio, TIMES)
    with pytest.raises(UsageError, match=r"'anna' is not understood.* person-1, person-2, person-3"):
        choose(people(trio, FORM), "anna", trio, TIMES)


def test_a_picture_is_left_to_who_can_read_it(trio: Tracks) -> None:
    persons = people(trio, FORM)
    asked: list[Path] = []

    def pictured(path: Path, among: Sequence[Person]) -> Person:
        asked.append(path)
        return among[1]

    assert choose(persons, "Folder/Anna.jpg", trio, TIMES, pictured) is persons[1]
    assert asked == [Path("Folder/Anna.jpg")]


def test_what_names_a_place_is_no_picture_even_where_a_file_is_called_so(
    trio: Tracks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for spec in ("largest", "left", "2", "person-2"):
        Path(spec).write_text("somebody's notes")
        assert choose(people(trio, FORM), spec, trio, TIMES).x > 0


@pytest.mark.parametrize("spec", ["x" * 5000, "a\0b"])
def test_what_no_file_can_be_called_is_not_understood(trio: Tracks, spec: str) -> None:
    with pytest.raises(UsageError, match="is not understood"):
        choose(people(trio, FORM), spec, trio, TIMES)


def test_looks_know_people_again_where_they_are_known() -> None:
    tracks = of(*(actor.track(range(10 * n, 10 * n + 9), 100, shot=n) for n, actor in enumerate((ANN, BEN, ANN, BEN))))
    looks = {0: (1, 0), 10: (1, 0), 20: (0, 1), 30: (0.1, 0.99)}

    def recognise(faces: Sequence[FaceTrack]) -> np.ndarray:
        return np.array([looks[int(face.frames[0])] for face in faces], np.float32)

    assert sorted(who(people(tracks, FORM, recognise))) == [[0, 10], [20, 30]]
    assert sorted(who(people(tracks, FORM))) == [[0, 20], [10, 30]]


@pytest.mark.parametrize("spec", ["", "biggest", "-1", "1.5", "@3", "@1:2", "@:1,2", "@1:2,3,4", "@a:1,2", "@1:1;2"])
def test_a_malformed_wish_is_a_usage_error(trio: Tracks, spec: str) -> None:
    with pytest.raises(UsageError, match="largest, left, right"):
        choose(people(trio, FORM), spec, trio, TIMES)


@pytest.mark.parametrize("spec", ["0", "4"])
def test_a_number_nobody_has_lists_who_there_is(trio: Tracks, spec: str) -> None:
    who = "person-1: 60 px .* person-2: 100 px .* person-3: 200 px"
    with pytest.raises(NoFaceError, match=rf"number {spec}; .*{who}") as caught:
        choose(people(trio, FORM), spec, trio, TIMES)
    assert "\n" not in str(caught.value)


def test_a_moment_without_faces_finds_nobody() -> None:
    tracks = of(ANN.track(range(0, 10), 50))
    with pytest.raises(NoFaceError, match="no face is seen at 2 s"):
        choose(people(tracks, FORM), "@2:50,50", tracks, TIMES)


def test_a_video_without_faces_finds_nobody() -> None:
    with pytest.raises(NoFaceError, match="10 frames"):
        choose([], "largest", Tracks([], 10, ()), TIMES[:10])
