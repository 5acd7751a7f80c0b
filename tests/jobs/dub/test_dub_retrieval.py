"""`retrieval-warp` from end to end: the person's own frames in the picture, and what happens where there are few."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from dubbing_place import Cut, ffmpeg, frames_of

import dubtool
from dubtool.errors import NoFaceError
from dubtool.face.crop import apply
from dubtool.face.shape import ShapeModel
from dubtool.jobs.dub import hearing
from dubtool.jobs.shared.frame_timeline import plan_timeline
from dubtool.jobs.shared.known_shapes import MouthShapes
from dubtool.jobs.shared.report import Report
from dubtool.media.decode import scan_times
from dubtool.media.frame import Frame
from dubtool.media.probe import probe
from dubtool.metrics.outside import largest_outside
from dubtool.speech.shapes import ShapeExtractor
from dubtool.tracking.motion import FaceMotion
from dubtool.tracking.person import chosen_person
from dubtool.tracking.track_video import track_video
from dubtool.weights import find

MODEL = "retrieval-warp"
# The face fills the picture: at this size the painter has nothing to add to it.
NEAR = "crop=400:400:120:110,scale=512:512"
USUAL = ("-ss", 2, "-an", "-preset", "ultrafast", "-crf", 14)
COVER = "drawbox=x=150:y=280:w=220:h=160:color=gray:t=fill"


@pytest.fixture(scope="module")
def near(cut: Cut) -> Path:
    """Ten frames of a face that opens and shuts the mouth."""
    return cut("near.mp4", *USUAL, "-frames:v", 10, "-vf", NEAR)


@pytest.fixture(scope="module")
def hidden(cut: Cut) -> Path:
    """The same for sixteen frames; the mouth is to be seen in the first six."""
    return cut("hidden.mp4", *USUAL, "-frames:v", 16, "-vf", f"{NEAR},{COVER}:enable='gte(t,2.22)'")


def _dub(video: Path, speech: Path, out: Path, **options: object) -> Report:
    return dubtool.dub(video, speech, out, model=MODEL, codec="ffv1", **options)


def _motion(video: Path) -> FaceMotion:
    info, model = probe(video), ShapeModel.load(find("face_shape"))
    return chosen_person(info, track_video(info), "largest", model).motion


def _own_shapes(video: Path) -> MouthShapes:
    """What the person's mouth does in the video itself."""
    return MouthShapes(np.array([float(time) for time, _ in scan_times(probe(video))]), _motion(video).coefficients)


def _changed(dubbed: Path, source: Path) -> list[int]:
    """Frames that are not the source's, bit by bit."""
    return [n for n, (a, b) in enumerate(zip(frames_of(dubbed), frames_of(source), strict=True)) if not _same(a, b)]


def _same(one: Frame, other: Frame) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one.planes, other.planes, strict=True))


def _apart(dubbed: Path, source: Path) -> list[float]:
    """Mean difference of each frame's luma around the mouth, levels of 255."""
    pairs = zip(frames_of(dubbed), frames_of(source), _mouth_boxes(source), strict=True)
    return [float(np.abs(a.planes[0].astype(float) - b.planes[0])[box].mean()) for a, b, box in pairs]


def _mouth_boxes(video: Path) -> list[np.ndarray]:
    """Where each frame may change: bool [H, W]."""
    stream, motion = probe(video).require_video(), _motion(video)
    back = np.stack([cv2.invertAffineTransform(matrix) for matrix in motion.unit])
    # Below a gaping mouth the chin is made anew, too.
    corners = np.array([(-1.15, 0.3), (1.15, 0.3), (1.15, 2.2), (-1.15, 2.2)])
    boxes = []
    for polygon in apply(back, np.repeat(corners[None], len(back), axis=0)):
        region = np.zeros((stream.height, stream.width), np.uint8)
        cv2.fillPoly(region, [np.rint(polygon).astype(np.int32)], 1)
        boxes.append(cv2.dilate(region, np.ones((5, 5), np.uint8)).astype(bool))
    return boxes


