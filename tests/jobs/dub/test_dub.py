"""A dub from end to end: what changes, what does not, and what is said about it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import soundfile
from dubbing_place import Cut, frames_of

import dubtool
from dubtool.face.crop import to_pixels
from dubtool.face.grain_match import Compared, GrainMatch
from dubtool.face.shape import ShapeModel
from dubtool.jobs.shared.frame_timeline import plan_timeline
from dubtool.jobs.shared.load import load_generator
from dubtool.jobs.shared.options import PAINTER
from dubtool.jobs.shared.report import Report
from dubtool.media.decode import scan_times
from dubtool.media.frame import Frame
from dubtool.media.probe import probe
from dubtool.metrics.outside import largest_outside
from dubtool.tracking import track_video as tracking_module
from dubtool.tracking.motion import face_motion
from dubtool.tracking.track_video import track_video
from dubtool.weights import find


def _same(first: Frame, second: Frame) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(first.planes, second.planes, strict=True))


def _changed(dubbed: Path, source: Path) -> list[int]:
    """Frames of a dub as long as its source that are not the source's, bit by bit."""
    pairs = zip(frames_of(dubbed), frames_of(source), strict=True)
    return [number for number, (one, other) in enumerate(pairs) if not _same(one, other)]


def _counts_add_up(report: Report) -> bool:
    return report.dubbed + sum(report.passed.values()) == report.frames


def _mouth_boxes(clip: Path) -> list[np.ndarray]:
    """Where each frame may change: bool [H, W], the mouth box that the generator makes, in the picture."""
    info = probe(clip)
    video = info.require_video()
    known = track_video(info)
    track = known.tracks.faces[0]
    motion = face_motion([track], ShapeModel.load(find("face_shape")), np.zeros(len(track.frames), bool))
    size = load_generator(PAINTER, "cpu", "auto")[0].spec.size
    rows, columns = size.box
    # Below a gaping mouth the chin is made anew, too.
    corners = np.array([(x, y) for x, y in ((-0.18, -0.18), (1.18, -0.18), (1.18, 1.18), (-0.18, 1.18))], np.float64)
    corners = corners * (columns.stop - columns.start, rows.stop - rows.start) + (columns.start, rows.start)
    boxes = []
    for matrix in to_pixels(motion.unit, size):
        back = cv2.invertAffineTransform(matrix)
        polygon = np.rint(corners @ back[:, :2].T + back[:, 2]).astype(np.int32)
        region = np.zeros((video.height, video.width), np.uint8)
        cv2.fillPoly(region, [polygon], 1)
        boxes.append(cv2.dilate(region, np.ones((5, 5), np.uint8)).astype(bool))
    return boxes


def test_only_the_mouth_box_changes(place: Path, clip: Path, speech: Path) -> None:
    report = dubtool.dub(clip, speech, place / "out.mkv", codec="ffv1")
    assert (report.frames, report.dubbed, dict(report.passed)) == (10, 10, {})
    for dubbed, source, region in zip(frames_of(place / "out.mkv"), frames_of(clip), _mouth_boxes(clip), strict=True):
        assert 0.01 < region.mean() < 0.35, "the box is the mouth's"
        for plane, own in zip(dubbed.planes, source.planes, strict=True):
            step = region.shape[0] // own.shape[0]
            inside = region.reshape(own.shape[0], step, own.shape[1], step).any(axis=(1, 3))
            assert largest_outside(plane, own, inside) == 0
        moved = np.abs(dubbed.planes[0].astype(int) - source.planes[0])[region]
        assert moved.max() > 8, "the mouth was not made anew"


