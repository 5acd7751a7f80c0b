from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest

from dubtool.engine.session import Session
from dubtool.errors import WeightsError
from dubtool.face.picture import RgbPicture
from dubtool.face.topology import FACE_OVAL, OUTER_LIP, TRACKED, tracked
from dubtool.tracking.detect import FaceDetector
from dubtool.tracking.landmarks import FaceLandmarker, roi_from_five
from dubtool.tracking.occlusion import (
    _REWRITTEN,
    COVERED,
    MouthCover,
    covered_rows,
    doubtful_rows,
    fill_between,
    parser_graph,
)
from dubtool.tracking.track import FaceTrack
from dubtool.weights.locate import find

SIDE = 160
SKIN, LOWER_LIP = 1, 13
# A made-up face: an oval 200 px wide and high, eyes level, a mouth 60 px wide; then the crop is the picture, moved.
CENTRE = np.array([300.0, 250.0])


def made_up_points(roll: float = 0.0, size: float = 200.0) -> np.ndarray:
    points = np.zeros((len(TRACKED), 3), np.float32)
    angle = np.arange(len(FACE_OVAL)) / len(FACE_OVAL) * 2 * np.pi
    points[tracked(FACE_OVAL), :2] = np.stack([np.sin(angle), -np.cos(angle)], -1) * 100
    angle = np.arange(len(OUTER_LIP)) / len(OUTER_LIP) * 2 * np.pi
    points[tracked(OUTER_LIP), :2] = np.stack([-30 * np.cos(angle), 50 - 12 * np.sin(angle)], -1)
    points[tracked((33, 263)), :2] = (-45, -30), (45, -30)
    points[tracked((168,)), :2] = (0, -30)
    c, s = np.cos(roll), np.sin(roll)
    points[:, :2] = points[:, :2] @ np.array([[c, s], [-s, c]]) * size / 200 + CENTRE
    return points


