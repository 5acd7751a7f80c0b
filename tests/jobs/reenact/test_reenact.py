"""A reenactment from end to end by the warp, and what portraits it takes."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from dubbing_place import Cut, frames_of

import dubtool
from dubtool.errors import InputError, NoFaceError, UsageError, WeightsError
from dubtool.jobs.reenact.portrait import find_face, load_portrait
from dubtool.media.decode import VideoReader, scan_times
from dubtool.media.probe import probe

_QUICK = ("-preset", "ultrafast", "-crf", 14)


@pytest.fixture(scope="session")
def talking(cut: Cut) -> Path:
    """Fourteen frames in which a mouth opens, at uneven times, with two streams of sound."""
    speech = cut("longer sound.wav", "-t", 0.8, source="speech.wav")
    sound = ("-i", speech, "-map", "0:v", "-map", "1:a", "-map", "1:a", "-c:a", "aac")
    uneven = "select='between(n,12,30)*not(eq(mod(n,4),1))',setpts=PTS-STARTPTS"
    return cut("talking.mp4", *sound, "-vf", uneven, "-fps_mode", "passthrough", *_QUICK)


@pytest.fixture(scope="session")
def still(clip: Path) -> np.ndarray:
    """A portrait, RGB."""
    return next(iter(VideoReader(probe(clip)))).rgb(scale=0.5)


@pytest.fixture
def portrait(place: Path, still: np.ndarray) -> Path:
    return _saved(place / "portrait.png", still)


def _saved(path: Path, rgb: np.ndarray) -> Path:
    data = cv2.imencode(path.suffix, rgb[..., ::-1] if rgb.ndim == 3 else rgb)[1]
    path.write_bytes(data.tobytes())
    return path


def _reenact(portrait: Path, driver: Path, output: Path, **options: object) -> dubtool.jobs.shared.report.Report:
    return dubtool.reenact(portrait, driver, output, **{"model": "warp", "preset": "ultrafast", **options})


def test_the_portrait_follows_and_its_surroundings_stay(place: Path, portrait: Path, talking: Path) -> None:
    report = _reenact(portrait, talking, place / "out.mp4", crf=8)
    frames = frames_of(place / "out.mp4")
    assert (report.frames, report.dubbed, dict(report.passed)) == (len(frames), len(frames), {})
    assert report.model == "warp" and report.weights == {} and report.device == "cpu"
    own = load_portrait(portrait)
    height, width = (side - side % 2 for side in own.rgb.shape[:2])
    assert (frames[0].width, frames[0].height) == (width, height)
    opened = [_opening(frame.rgb()) for frame in frames]
    truth = [_opening(frame.rgb(scale=0.5)) for frame in frames_of(talking)]
    assert np.corrcoef(opened, truth)[0, 1] > 0.9
    # Beyond the crop only the encoder has been at work.
    corner = np.s_[: height // 25, : width // 25]
    for frame in frames:
        assert np.abs(frame.rgb()[corner].astype(int) - own.rgb[corner]).mean() < 2


def _opening(rgb: np.ndarray) -> float:
    mesh = find_face(rgb)
    assert mesh is not None
    return float(np.linalg.norm(mesh[13] - mesh[14]) / np.linalg.norm(mesh[33] - mesh[263]))


def test_sound_times_and_words_come_from_the_driver(place: Path, portrait: Path, talking: Path) -> None:
    report = _reenact(portrait, talking, place / "out.mp4")
    made, driver = (scan_times(probe(path)) for path in (place / "out.mp4", talking))
    assert [time for time, _ in made] == [time for time, _ in driver]
    assert len(probe(place / "out.mp4").audio) == 2
    assert report.warnings == []
    comment = probe(place / "out.mp4").metadata["comment"]
    assert comment.startswith("Synthetic: the portrait was animated by dubtool") and comment.endswith("model warp")


def test_a_part_of_the_driver_takes_its_sound_along(place: Path, portrait: Path, talking: Path) -> None:
    times = [time for time, _ in scan_times(probe(talking))]
    part = {"start": Fraction(1, 10), "stop": Fraction(1, 2)}
    report = _reenact(portrait, talking, place / "out.mkv", **part)
    inside = [time for time in times if part["start"] <= time < part["stop"]]
    assert report.frames == len(inside)
    made = [float(time) for time, _ in scan_times(probe(place / "out.mkv"))]
    np.testing.assert_allclose(made, [float(time - inside[0]) for time in inside], atol=0.0015)
    assert len(probe(place / "out.mkv").audio) == 1
    with pytest.raises(UsageError, match="no frame of the driver lies within the stretch"):
        _reenact(portrait, talking, place / "none.mp4", start=Fraction(9))


def test_the_crop_alone_is_square(place: Path, portrait: Path, clip: Path) -> None:
    _reenact(portrait, clip, place / "out.mp4", framing="crop", motion="absolute", yaw=10.0)
    first = frames_of(place / "out.mp4")[0]
    assert first.width == first.height and first.width % 2 == 0
    assert find_face(first.rgb()) is not None


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_other_kinds_of_picture(suffix: str, place: Path, still: np.ndarray, clip: Path) -> None:
    made = _reenact(_saved(place / f"portrait{suffix}", still[:-1, :-1]), clip, place / "out.mp4")
    assert made.dubbed == 10
    assert all(
        side % 2 == 0 for side in (frames_of(place / "out.mp4")[0].width, frames_of(place / "out.mp4")[0].height)
    )


def test_tiny_grey_and_tight_portraits(place: Path, still: np.ndarray, clip: Path) -> None:
    mesh = find_face(still)
    assert mesh is not None
    (left, top), (right, bottom) = mesh[:, :2].min(axis=0).astype(int), mesh[:, :2].max(axis=0).astype(int)
    tiny = cv2.resize(still, None, fx=40 / (right - left), fy=40 / (right - left), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(still, cv2.COLOR_RGB2GRAY)
    tight = still[max(top, 0) : bottom, max(left, 0) : right]
    for name, picture in (("tiny", tiny), ("grey", grey), ("tight", tight)):
        report = _reenact(_saved(place / f"{name}.png", picture), clip, place / f"{name}.mp4")
        assert report.dubbed == 10, name
    rgb = frames_of(place / "grey.mp4")[5].rgb().astype(int)
    assert np.ptp(rgb, axis=2).max() < 12


def test_a_huge_portrait_is_made_smaller(place: Path, still: np.ndarray, clip: Path) -> None:
    huge = cv2.resize(still, (4400, 4400 * still.shape[0] // still.shape[1]))
    report = _reenact(_saved(place / "huge.jpg", huge), clip, place / "out.mp4", stop=Fraction(1, 25))
    assert len(report.warnings) == 1 and "larger than 4K" in report.warnings[0]
    video = probe(place / "out.mp4").require_video()
    assert max(video.width, video.height) <= 3840 and video.width * video.height <= 3840 * 2160


def test_without_a_face_one_line_names_the_portrait(place: Path, clip: Path, cut: Cut, portrait: Path) -> None:
    grey = _saved(place / "nobody.png", np.full((200, 200, 3), 128, np.uint8))
    with pytest.raises(NoFaceError, match=r"nobody\.png: no face was found in the portrait"):
        _reenact(grey, clip, place / "out.mp4")
    empty = cut("all grey.mp4", "-vf", "drawbox=color=gray:t=fill", "-frames:v", 5, "-an", *_QUICK)
    with pytest.raises(NoFaceError, match="no face was found in any"):
        _reenact(portrait, empty, place / "out.mp4")
    with pytest.raises(InputError, match="is not a picture"):
        _reenact(clip, clip, place / "out.mp4")
    assert sorted(path.name for path in place.iterdir()) == ["nobody.png", "portrait.png"]


def test_a_lost_driver_holds_the_portrait_still(place: Path, portrait: Path, cut: Cut) -> None:
    gone = cut("gone.mp4", "-vf", "drawbox=color=gray:t=fill:enable='gte(n,6)'", "-frames:v", 10, "-an", *_QUICK)
    report = _reenact(portrait, gone, place / "out.mkv", codec="ffv1")
    assert (report.dubbed, dict(report.passed)) == (6, {"no face": 4})
    frames = [frame.rgb().astype(int) for frame in frames_of(place / "out.mkv")]
    assert np.abs(frames[9] - frames[5]).max() == 0
    assert np.abs(frames[5] - frames[0]).max() > 5


def test_the_batch_size_changes_nothing(place: Path, portrait: Path, clip: Path) -> None:
    for size in (1, 7):
        _reenact(portrait, clip, place / f"{size}.mkv", codec="ffv1", batch_size=size)
    for one, other in zip(frames_of(place / "1.mkv"), frames_of(place / "7.mkv"), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one.planes, other.planes, strict=True))


def test_preview_sheet_and_sidecar(place: Path, portrait: Path, clip: Path) -> None:
    report = _reenact(portrait, clip, place / "out.mp4", preview=True, sheet=True, sidecar=True)
    names = ["out.json", "out.mp4", "out.preview.mp4", "out.sheet.png", "portrait.png"]
    assert sorted(path.name for path in place.iterdir()) == names
    pair = frames_of(place / "out.preview.mp4")[5]
    result = frames_of(place / "out.mp4")[5]
    assert (pair.width, pair.height) == (2 * result.width, result.height)
    assert cv2.imread(report.extra["sheet"]).shape[1] == 4 * 240
    told = json.loads((place / "out.json").read_text())
    assert told["job"] == "reenact" and told["inputs"]["portrait"] == str(portrait)


def test_large_heads_are_animated_at_their_own_size(place: Path, still: np.ndarray, clip: Path) -> None:
    sides = []
    for name, scale in (("small", 1.0), ("large", 2.5)):
        portrait = _saved(place / f"{name}.png", cv2.resize(still, None, fx=scale, fy=scale))
        _reenact(portrait, clip, place / f"{name}.mp4", framing="crop", stop=Fraction(1, 10))
        sides.append(frames_of(place / f"{name}.mp4")[0].width)
    assert sides[0] == 256 and 384 < sides[1] <= 640


def test_options_and_paths_are_checked_first(place: Path, portrait: Path, clip: Path) -> None:
    for options, told in (
        ({"motion": "wild"}, "motion 'wild' is not one of relative, absolute"),
        ({"framing": "half"}, "framing 'half' is not one of crop, full"),
        ({"yaw": 60.0}, "yaw 60.0 is not between -45 and 45"),
        ({"model": "nothing"}, "no weights are called 'nothing'"),
    ):
        with pytest.raises(UsageError, match=told):
            _reenact(portrait, clip, place / "out.mp4", **options)
    with pytest.raises(UsageError, match="is also an input"):
        _reenact(portrait, clip, clip, overwrite=True)
    with pytest.raises((UsageError, WeightsError)):
        _reenact(portrait, clip, place / "out.mp4", model="dinet-shape")
    assert [path.name for path in place.iterdir()] == ["portrait.png"]


def test_the_result_lies_beside_the_portrait(place: Path, portrait: Path, clip: Path) -> None:
    report = dubtool.reenact(portrait, clip, model="warp", preset="ultrafast", stop=Fraction(1, 10))
    assert report.output == str(place / "portrait.reenacted.mp4")
    with pytest.raises(UsageError, match="exists; give --overwrite"):
        dubtool.reenact(portrait, clip, model="warp")


def test_sound_that_cannot_be_cut_is_refused_before_any_work(
    place: Path, portrait: Path, cut: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    speech = cut("longer sound.wav", "-t", 0.8, source="speech.wav")
    sound = ("-i", speech, "-map", "0:v", "-map", "1:a", "-c:a", "flac")
    driver = cut("flac.mkv", *sound, "-frames:v", 10, *_QUICK)
    data = driver.read_bytes()
    start = data.index(b"fLaC") + 64
    # No frame of the sound begins any more.
    (place / "driver.mkv").write_bytes(data[:start] + data[start:].replace(b"\xff\xf8", b"\0\0"))

    def unwanted(*_: object, **__: object) -> None:
        pytest.fail("the driver is being tracked")

    monkeypatch.setattr("dubtool.jobs.shared.run.track_video", unwanted)
    with pytest.raises(InputError, match="its sound"):
        _reenact(portrait, place / "driver.mkv", place / "out.webm", start=Fraction("0.1"), stop=Fraction("0.3"))