@pytest.fixture(scope="module")
def usual(near: Path, speech: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], tuple[Path, Report]]:
    """The usual dub of the ten frames, made once where it is first asked for."""
    made: list[tuple[Path, Report]] = []

    def ask() -> tuple[Path, Report]:
        if not made:
            out = tmp_path_factory.mktemp("usual") / "usual.mkv"
            made.append((out, _dub(near, speech, out)))
        return made[0]

    return ask


Usual = Callable[[], tuple[Path, Report]]


def test_nothing_but_the_mouth_changes(place: Path, near: Path, usual: Usual) -> None:
    out, report = usual()
    assert (report.model, report.frames, report.dubbed, dict(report.passed)) == (MODEL, 10, 10, {})
    for dubbed, source, region in zip(frames_of(out), frames_of(near), _mouth_boxes(near), strict=True):
        assert 0.05 < region.mean() < 0.35, "the box is the mouth's"
        for plane, own in zip(dubbed.planes, source.planes, strict=True):
            step = region.shape[0] // own.shape[0]
            inside = region.reshape(own.shape[0], step, own.shape[1], step).any(axis=(1, 3))
            assert largest_outside(plane, own, inside) == 0
    assert max(_apart(out, near)) > 2, "the mouth was not made anew"


def test_the_report_tells_where_the_picture_came_from(place: Path, usual: Usual) -> None:
    _, report = usual()
    told = report.details
    assert told["references"] == 10, "ten frames fit"
    assert set(told["reach"]) == {"scale", "limit", "own"} and told["reach"]["limit"] > 0.1
    assert 0 <= told["frames_painted"] <= 10 - told["frames_without_network"] <= 10
    assert ("painter_references" in told) == (told["frames_without_network"] < 10)
    assert 0 <= told["changes"] < 10
    assert {"whisper", "speech_shapes"} <= set(report.weights)


def test_a_second_dub_is_the_first_bit_by_bit(place: Path, near: Path, speech: Path, usual: Usual) -> None:
    out, first = usual()
    again = _dub(near, speech, place / "again.mkv")
    assert _changed(place / "again.mkv", out) == []
    assert again.details == first.details


def test_asked_for_what_is_there_the_picture_stays_as_it_was(place: Path, near: Path, speech: Path) -> None:
    """The shapes of the video itself: each frame is its own best reference, no network draws a pixel,
    and the few others, whose mouths are unlike, do not outvote it."""
    own = _own_shapes(near)
    report = _dub(near, speech, place / "own.mkv", shapes=own)
    told = report.details
    assert (told["frames_without_network"], told["frames_painted"], told["changes"]) == (10, 0, 9)
    assert "painter_references" not in told and "reach" not in told
    itself = _apart(place / "own.mkv", near)
    assert np.median(itself) < 0.5 and max(itself) < 4
    # From the first five frames alone the other five cannot be had so well.
    stretch = (Fraction(0), Fraction(1, 5))
    bound = _dub(near, speech, place / "bound.mkv", shapes=own, reference_segment=stretch)
    assert bound.details["references"] == 5
    away = _apart(place / "bound.mkv", near)
    assert np.median(away[:5]) < 0.5 and min(away[6:]) > 0.6


def test_workers_and_a_video_shorter_than_the_speech(place: Path, clip: Path, cut: Cut) -> None:
    """The picture runs back from its end; some frames at either end are left alone; two processes make the same."""
    speech = cut("twice.wav", "-ss", 0.3, "-t", 0.8, source="speech.wav")
    stretch = {"start": Fraction(2, 25), "stop": Fraction(17, 25)}
    one = _dub(clip, speech, place / "one.mkv", batch_size=3, **stretch)
    two = _dub(clip, speech, place / "two.mkv", batch_size=3, devices=["cpu"], workers=2, **stretch)
    assert _changed(place / "one.mkv", place / "two.mkv") == []
    assert one.details["painter_references"], "no frame of so few is near all mouths"
    assert {**one.details, "workers": 2} == two.details
    assert (one.frames, one.dubbed, one.passed["outside the stretch"]) == (20, 15, 5)
    times, durations = zip(*scan_times(probe(clip)), strict=True)
    source = frames_of(clip)
    shown = [
        source[n] for n in plan_timeline(times, durations, Fraction(4, 5), length="speech", loop="pingpong").source
    ]
    same = [number for number, pair in enumerate(zip(frames_of(place / "one.mkv"), shown, strict=True)) if _same(*pair)]
    assert same == [0, 1, 17, 18, 19]