class StubSession:
    """Says what it is told instead of parsing a face, and keeps what it was shown."""

    inputs = ("image",)

    def __init__(self, labels: np.ndarray) -> None:
        self.labels = labels
        self.seen: np.ndarray | None = None

    def run(self, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        self.seen = feeds["image"]
        return {"Identity:0": self.labels}


def judge(labels: np.ndarray, points: np.ndarray) -> float:
    picture = RgbPicture(np.zeros((480, 640, 3), np.uint8))
    return MouthCover(StubSession(labels)).covered(picture, points)  # type: ignore[arg-type]


LIPS_EVERYWHERE = np.full((SIDE, SIDE), LOWER_LIP, np.int32)
NO_LIPS = np.full((SIDE, SIDE), SKIN, np.int32)


def test_lips_where_the_landmarks_put_them_are_free() -> None:
    assert judge(LIPS_EVERYWHERE, made_up_points()) == 0.0
    assert judge(NO_LIPS, made_up_points()) == 1.0


@pytest.mark.parametrize("label", [11, 12, 13])
def test_mouth_and_both_lips_count(label: int) -> None:
    assert judge(np.full((SIDE, SIDE), label, np.int32), made_up_points()) == 0.0


@pytest.mark.parametrize("roll", [0.0, 0.6, -2.5])
@pytest.mark.parametrize("size", [100.0, 200.0, 450.0])
def test_the_worst_third_counts_upright_at_any_roll_and_size(roll: float, size: float) -> None:
    labels = LIPS_EVERYWHERE.copy()
    # In the crop the mouth is 60 px wide around the middle column; a third of its area ends 22 px from its corner.
    labels[:, :60] = SKIN
    assert judge(labels, made_up_points(roll, size)) == pytest.approx(0.35, abs=0.05)
    labels[:, :73] = SKIN
    assert judge(labels, made_up_points(roll, size)) > 0.95


def test_a_face_too_small_to_say_is_not_judged() -> None:
    assert np.isnan(judge(NO_LIPS, made_up_points(size=40.0)))


def test_the_parser_sees_the_crop_in_its_own_range() -> None:
    session = StubSession(NO_LIPS)
    rgb = np.zeros((480, 640, 3), np.uint8)
    rgb[:] = (255, 0, 128)
    MouthCover(session).covered(RgbPicture(rgb), made_up_points())  # type: ignore[arg-type]
    assert session.seen is not None
    assert session.seen.shape == (1, SIDE, SIDE, 3) and session.seen.dtype == np.float32
    np.testing.assert_allclose(session.seen[0, 80, 80], (1, -1, 128 / 127.5 - 1), atol=1e-6)


def test_another_file_is_not_taken_for_the_parser(tmp_path: Path) -> None:
    (tmp_path / "other.onnx").write_bytes(b"something else")
    with pytest.raises(WeightsError, match=r"other\.onnx"):
        parser_graph(tmp_path / "other.onnx")
    with pytest.raises(WeightsError, match=r"gone\.onnx"):
        parser_graph(tmp_path / "gone.onnx")


def test_rows_between_a_covered_and_a_free_one_are_covered() -> None:
    covered = fill_between(np.array([2, 5, 8]), np.array([0.1, 0.9, 0.2]), 11)
    assert covered.tolist() == [False] * 3 + [True] * 5 + [False] * 3


def test_the_first_and_last_checked_rows_stand_for_the_ends() -> None:
    covered = fill_between(np.array([2, 5]), np.array([0.9, 0.1]), 8)
    assert covered.tolist() == [True] * 5 + [False] * 3
    assert fill_between(np.array([3]), np.array([0.9]), 5).all()


def test_a_row_that_is_free_itself_stays_free_between_covered_ones() -> None:
    assert fill_between(np.array([0, 2, 4]), np.array([0.9, 0.0, 0.9]), 5).tolist() == [True, True, False, True, True]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_doubtful_check_that_none_beside_it_confirms_is_free(place: int) -> None:
    values = np.full(3, 0.4)
    values[place] = 0.65
    assert not fill_between(np.array([0, 5, 10]), values, 12).any()
    values[place] = 0.75
    assert fill_between(np.array([0, 5, 10]), values, 12).any()


def test_a_doubtful_check_is_confirmed_by_one_beside_it() -> None:
    assert fill_between(np.array([0, 5, 10]), np.array([0.65, 0.65, 0.1]), 11).tolist() == [True] * 10 + [False]
    assert fill_between(np.array([0, 5, 10]), np.array([0.1, 0.65, 0.9]), 11).tolist() == [False] + [True] * 10


def test_a_doubtful_check_that_stands_alone_is_believed() -> None:
    assert fill_between(np.array([3]), np.array([0.65]), 5).all()


def test_nothing_checked_is_nothing_covered() -> None:
    assert fill_between(np.array([], int), np.array([]), 3).tolist() == [False] * 3


def test_the_threshold_itself_is_free() -> None:
    assert not fill_between(np.array([0]), np.array([COVERED]), 1).any()


def test_rows_of_a_track_follow_what_is_known_of_some() -> None:
    covered = np.full(7, np.nan, np.float16)
    covered[[1, 4]] = 0.0, 1.0
    track = FaceTrack(np.arange(7, dtype=np.int32), np.zeros((7, 1, 3), np.int16), np.ones((7, 3)), 0, covered)
    assert covered_rows(track).tolist() == [False] * 2 + [True] * 5
    track = FaceTrack(track.frames, track.quantised, track.anchors, 0)
    assert not covered_rows(track).any()


# With the parser itself.

Hide = Callable[[np.ndarray, np.ndarray], None]


@pytest.fixture(scope="module")
def cover() -> MouthCover:
    return MouthCover(Session(parser_graph(find("face_parsing")), "cpu", threads=1))


@pytest.fixture(scope="module")
def faces(
    portrait: list[np.ndarray], detector: FaceDetector, landmarker: FaceLandmarker
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Frames of the example clip with their landmarks."""
    found = []
    for rgb in portrait[::6]:
        face = detector.detect(RgbPicture(rgb))[0]
        mesh = landmarker.landmarks(RgbPicture(rgb), roi_from_five(face.points, face.size))
        assert mesh is not None
        found.append((rgb, mesh[list(TRACKED)]))
    return found


def caption(rgb: np.ndarray, points: np.ndarray) -> None:
    x, y = points[tracked(OUTER_LIP), :2].mean(axis=0).astype(int)
    cv2.rectangle(rgb, (x - 100, y - 18), (x + 100, y + 18), (20, 20, 60), -1)
    cv2.putText(rgb, "BREAKING NEWS", (x - 90, y + 8), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (255, 255, 255), 2)


def microphone(rgb: np.ndarray, points: np.ndarray) -> None:
    x, y = points[tracked(OUTER_LIP), :2].mean(axis=0).astype(int)
    cv2.circle(rgb, (int(x), int(y) + 4), 26, (35, 35, 38), -1, cv2.LINE_AA)
    cv2.line(rgb, (int(x), int(y) + 20), (int(x), int(y) + 150), (30, 30, 30), 14, cv2.LINE_AA)


def mask(rgb: np.ndarray, points: np.ndarray) -> None:
    outline = points[tracked((234, 197, 454, 361, 397, 379, 152, 150, 172, 132)), :2]
    cv2.fillPoly(rgb, [outline.astype(np.int32)], (150, 190, 215), cv2.LINE_AA)


def skin(rgb: np.ndarray, points: np.ndarray) -> None:
    """Skin of the forehead, as a hand would show."""
    x, y = points[tracked((151,)), :2][0].astype(int)
    patch = cv2.resize(rgb[y - 10 : y + 10, x - 20 : x + 20], (80, 50))
    x, y = points[tracked(OUTER_LIP), :2].mean(axis=0).astype(int)
    rgb[y - 25 : y + 25, x - 40 : x + 40] = patch


def test_the_parser_tells_the_same_labels_without_making_probabilities(
    faces: list[tuple[np.ndarray, np.ndarray]],
) -> None:
    quicker = whole = parser_graph(find("face_parsing"))
    for old in (name for name in _REWRITTEN if b"Softmax" in name):
        whole = whole.replace(_REWRITTEN[old][1], old)
    assert [b"\x22\x07Softmax" in graph for graph in (quicker, whole)] == [False, True]
    told = [Session(graph, "cpu", threads=1) for graph in (quicker, whole)]
    for rgb, points in faces:
        x, y = points[tracked(OUTER_LIP), :2].mean(axis=0).astype(int)
        part = cv2.resize(rgb[y - 80 : y + 80, x - 80 : x + 80], (SIDE, SIDE))[None].astype(np.float32) / 127.5 - 1
        labels, same = (next(iter(each.run({"image": part}).values())) for each in told)
        assert SKIN in labels and len(np.unique(labels)) > 3
        np.testing.assert_array_equal(labels, same)


def test_a_free_mouth_is_not_covered(cover: MouthCover, faces: list[tuple[np.ndarray, np.ndarray]]) -> None:
    for rgb, points in faces:
        assert cover.covered(RgbPicture(rgb), points) < COVERED - 0.1


@pytest.mark.parametrize("hide", [caption, microphone, mask, skin])
def test_what_hides_a_mouth_is_noticed_in_black_and_white_too(
    cover: MouthCover, faces: list[tuple[np.ndarray, np.ndarray]], hide: Hide
) -> None:
    for rgb, points in faces:
        hidden = rgb.copy()
        hide(hidden, points)
        for seen in (hidden, grey(hidden)):
            assert cover.covered(RgbPicture(seen), points) > COVERED


def test_what_hides_the_forehead_is_no_matter(cover: MouthCover, faces: list[tuple[np.ndarray, np.ndarray]]) -> None:
    for rgb, points in faces:
        moved = points.copy()
        moved[:, 1] -= 120
        hidden = rgb.copy()
        caption(hidden, moved)
        assert cover.covered(RgbPicture(hidden), points) < COVERED


def test_a_turned_picture_is_judged_alike(cover: MouthCover, faces: list[tuple[np.ndarray, np.ndarray]]) -> None:
    rgb, points = faces[0]
    # A quarter turn to the left: x and y change places, and y counts from the other end.
    turned = points.copy()
    turned[:, 0], turned[:, 1] = points[:, 1], rgb.shape[1] - 1 - points[:, 0]
    assert cover.covered(RgbPicture(np.ascontiguousarray(np.rot90(rgb))), turned) < COVERED


def grey(rgb: np.ndarray) -> np.ndarray:
    return np.repeat(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)


def beard(rgb: np.ndarray, points: np.ndarray) -> None:
    """Dark stubble around the lips, through which skin shows."""
    random = np.random.default_rng(2)
    lips = points[tracked(OUTER_LIP), :2]
    x, y = lips.mean(axis=0)
    wide = float(np.ptp(lips[:, 0]))
    lip_area = np.zeros(rgb.shape[:2], np.uint8)
    cv2.fillPoly(lip_area, [np.rint(lips).astype(np.int32)], 1)
    bare = rgb.copy()
    for _ in range(1500):
        at = np.array([x, y]) + random.uniform(-1, 1, 2) * wide * (0.9, 0.8)
        column, row = (int(value) for value in at)
        if lip_area[row, column]:
            continue
        end = tuple(int(value) for value in at + random.normal(0, 2, 2) + (0, 3))
        cv2.line(rgb, (column, row), end, (62, 48, 40), 1, cv2.LINE_AA)
    rgb[:] = np.where(lip_area[..., None], bare, 0.5 * rgb + 0.5 * bare).astype(np.uint8)


def test_a_free_mouth_in_black_and_white_is_not_covered(
    cover: MouthCover, faces: list[tuple[np.ndarray, np.ndarray]]
) -> None:
    for rgb, points in faces:
        for light in (0.5, 1.0, 1.2):
            lit = np.clip(grey(rgb) * light, 0, 255).astype(np.uint8)
            assert cover.covered(RgbPicture(lit), points) < COVERED


def test_a_beard_is_no_cover_in_colours_or_black_and_white(
    cover: MouthCover, faces: list[tuple[np.ndarray, np.ndarray]]
) -> None:
    for rgb, points in faces:
        bearded = rgb.copy()
        beard(bearded, points)
        assert cover.covered(RgbPicture(bearded), points) < COVERED
        assert cover.covered(RgbPicture(grey(bearded)), points) < COVERED


@pytest.mark.parametrize("light", [(0.3, 0.35, 1.2), (0.4, 1.1, 0.4)])
def test_coloured_light_is_no_cover_and_hides_none(
    cover: MouthCover, faces: list[tuple[np.ndarray, np.ndarray]], light: tuple[float, float, float]
) -> None:
    for rgb, points in faces:
        lit = np.clip(rgb * np.array(light), 0, 255).astype(np.uint8)
        assert cover.covered(RgbPicture(lit), points) < COVERED
        for hide in (caption, microphone, mask):
            hidden = rgb.copy()
            hide(hidden, points)
            hidden = np.clip(hidden * np.array(light), 0, 255).astype(np.uint8)
            assert cover.covered(RgbPicture(hidden), points) > COVERED


def test_black_and_white_is_shown_to_the_parser_in_skin_colours() -> None:
    session = StubSession(NO_LIPS)
    MouthCover(session).covered(RgbPicture(np.full((480, 640, 3), 120, np.uint8)), made_up_points())  # type: ignore[arg-type]
    assert session.seen is not None
    red, _, blue = session.seen[0, 80, 80]
    assert red > blue + 0.2


def test_one_view_in_which_lips_are_found_will_do() -> None:
    class SeesMirrored(StubSession):
        """Finds lips in the last view alone."""

        views = 0

        def run(self, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            self.views += 1
            self.labels = LIPS_EVERYWHERE if self.views == 3 else NO_LIPS
            return super().run(feeds)

    session = SeesMirrored(NO_LIPS)
    picture = RgbPicture(np.zeros((480, 640, 3), np.uint8))
    assert MouthCover(session).covered(picture, made_up_points()) == 0.0  # type: ignore[arg-type]
    assert session.views == 3


def test_a_mirrored_view_is_turned_back_before_lips_are_looked_for() -> None:
    class LeftHalf(StubSession):
        def run(self, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            # Lips lie where the picture is bright: on its left.
            bright = feeds["image"][0, ..., 1] > 0
            return {"Identity:0": np.where(bright, LOWER_LIP, SKIN)}

    rgb = np.zeros((480, 640, 3), np.uint8)
    rgb[:, : int(CENTRE[0])] = (200, 160, 140)
    covered = MouthCover(LeftHalf(NO_LIPS)).covered(RgbPicture(rgb), made_up_points())  # type: ignore[arg-type]
    assert covered == pytest.approx(1.0), "the right third is free of lips in every view"


def _judged(values: dict[int, float], count: int = 20) -> FaceTrack:
    covered = np.full(count, np.nan, np.float16)
    for row, value in values.items():
        covered[row] = value
    empty = np.zeros((count, len(TRACKED), 3), np.int16)
    return FaceTrack(np.arange(count, dtype=np.int32), empty, np.ones((count, 3), np.float32), 0, covered)


def test_rows_around_a_look_with_fewer_lips_than_usual_are_doubtful() -> None:
    rows = doubtful_rows(_judged({0: 0.05, 5: 0.1, 10: 0.3, 15: 0.05}))
    assert np.flatnonzero(rows).tolist() == list(range(6, 15))
    # A moustache is there always.
    assert not doubtful_rows(_judged({0: 0.4, 5: 0.45, 10: 0.5, 15: 0.4})).any()
    assert not doubtful_rows(_judged({})).any()


def test_lips_are_looked_for_beside_a_known_cover() -> None:
    points = made_up_points()
    half = np.full((SIDE, SIDE), SKIN, np.int32)
    half[:, : SIDE // 2] = LOWER_LIP
    picture = RgbPicture(np.zeros((480, 640, 3), np.uint8))
    cover = np.zeros((480, 640), bool)
    judge_half = MouthCover(StubSession(half))  # type: ignore[arg-type]
    hidden, missing, seen = judge_half.beside(picture, points, cover)
    assert hidden == seen == 0 and missing > COVERED, "what hides them is not known"
    cover[:, 300:] = True
    hidden, missing, seen = judge_half.beside(picture, points, cover)
    assert hidden == pytest.approx(0.5, abs=0.05) and missing < 0.2 and seen < 0.1
    _, _, seen = judge_half.beside(picture, points, ~cover)
    assert seen > 0.9, "that does not hide them"