def test_the_finish_is_put_on_every_made_mouth(
    place: Path, clip: Path, speech: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs: list[Compared] = []

    def watched(given: Iterable[Compared], *, filmed: bool) -> GrainMatch:
        assert not filmed
        pairs.extend(given)
        return GrainMatch(grain=2.0)

    monkeypatch.setattr("dubtool.jobs.dub.references.matching", watched)
    report = dubtool.dub(clip, speech, place / "grainy.mkv", codec="ffv1", model="dinet-shape")
    assert report.details["finish"] == {"sharpen": 0.0, "grain": 2.0}
    assert len(pairs) == 6, "real mouths are compared with"
    monkeypatch.setattr("dubtool.jobs.dub.references.matching", lambda given, filmed: GrainMatch())
    dubtool.dub(clip, speech, place / "plain.mkv", codec="ffv1", model="dinet-shape")
    for one, other in zip(frames_of(place / "grainy.mkv"), frames_of(place / "plain.mkv"), strict=True):
        grain = (one.planes[0].astype(float) - other.planes[0])[one.planes[0] != other.planes[0]]
        assert 1.0 < grain.std() < 2.5


def test_lossless_h264_holds_the_same_frames_as_ffv1(place: Path, clip: Path, speech: Path) -> None:
    dubtool.dub(clip, speech, place / "a.mkv", codec="ffv1")
    dubtool.dub(clip, speech, place / "b.mp4", lossless=True)
    # Two runs, two encoders, one result: nothing is drawn at random and nothing is lost.
    assert _changed(place / "a.mkv", place / "b.mp4") == []


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_the_batch_size_changes_no_more_than_rounding(
    batch_size: int, place: Path, clip: Path, speech: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    usual = tmp_path_factory.getbasetemp() / "usual.mkv"
    if not usual.exists():
        dubtool.dub(clip, speech, usual, codec="ffv1")
    dubtool.dub(clip, speech, place / "out.mkv", codec="ffv1", batch_size=batch_size)
    for one, other in zip(frames_of(place / "out.mkv"), frames_of(usual), strict=True):
        assert np.abs(one.planes[0].astype(int) - other.planes[0]).max() <= 1


def test_frames_and_times_are_those_of_the_plan(place: Path, clip: Path, cut: Cut) -> None:
    speech = cut("longer.wav", "-ss", 0.3, "-t", 0.93, source="speech.wav")
    report = dubtool.dub(clip, speech, place / "out.mp4")
    times, durations = zip(*scan_times(probe(clip)), strict=True)
    length = Fraction(soundfile.info(str(speech)).frames, soundfile.info(str(speech)).samplerate)
    plan = plan_timeline(times, durations, length, length="speech", loop="pingpong")
    written = scan_times(probe(place / "out.mp4"))
    assert [time for time, _ in written] == plan.times
    assert report.frames == len(plan) == 24
    assert report.duration == pytest.approx(float(length), abs=1e-4)
    assert float(probe(place / "out.mp4").main_audio.duration) == pytest.approx(float(length), abs=0.05)  # type: ignore[union-attr]


def test_a_variable_frame_rate_keeps_its_times(place: Path, cut: Cut, speech: Path) -> None:
    uneven = cut(
        "uneven.mp4", "-an", "-preset", "ultrafast", "-vf", "select='not(eq(n,3)+eq(n,4)+eq(n,8))'",
        "-fps_mode", "vfr", "-frames:v", 10,
    )  # fmt: skip
    source = scan_times(probe(uneven))
    steps = {after[0] - before[0] for before, after in pairwise(source)}
    assert len(steps) > 1
    report = dubtool.dub(uneven, speech, place / "out.mp4", length="video")
    assert scan_times(probe(place / "out.mp4")) == source
    assert report.dubbed == 10


def test_a_second_run_does_not_look_for_faces_again(
    place: Path, clip: Path, speech: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty cache"))
    first = dubtool.dub(clip, speech, place / "first.mkv", codec="ffv1")
    moved = shutil.copy(clip, place / "the same under another name.mp4")
    monkeypatch.setattr(tracking_module, "Tracker", lambda *_: pytest.fail("faces were tracked again"))
    second = dubtool.dub(moved, speech, place / "second.mkv", codec="ffv1")
    assert _changed(place / "first.mkv", place / "second.mkv") == []
    assert second.details == first.details
    with pytest.raises(pytest.fail.Exception):
        dubtool.dub(clip, speech, place / "third.mkv", cache=False)


def test_from_and_to_leave_the_other_frames_alone(place: Path, clip: Path, speech: Path) -> None:
    report = dubtool.dub(clip, speech, place / "out.mkv", codec="ffv1", start=Fraction(3, 25), stop=Fraction(8, 25))
    assert _changed(place / "out.mkv", clip) == [3, 4, 5, 6, 7]
    assert (report.dubbed, dict(report.passed)) == (5, {"outside the stretch": 5})


def test_frames_without_a_face_pass_through(place: Path, cut: Cut) -> None:
    hidden = cut(
        "hidden.mp4", "-frames:v", 30, "-an", "-preset", "ultrafast", "-crf", 14,
        "-vf", "drawbox=color=gray:t=fill:enable='between(n,10,19)'",
    )  # fmt: skip
    speech = cut("second.wav", "-t", 1.2, source="speech.wav")
    report = dubtool.dub(hidden, speech, place / "out.mkv", codec="ffv1")
    changed = _changed(place / "out.mkv", hidden)
    assert not set(changed) & set(range(10, 20)), "grey frames were touched"
    assert set(range(8)) <= set(changed), "frames before were dubbed"
    assert set(range(26, 30)) <= set(changed), "frames after were dubbed"
    assert report.passed["no face"] >= 10
    assert _counts_add_up(report)


def _samples(path: Path) -> tuple[int, int, np.ndarray]:
    """Rate, channels and samples [channels, N] of the sound."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        rate, channels = stream.sample_rate, stream.channels
        resampler = av.AudioResampler(format="fltp")
        blocks = [got.to_ndarray() for frame in container.decode(stream) for got in resampler.resample(frame)]
    return rate, channels, np.concatenate(blocks, axis=1)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_the_soundtrack_keeps_its_rate_and_channels(suffix: str, place: Path, clip: Path, speech: Path) -> None:
    times = np.arange(48000) / 48000
    mix = 0.5 * np.stack([np.sin(2 * np.pi * 440 * times), np.sin(2 * np.pi * 1000 * times)], axis=1)
    soundfile.write(place / "mix.wav", mix, 48000, subtype="PCM_24")
    dubtool.dub(clip, speech, place / f"out{suffix}", soundtrack=place / "mix.wav")
    rate, channels, heard = _samples(place / f"out{suffix}")
    assert (rate, channels) == (48000, 2)
    assert heard.shape[1] == pytest.approx(0.4 * 48000, abs=2048)
    middle = heard[:, 4000:16000]
    strongest = np.abs(np.fft.rfft(middle * np.hanning(12000))).argmax(axis=1) * 48000 / 12000
    assert strongest.tolist() == [440, 1000], "the two channels are not the mix's own"


def test_the_output_says_that_it_is_synthetic(place: Path, cut: Cut, speech: Path) -> None:
    titled = cut(
        "titled.mp4", "-frames:v", 10, "-an", "-preset", "ultrafast", "-metadata", "title=Für Ähre", "-crf", 14
    )
    report = dubtool.dub(titled, speech, place / "out.mp4")
    metadata = probe(place / "out.mp4").metadata
    assert metadata["title"] == "Für Ähre"
    said = metadata["comment"]
    assert said.startswith(f"Synthetic: the mouth was generated by dubtool {dubtool.__version__}")
    assert report.weights
    for name, digest in report.weights.items():
        assert f"{name} sha256:{digest[:16]}" in said


def test_preview_sheet_and_sidecar(place: Path, clip: Path, speech: Path) -> None:
    report = dubtool.dub(clip, speech, place / "out.mp4", preview=True, sheet=True, sidecar=True, start=Fraction(2, 25))
    assert report.extra == {
        "preview": str(place / "out.preview.mp4"),
        "sheet": str(place / "out.sheet.png"),
        "sidecar": str(place / "out.json"),
    }
    pairs = [frame.rgb() for frame in frames_of(place / "out.preview.mp4")]
    assert len(pairs) == 10
    assert pairs[0].shape == (640, 1280, 3)
    apart = [np.abs(pair[:, :640].astype(int) - pair[:, 640:]).max() for pair in pairs]
    assert max(apart[:2]) < min(apart[4:]), "left is the source, right is the result"
    sheet = cv2.imread(report.extra["sheet"])
    assert sheet.shape[1] == 5 * 240
    assert sheet.std() > 20
    told = json.loads((place / "out.json").read_text(encoding="utf-8"))
    assert told["weights"] == report.weights
    assert told["frames"] == 10
    assert told["passed"] == {"outside the stretch": 2}
    assert sorted(path.name for path in place.iterdir()) == ["out.json", "out.mp4", "out.preview.mp4", "out.sheet.png"]


def test_a_silent_speech_is_warned_of(place: Path, clip: Path) -> None:
    soundfile.write(place / "silence.wav", np.zeros(6400), 16000)
    report = dubtool.dub(clip, place / "silence.wav", place / "out.mp4")
    assert report.warnings == [f"{place / 'silence.wav'} is silent: the mouth will stay at rest"]


def test_progress_runs_to_the_end_of_each_pass(place: Path, clip: Path, speech: Path) -> None:
    told: dict[str, list[tuple[float, float | None]]] = {"track": [], "dub": []}
    dubtool.dub(
        clip, speech, place / "out.mp4", cache=False,
        progress=lambda stage, done, total: told[stage].append((done, total)),
    )  # fmt: skip
    for steps in told.values():
        assert steps[-1] == (10, 10)
        assert [done for done, _ in steps] == sorted(done for done, _ in steps)
