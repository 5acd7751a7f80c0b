from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import pytest

from dubtool.engine.side_by_side import SideBySide
from dubtool.face.picture import RgbPicture
from dubtool.face.topology import TRACKED, tracked
from dubtool.tracking.detect import Detection, FaceDetector
from dubtool.tracking.head_form import HeadForm
from dubtool.tracking.landmarks import FaceLandmarker, Roi, roi_from_mesh
from dubtool.tracking.people import people
from dubtool.tracking.track import FaceTrack, Tracker, Tracks

WIDTH, HEIGHT = 320, 180
Picture = np.ndarray


@dataclass(frozen=True)
class Face:
    """A face that stands somewhere: its middle, its size, the colours of its region, and whether only a closer look
    detects it."""

    x: float
    y: float = 90.0
    size: float = 60.0
    colour: int = 1
    faint: bool = False

    def mesh(self) -> np.ndarray:
        points = np.random.default_rng(5).uniform(-0.5, 0.5, (478, 3))
        points[[0, 1], :2] = (-0.5, -0.5), (0.5, 0.5)
        points[33, :2], points[263, :2] = (-0.25, -0.2), (0.25, -0.2)
        points = points * self.size
        points[:, :2] += (self.x, self.y)
        return points.astype(np.float32)

    def detection(self) -> Detection:
        half = self.size / 2
        eyes_nose_mouth = np.array([[-0.2, -0.2], [0.2, -0.2], [0, 0], [-0.15, 0.2], [0.15, 0.2]], np.float32)
        box = (self.x - half, self.y - half, self.x + half, self.y + half)
        return Detection(box, eyes_nose_mouth * self.size + np.array([self.x, self.y], np.float32), 0.9)


class Shown(RgbPicture):
    """A picture in which these faces can be detected, and these give landmarks."""

    def __init__(self, rgb: np.ndarray, detectable: list[Face], landmarked: list[Face]) -> None:
        super().__init__(rgb)
        self.detectable, self.landmarked = detectable, landmarked


