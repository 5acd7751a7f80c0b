"""`restore-teeth --source`: mouths out of another film of the person, and what such a film must be."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

import dubtool
from dubtool.cli import main
from dubtool.errors import InputError, NoFaceError, UsageError
from dubtool.face.crop import apply
from dubtool.face.shape import ShapeModel
from dubtool.jobs.shared.report import Report
from dubtool.media.decode import VideoReader, scan_times
from dubtool.media.frame import Frame
from dubtool.media.probe import MediaInfo, probe
from dubtool.metrics.lips import compare
from dubtool.metrics.outside import largest_outside
from dubtool.tracking import person
from dubtool.tracking.head_form import HeadForm
from dubtool.tracking.motion import FaceMotion
from dubtool.tracking.person import chosen_person
from dubtool.tracking.track import FaceTrack
from dubtool.tracking.track_video import track_video
from dubtool.weights import find

Cut = Callable[..., Path]
Capture = pytest.CaptureFixture[str]

_CODED = ("-an", "-preset", "ultrafast", "-crf", 14)
_PART = "select='between(n,50,59)',setpts=PTS-STARTPTS"


@pytest.fixture(scope="module")
def true(cut: Cut) -> Path:
    """Ten frames of a mouth that opens and shuts."""
    return cut("true.mp4", "-vf", _PART, *_CODED)


@pytest.fixture(scope="module")
def soft(cut: Cut) -> Path:
    """The same, as if drawn with few pixels."""
    return cut("soft.mp4", "-vf", f"{_PART},gblur=sigma=2.5", *_CODED)


@pytest.fixture(scope="module")
def source(cut: Cut) -> Path:
    """A longer film of the person, of another size and rate."""
    return cut("source.mp4", "-ss", 1.2, "-t", 1.6, "-r", 30, "-vf", "scale=384:-2", *_CODED)


@pytest.fixture(scope="module")
def restored(soft: Path, source: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], tuple[Path, Report]]:
    """Made once where it is first asked for."""
    made: list[tuple[Path, Report]] = []

    def ask() -> tuple[Path, Report]:
        if not made:
            out = tmp_path_factory.mktemp("restored") / "out.mkv"
            made.append((out, dubtool.restore_teeth(soft, out, source=source, codec="ffv1")))
        return made[0]

    return ask


Restored = Callable[[], tuple[Path, Report]]


def _frames(path: Path) -> list[Frame]:
    return list(VideoReader(probe(path)))


def _motion(video: Path) -> FaceMotion:
    info, model = probe(video), ShapeModel.load(find("face_shape"))
    return chosen_person(info, track_video(info, progress=lambda done, total: None), "largest", model).motion


def _regions(video: Path, reach: float = 1.0) -> list[np.ndarray]:
    """The mouth box of each frame, larger by `reach` around its middle: bool [H, W]."""
    stream, motion = probe(video).require_video(), _motion(video)
    back = np.stack([cv2.invertAffineTransform(matrix) for matrix in motion.unit])
    corners = np.array([(-1.0, 0.0), (1.0, 0.0), (1.0, 2.0), (-1.0, 2.0)])
    corners = (corners - (0, 1)) * reach + (0, 1)
    found = []
    for polygon in apply(back, np.repeat(corners[None], len(back), axis=0)):
        region = np.zeros((stream.height, stream.width), np.uint8)
        cv2.fillPoly(region, [np.rint(polygon).astype(np.int32)], 1)
        found.append(cv2.dilate(region, np.ones((5, 5), np.uint8)).astype(bool))
    return found


def _errors(video: Path, true: Path) -> np.ndarray:
    """Of the detail around the mouth, from that of the true frames."""
    kernel = [
        np.array([cv2.Laplacian(frame.planes[0].astype(np.float32), cv2.CV_32F)[_inner(box)].std() for frame, box in
                  zip(_frames(path), _regions(true), strict=True)])
        for path in (video, true)
    ]  # fmt: skip
    return np.abs(np.log(kernel[0] / kernel[1]))


def _inner(box: np.ndarray) -> tuple[slice, slice]:
    """The middle of a region."""
    ys, xs = np.nonzero(box)
    (top, bottom), (left, right) = ((int(each.min()), int(each.max())) for each in (ys, xs))
    height, width = bottom - top, right - left
    return slice(top + height // 3, bottom - height // 3), slice(left + width // 3, right - width // 3)


def test_the_detail_comes_back_and_the_lips_stay(true: Path, soft: Path, restored: Restored) -> None:
    out, report = restored()
    assert (report.frames, report.dubbed, dict(report.passed)) == (10, 10, {})
    assert np.median(_errors(out, true)) < 0.5 * np.median(_errors(soft, true))
    before, after = _motion(soft).opening, _motion(out).opening
    assert compare(after, before, 25.0).r > 0.9 or np.abs(after - before).max() < 0.03


def test_skin_around_the_mouth_is_the_very_moments_own(
    true: Path, soft: Path, restored: Restored, place: Path, cut: Cut
) -> None:
    """The film that was given to the tool, beside one of the same person at other moments."""
    out, report = restored()
    assert report.details["frames_of_the_same_moment"] == 10
    elsewhere = cut("elsewhere.mp4", "-ss", 2.6, "-t", 1.6, "-vf", "scale=384:-2,rotate=0.1,crop=360:360", *_CODED)
    told = dubtool.restore_teeth(soft, place / "other.mkv", source=elsewhere, codec="ffv1")
    assert told.details["frames_of_the_same_moment"] == 0
    apart = []
    for path in (soft, out, place / "other.mkv"):
        differences = []
        for made, real, box in zip(_frames(path), _frames(true), _regions(true), strict=True):
            ys, xs = np.nonzero(box)
            # Below and beside the lips: the lower corners of the mouth box.
            skin = (
                slice(int(np.quantile(ys, 0.5)), int(np.quantile(ys, 0.8))),
                slice(int(xs.min()), int(np.quantile(xs, 0.2))),
            )
            differences.append(np.abs(made.planes[0][skin].astype(int) - real.planes[0][skin]).mean())
        apart.append(float(np.median(differences)))
    assert apart[1] < 0.8 * min(apart[0], apart[2])


def test_nothing_but_the_mouth_changes(soft: Path, restored: Restored) -> None:
    out, _ = restored()
    for made, own, region in zip(_frames(out), _frames(soft), _regions(soft, 1.4), strict=True):
        assert region.mean() < 0.6
        for plane, before in zip(made.planes, own.planes, strict=True):
            step = region.shape[0] // before.shape[0]
            inside = region.reshape(before.shape[0], step, before.shape[1], step).any(axis=(1, 3))
            assert largest_outside(plane, before, inside) == 0
    assert scan_times(probe(out)) == scan_times(probe(soft))


def test_the_report_tells_that_no_network_drew(soft: Path, source: Path, restored: Restored) -> None:
    out, report = restored()
    assert report.inputs == {"video": str(soft), "source": str(source)}
    assert (report.model, report.weights) == ("retrieval-warp", {})
    assert report.details["references"] > 25 and report.details["frames_unlike"] == 0
    told = {name.lower(): text for name, text in probe(out).metadata.items()}
    assert "retrieval-warp" in told["comment"]


def test_only_mouths_of_the_stretch_are_shown(place: Path, soft: Path, source: Path, cut: Cut) -> None:
    """What lies beyond it may be anything."""
    grey = "scale=384:-2,negate=enable='gte(t,2.2)'"
    spoilt = cut("spoilt.mp4", "-ss", 1.2, "-t", 1.6, "-r", 30, "-vf", grey, *_CODED)
    few = {"stop": Fraction(4, 25), "codec": "ffv1", "reference_segment": (0, Fraction(4, 5))}
    one = dubtool.restore_teeth(soft, place / "one.mkv", source=source, **few)
    dubtool.restore_teeth(soft, place / "two.mkv", source=spoilt, **few)
    assert one.details["references"] == 24
    # The film was coded anew, and its landmarks lie a hair elsewhere: a frame beside may be as near.
    frames = _frames(place / "one.mkv"), _frames(place / "two.mkv")
    for a, b, region in zip(*frames, _regions(soft), strict=True):
        apart = np.abs(a.planes[0].astype(int) - b.planes[0])[_inner(region)]
        assert apart.mean() < 10
    with pytest.raises(NoFaceError, match="no mouth is seen between 8 and 9 s"):
        dubtool.restore_teeth(soft, place / "no.mkv", source=source, reference_segment=(8, 9))


def test_a_source_that_will_not_do_is_one_line(place: Path, soft: Path, true: Path, cut: Cut, capfd: Capture) -> None:
    grey = cut("grey.mp4", "-t", 1.2, "-vf", "drawbox=color=gray:t=fill", *_CODED)
    sound = cut("only sound.wav", "-t", 1.2, source="speech.wav")
    wanted = {
        true: (InputError, "give a source of a second or more", 3),
        grey: (NoFaceError, "grey.mp4: no face was found", 4),
        sound: (InputError, "holds sound but no video", 3),
        place / "none.mp4": (InputError, "none.mp4", 3),
    }
    for path, (error, said, code) in wanted.items():
        with pytest.raises(error, match=said):
            dubtool.restore_teeth(soft, place / "out.mp4", source=path)
        assert (
            main(["restore-teeth", str(soft), "-o", str(place / "out.mp4"), "--source", str(path), "--quiet"]) == code
        )
        told = capfd.readouterr().err
        assert told.startswith("dubtool: ") and told.count("\n") == 1
    assert list(place.iterdir()) == []


def test_the_source_is_no_output_and_needs_no_network(place: Path, soft: Path, source: Path) -> None:
    with pytest.raises(UsageError, match="is also an input"):
        dubtool.restore_teeth(soft, source, source=source, overwrite=True)
    with pytest.raises(UsageError, match="with --source no network is at work"):
        dubtool.restore_teeth(soft, place / "out.mp4", source=source, reference="best")
    with pytest.raises(UsageError, match="reference_segment is of the source"):
        dubtool.restore_teeth(soft, place / "out.mp4", reference_segment=(0, 1))


def test_a_coloured_source_gives_black_and_white_film_no_colour(place: Path, cut: Cut, source: Path) -> None:
    gray = cut("gray.mp4", "-vf", f"{_PART},hue=s=0", *_CODED)
    report = dubtool.restore_teeth(gray, place / "out.mkv", source=source, codec="ffv1")
    assert report.dubbed > 0
    for frame in _frames(place / "out.mkv"):
        assert max(np.abs(plane.astype(int) - 128).max() for plane in frame.planes[1:]) <= 1


def _chroma(path: Path) -> list[np.ndarray]:
    return [np.stack(frame.planes[1:]).astype(int) for frame in _frames(path)]


def test_a_source_in_black_and_white_leaves_the_colours(place: Path, cut: Cut, soft: Path) -> None:
    gray = cut("gray source.mp4", "-ss", 1.2, "-t", 1.6, "-vf", "hue=s=0", *_CODED)
    dubtool.restore_teeth(soft, place / "out.mkv", source=gray, codec="ffv1")
    for made, before in zip(_chroma(place / "out.mkv"), _chroma(soft), strict=True):
        # But for what RGB cuts off.
        apart = np.abs(made - before)
        assert apart.mean() < 0.05 and apart.max() < 20


def test_the_source_of_another_person_is_one_line(
    place: Path, soft: Path, cut: Cut, capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A head of the same form with another's face: of the recognizer's vectors one is turned elsewhere."""
    other = cut("other.mp4", "-ss", 1.2, "-t", 1.2, *_CODED)
    real = person.track_vectors

    def seen(info: MediaInfo, faces: list[FaceTrack], form: HeadForm, *, use_cache: bool) -> np.ndarray:
        vectors = real(info, faces, form, use_cache=use_cache)
        return np.roll(vectors, 5, axis=1) if info.path == other else vectors

    monkeypatch.setattr(person, "track_vectors", seen)
    with pytest.raises(NoFaceError, match=r"other\.mp4: nobody in it is the person .*person-1, is like them by"):
        dubtool.restore_teeth(soft, place / "out.mp4", source=other)
    told = ["restore-teeth", str(soft), "-o", str(place / "out.mp4"), "--source", str(other), "--quiet"]
    assert main(told) == 4
    assert capfd.readouterr().err.count("\n") == 1
    assert list(place.iterdir()) == []


def test_a_mirrored_source_gives_detail_and_moves_no_lips(place: Path, cut: Cut, soft: Path, true: Path) -> None:
    """Nobody can tell it for certain from another film of the person; what it gives is still better than nothing."""
    mirrored = cut("mirrored.mp4", "-ss", 1.2, "-t", 1.6, "-vf", "hflip", *_CODED)
    report = dubtool.restore_teeth(soft, place / "out.mkv", source=mirrored, codec="ffv1")
    assert report.dubbed == 10
    assert np.median(_errors(place / "out.mkv", true)) < 0.6 * np.median(_errors(soft, true))
    before, after = _motion(soft).opening, _motion(place / "out.mkv").opening
    assert compare(after, before, 25.0).r > 0.9 or np.abs(after - before).max() < 0.03