def test_without_expression_the_mouth_rests_whatever_is_said(
    place: Path, near: Path, speech: Path, cut: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[int] = []

    class Counted(ShapeExtractor):
        def compute(self, first: int, count: int) -> np.ndarray:
            heard.append(first)
            return super().compute(first, count)

    monkeypatch.setattr(hearing, "ShapeExtractor", Counted)
    other = cut("other.wav", "-ss", 1.5, "-t", 0.4, source="speech.wav")
    few = {"stop": Fraction(6, 25), "cache": False}
    for name, sound in (("one", speech), ("other", other)):
        report = _dub(near, sound, place / f"{name}.mkv", expression=0.0, **few)
        assert report.details["reach"]["scale"] == 0
    assert len(heard) == 2, "long speeches are costly: each is heard once"
    assert _changed(place / "one.mkv", place / "other.mkv") == []
    rest = MouthShapes(np.zeros(1), np.zeros((1, ShapeModel.load(find("face_shape")).size), np.float32))
    _dub(near, speech, place / "rest.mkv", shapes=rest, **few)
    assert _changed(place / "one.mkv", place / "rest.mkv") == []


def test_memory_for_one_reference_is_enough(place: Path, near: Path, speech: Path) -> None:
    report = _dub(near, speech, place / "out.mkv", memory=1e-3, shapes=_own_shapes(near), stop=Fraction(3, 25))
    assert (report.dubbed, report.details["references"], report.details["changes"]) == (3, 1, 0)
    # One of the three is the reference itself, and nobody else has a vote: it is sharpened with the others, no more.
    itself, *others = sorted(_apart(place / "out.mkv", near)[:3])
    assert itself < 0.25 * min(others)


def test_a_still_picture_speaks(place: Path, near: Path, speech: Path) -> None:
    """Nothing else is to be had than this one mouth, deformed, and what the painter adds."""
    still = place / "still.mp4"
    repeated = ("-vf", "loop=9:1:0,setpts=N/25/TB,select='lt(n,10)'", "-preset", "ultrafast", "-crf", "14")
    ffmpeg("-ss", 0.12, "-i", near, *repeated, still)
    report = _dub(still, speech, place / "out.mkv")
    assert (report.frames, report.dubbed) == (10, 10)
    assert report.details["references"] >= 1
    assert _changed(place / "out.mkv", still) == list(range(10))


def test_a_mouth_that_is_hidden_for_most_of_the_time(place: Path, hidden: Path, cut: Cut) -> None:
    speech = cut("longer.wav", "-ss", 0.3, "-t", 0.64, source="speech.wav")
    covered = np.flatnonzero(_motion(hidden).covered).tolist()
    assert set(range(7, 16)) <= set(covered) and not set(range(4)) & set(covered)
    report = _dub(hidden, speech, place / "out.mkv")
    assert report.details["references"] == 16 - len(covered), "what hides the mouth is no reference"
    assert report.dubbed + sum(report.passed.values()) == 16 and report.passed["mouth covered"] == len(covered)
    changed = _changed(place / "out.mkv", hidden)
    assert set(range(3)) <= set(changed) and not set(covered) & set(changed)
    # References are to come from where the mouth is never seen: the painter draws all.
    where = (Fraction(8, 25), Fraction(16, 25))
    painted = _dub(hidden, speech, place / "painted.mkv", reference_segment=where)
    told = painted.details
    assert (told["references"], told["frames_without_network"], told["frames_painted"]) == (0, 0, painted.dubbed)
    assert set(told["painter_references"]) <= set(range(8, 16))
    assert _changed(place / "painted.mkv", hidden) == changed


def test_where_the_mouth_is_never_seen_one_line_says_so(place: Path, speech: Path, cut: Cut) -> None:
    never = cut("never.mp4", *USUAL, "-frames:v", 10, "-vf", f"{NEAR},{COVER}")
    with pytest.raises(NoFaceError, match=r"never.mp4: no frame can be dubbed \(mouth covered: 10\)"):
        _dub(never, speech, place / "out.mkv")
    assert list(place.iterdir()) == []