class Scene:
    """Stands in for both networks."""

    def __init__(self) -> None:
        self.detections = 0
        self.detections_again = 0

    def show(self, faces: list[Face], landmarked: list[Face] | None = None, shot: int = 0) -> Shown:
        background = np.random.default_rng(100 + shot).integers(0, 256, (6, 8, 3), np.uint8)
        rgb = np.kron(background, np.ones((HEIGHT // 6, WIDTH // 8, 1), np.uint8))
        for face in faces:
            rows, columns = (slice(max(int(c - face.size), 0), int(c + face.size)) for c in (face.y, face.x))
            patch = rgb[rows, columns]
            blocks = np.random.default_rng(face.colour).integers(0, 256, (8, 8, 3), np.uint8)
            patch[:] = blocks[np.ix_(*(np.arange(side) * 8 // side for side in patch.shape[:2]))]
        return Shown(rgb, faces, faces if landmarked is None else landmarked)

    def detect(self, picture: Shown) -> list[Detection]:
        self.detections += 1
        return [face.detection() for face in sorted(picture.detectable, key=lambda face: -face.size)]

    def detect_again(self, picture: Shown) -> list[Detection]:
        self.detections_again += 1
        return [face.detection() for face in picture.detectable if not face.faint]

    def righted(self, picture: Shown, face: Detection) -> Detection:
        return face

    def landmarks(self, picture: Shown, roi: Roi) -> np.ndarray | None:
        near = [face for face in picture.landmarked if np.hypot(face.x - roi.x, face.y - roi.y) < roi.side / 2]
        return min(near, key=lambda face: np.hypot(face.x - roi.x, face.y - roi.y)).mesh() if near else None


@pytest.fixture
def scene() -> Scene:
    return Scene()


def tracker_of(scene: Scene, judge: Callable[[RgbPicture, np.ndarray], float] | None = None) -> Tracker:
    return Tracker(scene, scene, judge)  # type: ignore[arg-type]


def spans(tracks: Tracks) -> list[tuple[int, int, int]]:
    """First frame, last frame and number of frames of each track."""
    return [(int(face.frames[0]), int(face.frames[-1]), len(face.frames)) for face in tracks.faces]


def test_landmarks_are_kept_to_a_hundredth_of_a_pixel(scene: Scene) -> None:
    tracker = tracker_of(scene)
    faces = [Face(100 + 2 * step, 80 + step, 60 + step) for step in range(8)]
    for face in faces:
        tracker.feed(scene.show([face]))
    track = tracker.finish().faces[0]
    wanted = np.stack([face.mesh()[list(TRACKED)] for face in faces])
    np.testing.assert_allclose(track.points(), wanted, atol=60 / 8192)
    np.testing.assert_array_equal(track.points(slice(2, 4)), track.points()[2:4])
    np.testing.assert_array_equal(track.points(np.array([5, 0])), track.points()[[5, 0]])
    assert track.quantised.dtype == np.int16
    np.testing.assert_array_equal(track.frames, np.arange(8))


def test_sizes_belong_to_the_face(scene: Scene) -> None:
    tracker = tracker_of(scene)
    for _ in range(6):
        tracker.feed(scene.show([Face(80, size=60)]))
    track = tracker.finish().faces[0]
    mesh = Face(80, size=60).mesh()
    assert track.size == pytest.approx(np.sqrt(np.prod(np.ptp(mesh[:, :2], axis=0))), rel=1e-4)


def test_two_faces_are_two_tracks_largest_first(scene: Scene) -> None:
    tracker = tracker_of(scene)
    for step in range(12):
        tracker.feed(scene.show([Face(70 + step, size=50), Face(230 - step, size=70, colour=2)]))
    tracks = tracker.finish()
    assert spans(tracks) == [(0, 11, 12)] * 2
    assert tracks.faces[0].anchors[-1, 0] == pytest.approx(219, abs=1.5)
    assert tracks.faces[1].anchors[-1, 0] == pytest.approx(81, abs=1.5)


def test_a_cut_ends_a_track_and_begins_another(scene: Scene) -> None:
    tracker = tracker_of(scene)
    for index in range(20):
        tracker.feed(scene.show([Face(100)], shot=int(index >= 7)))
    tracks = tracker.finish()
    assert tracks.cuts == (7,)
    assert sorted(spans(tracks)) == [(0, 6, 7), (7, 19, 13)]
    assert {(int(face.frames[0]), face.shot) for face in tracks.faces} == {(0, 0), (7, 1)}
    assert tracks.frame_count == 20


def test_a_lost_face_that_comes_back_goes_on_with_a_hole(scene: Scene) -> None:
    tracker = tracker_of(scene)
    for index in range(30):
        tracker.feed(scene.show([] if 8 <= index < 15 else [Face(100)]))
    tracks = tracker.finish()
    assert spans(tracks) == [(0, 29, 23)]
    assert not set(range(8, 15)) & set(tracks.faces[0].frames.tolist())


def test_a_face_lost_for_long_comes_back_as_another_track(scene: Scene) -> None:
    tracker = tracker_of(scene)
    for index in range(60):
        tracker.feed(scene.show([] if 8 <= index < 45 else [Face(100)]))
    assert sorted(spans(tracker.finish())) == [(0, 7, 8), (45, 59, 15)]


def test_a_face_that_walks_in_is_found_within_five_frames(scene: Scene) -> None:
    tracker = tracker_of(scene)
    for index in range(20):
        tracker.feed(scene.show([Face(100)] if index >= 6 else []))
    assert spans(tracker.finish()) == [(10, 19, 10)]


def test_landmarks_without_a_face_are_cut_off_where_the_detector_last_agreed(scene: Scene) -> None:
    # After frame 10 the landmarker goes on seeing a face in the wallpaper.
    tracker = tracker_of(scene)
    for index in range(40):
        tracker.feed(scene.show([Face(100)] if index <= 10 else [], landmarked=[Face(100)]))
    tracks = tracker.finish()
    assert spans(tracks) == [(0, 10, 11)]
    assert len(tracks.faces[0].points()) == len(tracks.faces[0].anchors) == len(tracks.faces[0].covered) == 11


def test_two_tracks_never_share_a_head(scene: Scene) -> None:
    # One of two hides behind the other: the landmarker then gives the same mesh for both.
    tracker = tracker_of(scene)
    left, right = Face(100), Face(135, colour=2)
    for index in range(20):
        tracker.feed(scene.show([left, right] if index < 10 else [left]))
    assert sorted(spans(tracker.finish())) == [(0, 9, 10), (0, 19, 20)]


def test_a_face_detected_twice_is_one_track(scene: Scene) -> None:
    tracker = tracker_of(scene)
    for _ in range(12):
        tracker.feed(scene.show([Face(100), Face(115)], landmarked=[Face(100)]))
    assert spans(tracker.finish()) == [(0, 11, 12)]


def test_landmarks_that_jump_away_are_not_believed(scene: Scene) -> None:
    tracker = tracker_of(scene)
    for index in range(10):
        jumps = [Face(145)] if index == 7 else None
        tracker.feed(scene.show([Face(100)], landmarked=jumps))
    assert 7 not in tracker.finish().faces[0].frames


def test_the_detector_is_asked_every_fifth_frame_and_when_a_face_is_lost(scene: Scene) -> None:
    tracker = tracker_of(scene)
    for _ in range(11):
        tracker.feed(scene.show([Face(100)]))
    # The first look is a close one.
    assert (scene.detections, scene.detections_again) == (1, 2)
    tracker.feed(scene.show([]))
    assert (scene.detections, scene.detections_again) == (2, 2)
    tracker.feed(scene.show([]))
    assert (scene.detections, scene.detections_again) == (2, 2)


def test_faces_that_are_not_found_again_are_looked_for_closely(scene: Scene) -> None:
    tracker = tracker_of(scene)
    for _ in range(21):
        tracker.feed(scene.show([Face(100, faint=True)]))
    assert (scene.detections, scene.detections_again) == (5, 3)
    assert spans(tracker.finish()) == [(0, 20, 21)]


def test_a_small_face_beside_a_known_one_is_found_within_fifteen_frames(scene: Scene) -> None:
    tracker = tracker_of(scene)
    for index in range(24):
        small = [Face(230, size=20, faint=True)] if index >= 4 else []
        tracker.feed(scene.show([Face(100), *small]))
    assert sorted(spans(tracker.finish())) == [(0, 23, 24), (15, 23, 9)]


def test_no_faces_are_no_tracks(scene: Scene) -> None:
    tracker = tracker_of(scene)
    for _ in range(3):
        tracker.feed(scene.show([]))
    assert tracker.finish() == Tracks([], 3, ())


def test_mouths_are_judged_every_fifth_frame(scene: Scene) -> None:
    asked: list[np.ndarray] = []

    def judge(picture: RgbPicture, points: np.ndarray) -> float:
        asked.append(points)
        return 0.25 * len(asked)

    tracker = tracker_of(scene, judge)
    for _ in range(12):
        tracker.feed(scene.show([Face(100)]))
    covered = tracker.finish().faces[0].covered
    assert covered.dtype == np.float16
    assert np.flatnonzero(~np.isnan(covered)).tolist() == [0, 5, 10]
    assert covered[[0, 5, 10]].tolist() == [0.25, 0.5, 0.75]
    np.testing.assert_array_equal(asked[0], Face(100).mesh()[list(TRACKED)])


@pytest.mark.parametrize(("changed", "judged"), [(False, [0, 15]), (True, [0, 15, 20])])
def test_free_mouths_are_judged_less_often_while_they_look_the_same(
    scene: Scene, changed: bool, judged: list[int]
) -> None:
    asked: list[int] = []

    def judge(picture: RgbPicture, points: np.ndarray) -> float:
        asked.append(index)
        return 0.125

    tracker = tracker_of(scene, judge)
    for index in range(22):
        tracker.feed(scene.show([Face(100, colour=2 if changed and index >= 17 else 1)]))
    (face,) = tracker.finish().faces
    assert asked == judged
    assert face.covered[::5].tolist() == [0.125] * 5


@pytest.mark.parametrize("at_a_time", [1, 2])
def test_looking_on_other_threads_gives_the_same_tracks(scene: Scene, at_a_time: int) -> None:
    """Judgements come late, detections and landmarks early, and a face that was lost may be welcomed again."""

    def judge(picture: RgbPicture, points: np.ndarray) -> float:
        time.sleep(0.002)
        return float(points[0, 0] % 7 / 7)

    def tracked(count: int) -> Tracks:
        with SideBySide(count) as threads:
            tracker = Tracker(scene, scene, judge, threads)  # type: ignore[arg-type]
            pictures = [*map(shown, range(37)), None]
            for picture, coming in pairwise(pictures):
                assert picture is not None
                tracker.feed(picture, coming if at_a_time == 2 else None)
            return tracker.finish()

    def shown(step: int) -> Shown:
        near = [] if step == 11 else [Face(80 + step, size=60)]
        far = [Face(230 - step, size=40, colour=2)] if step < 22 else []
        return scene.show([*near, *far], shot=step // 30)

    alone, beside = tracked(1), tracked(2)
    assert spans(alone) == spans(beside) == [(0, 29, 26), (0, 21, 22), (30, 36, 7)]
    np.testing.assert_allclose(alone.faces[0].anchors[:, 0], 80 + alone.faces[0].frames, atol=0.01)
    for one, other in zip(alone.faces, beside.faces, strict=True):
        np.testing.assert_array_equal(one.covered, other.covered)
        np.testing.assert_array_equal(one.quantised, other.quantised)


def test_the_coming_frame_is_looked_at_where_the_face_was_before_this_one(scene: Scene) -> None:
    class Landmarker:
        def __init__(self) -> None:
            self.looked_at = list[float]()

        def landmarks(self, picture: Shown, roi: Roi) -> np.ndarray | None:
            self.looked_at.append(round(roi.x))
            return scene.landmarks(picture, roi)

    landmarker = Landmarker()
    tracker = Tracker(scene, landmarker)  # type: ignore[arg-type]
    for picture, coming in pairwise([*(scene.show([Face(100 + 2 * step)]) for step in range(7)), None]):
        assert picture is not None
        tracker.feed(picture, coming)
    (track,) = tracker.finish().faces
    # The first one where the detector found it.
    assert landmarker.looked_at == [100, 100, 100, 102, 104, 106, 108]
    np.testing.assert_allclose(track.anchors[:, 0], 100 + 2 * np.arange(7), atol=0.01)


def test_without_a_judge_nothing_is_known_of_mouths(scene: Scene) -> None:
    tracker = tracker_of(scene)
    for _ in range(6):
        tracker.feed(scene.show([Face(100)]))
    assert np.isnan(tracker.finish().faces[0].covered).all()


# With the networks themselves, on the example clip.


def track_video(frames: list[np.ndarray], detector: FaceDetector, landmarker: FaceLandmarker) -> Tracks:
    tracker = Tracker(detector, landmarker)
    for rgb in frames:
        tracker.feed(RgbPicture(rgb))
    return tracker.finish()


def test_the_portrait_is_one_face_in_every_frame(
    portrait: list[np.ndarray], detector: FaceDetector, landmarker: FaceLandmarker
) -> None:
    tracks = track_video(portrait[:12], detector, landmarker)
    assert spans(tracks) == [(0, 11, 12)]
    points = tracks.faces[0].points()[..., :2]
    # Frames follow each other smoothly: no landmark moves by a tenth of the face between two.
    assert np.abs(np.diff(points, axis=0)).max() < 0.1 * tracks.faces[0].size


def test_two_portraits_side_by_side_are_two_faces_of_two_persons(
    portrait: list[np.ndarray], detector: FaceDetector, landmarker: FaceLandmarker, form: HeadForm
) -> None:
    pair = [np.concatenate([rgb, rgb], axis=1) for rgb in portrait[:7]]
    tracks = track_video(pair, detector, landmarker)
    assert spans(tracks) == [(0, 6, 7)] * 2
    places = sorted(float(face.anchors[:, 0].mean()) for face in tracks.faces)
    assert places[1] - places[0] == pytest.approx(portrait[0].shape[1], abs=3)
    assert len(people(tracks, form)) == 2


def test_a_portrait_painted_over_is_lost_and_found(
    portrait: list[np.ndarray], detector: FaceDetector, landmarker: FaceLandmarker, form: HeadForm
) -> None:
    frames = [rgb.copy() for rgb in portrait[:14]]
    grey = slice(4, 8)
    for rgb in frames[grey]:
        rgb[40:-20, 20:-20] = 128
    tracks = track_video(frames, detector, landmarker)
    seen = {int(frame) for face in tracks.faces for frame in face.frames}
    assert not seen & set(range(4, 8))
    assert seen >= {0, 1, 2, 3, 10, 11, 12, 13}
    assert len(people(tracks, form)) == 1


def test_a_portrait_is_the_same_person_after_a_cut(
    portrait: list[np.ndarray], detector: FaceDetector, landmarker: FaceLandmarker, form: HeadForm
) -> None:
    closer = [cv2.resize(rgb[10:270, 30:290], (320, 320)) for rgb in portrait[6:12]]
    elsewhere = [np.random.default_rng(0).integers(0, 256, rgb.shape, np.uint8) for rgb in portrait[:3]]
    tracks = track_video([*portrait[:6], *elsewhere, *closer], detector, landmarker)
    assert 6 in tracks.cuts and 9 in tracks.cuts
    (person,) = people(tracks, form)
    assert sorted(np.concatenate([face.frames for face in person.tracks]).tolist()) == [*range(6), *range(9, 15)]


@pytest.mark.parametrize("light", [(0.3, 0.3, 0.3), (1.0, 0.45, 0.4)])
def test_a_portrait_stays_the_same_person_when_the_light_changes(
    portrait: list[np.ndarray],
    detector: FaceDetector,
    landmarker: FaceLandmarker,
    form: HeadForm,
    light: tuple[float, float, float],
) -> None:
    lit = [(rgb * np.array(light)).astype(np.uint8) for rgb in portrait[8:16]]
    (person,) = people(track_video([*portrait[:8], *lit], detector, landmarker), form)
    assert person.frame_count == 16


@pytest.mark.parametrize("wipe", [False, True])
def test_a_portrait_that_becomes_anothers_is_two_persons(
    portrait: list[np.ndarray], detector: FaceDetector, landmarker: FaceLandmarker, form: HeadForm, wipe: bool
) -> None:
    # Another head: longer, and seen in a mirror.
    others = [np.ascontiguousarray(cv2.resize(rgb, (320, 392))[36:356, ::-1]) for rgb in portrait]
    frames = []
    for index in range(22):
        share = np.clip((index - 9) / 5, 0, 1)
        weight = (np.arange(320) < 320 * share)[None, :, None] if wipe else share
        frames.append((portrait[index] * (1 - weight) + others[index] * weight).astype(np.uint8))
    persons = people(track_video(frames, detector, landmarker), form)
    seen = [set(np.concatenate([track.frames for track in person.tracks]).tolist()) for person in persons]
    assert len(persons) >= 2
    assert not any(frames & set(range(8)) and frames & set(range(16, 22)) for frames in seen)
    assert set().union(*seen) >= {*range(8), *range(18, 22)}


def test_a_portrait_upside_down_is_followed_as_such(
    portrait: list[np.ndarray], detector: FaceDetector, landmarker: FaceLandmarker
) -> None:
    (face,) = track_video([np.ascontiguousarray(rgb[::-1, ::-1]) for rgb in portrait[:7]], detector, landmarker).faces
    assert len(face.frames) == 7
    eyes, chin = face.points()[:, tracked((33, 263)), 1].mean(), face.points()[:, tracked((152,)), 1].mean()
    assert eyes > chin


def test_a_region_follows_its_mesh() -> None:
    roi = roi_from_mesh(Face(100, 80, 60).mesh())
    assert (roi.x, roi.y) == pytest.approx((100, 80), abs=1.5)
    assert roi.roll == pytest.approx(0)
    crop = roi.to_crop()
    np.testing.assert_allclose(crop[:, :2] @ (roi.x, roi.y) + crop[:, 2], (159.5, 159.5))


def test_every_other_frame_keeps_what_is_around_the_head(
    portrait: list[np.ndarray], detector: FaceDetector, landmarker: FaceLandmarker
) -> None:
    (face,) = track_video(portrait[:5], detector, landmarker).faces
    assert [bool(look.any()) for look in face.looks] == [True, False, True, False, True]


def test_a_track_without_judgements_has_one_for_every_row() -> None:
    track = FaceTrack(np.arange(4, dtype=np.int32), np.zeros((4, 1, 3), np.int16), np.ones((4, 3)), 0)
    assert track.covered.shape == (4,) and np.isnan(track.covered).all()
