"""The evaluation: pictures, self-dub and the whole, and what becomes of clips that cannot be measured."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from dubbing_place import Cut

import dubtool
from dubtool.errors import InputError, NoFaceError, UsageError
from dubtool.evaluation.analysed import TrackedSpeaker, analyse
from dubtool.evaluation.clips import Clip, clips_from_files
from dubtool.evaluation.evaluate import JSON_NAME, evaluate
from dubtool.evaluation.pictures import Pictures
from dubtool.evaluation.results import MEASURES
from dubtool.evaluation.segment import Recording
from dubtool.evaluation.selfdub import dub_passes
from dubtool.face.shape import ShapeModel
from dubtool.media.decode import VideoReader
from dubtool.media.encode import VideoWriter
from dubtool.media.frame import Frame
from dubtool.weights import find

SMALL = ("-vf", "fps=25/2,scale=320:-2", "-preset", "ultrafast", "-crf", 14)


@pytest.fixture(scope="module")
def talk(cut: Cut) -> Path:
    """2.6 s of the example with its own sound: 32 small frames."""
    return cut("talk.mov", "-ss", 1, "-t", 2.6, *SMALL, "-c:a", "pcm_s16le")


# Pictures


@pytest.fixture
def seen(clip: Path, place: Path) -> TrackedSpeaker:
    return analyse(clip, ShapeModel.load(find("face_shape")), cache=True)


class _Mask:
    """Stands for a job that blends over most of the mouth box."""

    def __init__(self, seen: TrackedSpeaker) -> None:
        self._seen = seen

    def weights(self, frame: int) -> tuple[np.ndarray, tuple[int, int, int, int]]:
        x0, y0, x1, y1 = self._seen.mouth_box(frame)
        weights = np.zeros((y1 - y0, x1 - x0), np.float32)
        weights[(y1 - y0) // 4 : -8, 8:-8] = 1
        return weights, (x0, y0, x1, y1)


def _measured(seen: TrackedSpeaker, folder: Path, change: Callable[[int, Frame], None]) -> Pictures:
    """Pictures of a dub that does this to each frame."""
    target = folder / "made.mp4"
    with VideoWriter(target, seen.info, lossless=True, preset="ultrafast") as writer:
        for number, frame in enumerate(VideoReader(seen.info)):
            change(number, frame)
            writer.write(frame, frame.time, frame.duration)
    pictures = Pictures()
    pictures.measure(target, seen, _Mask(seen))  # type: ignore[arg-type]
    target.unlink()
    return pictures


def test_a_blurred_mouth_is_less_sharp_and_touches_nothing_else(seen: TrackedSpeaker, place: Path) -> None:
    def blur(number: int, frame: Frame) -> None:
        weights, box = _Mask(seen).weights(number)
        rgb = frame.rgb(box).astype(np.float32)
        frame.add_rgb(box, (cv2.GaussianBlur(rgb, (0, 0), 3.0) - rgb) * weights[..., None])

    numbers = _measured(seen, place, blur).numbers()
    assert numbers["sharpness"].value < 0.9
    assert numbers["sharpness_lips"].value < 0.5
    assert numbers["outside"].value == 0


def test_what_flickers_and_what_has_an_edge_is_seen(seen: TrackedSpeaker, place: Path) -> None:
    def blink(number: int, frame: Frame) -> None:
        weights, box = _Mask(seen).weights(number)
        frame.add_rgb(box, np.repeat(weights[..., None] * (40 if number % 2 else 10), 3, axis=2))

    pictures = _measured(seen, place, blink)
    numbers = pictures.numbers()
    assert pictures.frames == 10
    assert numbers["seam"].value > 2
    assert numbers["flicker"].value > 2
    assert set(pictures.eight()) == {
        "Brenner",
        "Laplacian",
        "SMD",
        "SMD2",
        "Variance",
        "Energy",
        "Vollath",
        "Entropy",
    }


def test_one_pixel_outside_is_found_even_where_no_mouth_was_made(seen: TrackedSpeaker, place: Path) -> None:
    def touch(number: int, frame: Frame) -> None:
        if number == 4:
            frame.planes[0][0, 0] += 7

    # The mask was nowhere near, so the mouth itself counts as made in that one frame.
    assert _measured(seen, place, touch).numbers()["outside"].value == 7
    untouched = _measured(seen, place, lambda number, frame: None)
    assert untouched.frames == 0
    assert untouched.numbers()["outside"].value == 0
    assert math.isnan(untouched.numbers()["sharpness"].value)


# Self-dub


@pytest.mark.parametrize(("rate", "frames"), [(25, 200), (50, 200), (25, 35), (12, 60)])
def test_references_stay_away_from_the_frames_that_are_made(rate: int, frames: int) -> None:
    times = [Fraction(number, rate) for number in range(frames + 1)]
    passes = dub_passes(Recording(None, None, None, times, range(frames)))  # type: ignore[arg-type]
    assert passes is not None
    for part in passes:
        apart = min(abs(a - b) for a in part.made for b in part.references)
        assert apart >= 25 and apart >= rate
        assert all(frame + part.apart in range(frames) for frame in part.made)


def test_a_clip_of_a_second_has_no_room_for_that() -> None:
    times = [Fraction(number, 25) for number in range(34)]
    assert dub_passes(Recording(None, None, None, times, range(33))) is None  # type: ignore[arg-type]


def test_a_dub_takes_its_references_from_the_stretch_it_is_told(clip: Path, speech: Path, place: Path) -> None:
    stretch = (Fraction(1, 5), Fraction(2, 5))
    report = dubtool.dub(clip, speech, place / "out.mp4", model="dinet-shape", reference_segment=stretch)
    assert set(report.details["references"]) <= set(range(5, 10))
    with pytest.raises(NoFaceError, match="between 7 and 8 s"):
        dubtool.dub(clip, speech, place / "no.mp4", reference_segment=(Fraction(7), Fraction(8)))


# The whole


def test_one_clip_through_all_tests_beside_one_that_cannot_be_read(talk: Path, place: Path) -> None:
    told: list[tuple[float, float | None]] = []
    result = evaluate(
        clips_from_files([talk, place / "none.mp4"]),
        model="dinet-shape",
        out=place / "out",
        progress=lambda stage, done, total: told.append((done, total)),
    )
    measured, failed = result.outcomes
    assert set(measured.numbers) == set(MEASURES) - {"csim", "true_csim", "bilabials"}
    assert measured.numbers["outside"].value == 0
    assert 0.5 < measured.numbers["ssim"].value < 1
    assert measured.numbers["psnr"].value > measured.numbers["psnr_lips"].value > 15
    assert measured.details["swapped"]["dubbed"] == measured.details["swapped"]["frames"] == [15, 15]
    assert measured.details["self"]["frames"] == measured.details["true-shapes"]["frames"] == 2
    assert measured.numbers["true_lpips"].value != measured.numbers["lpips"].value
    assert 30 < measured.eyes < 160 and not measured.large
    assert (failed.failure, failed.numbers) == ("InputError", {})
    assert "none.mp4 does not exist" in str(failed.error)
    assert [done for done, _ in told] == list(range(1, 15)) and {total for _, total in told} == {14}
    written = json.loads((place / "out" / JSON_NAME).read_text())
    assert written["failed"] == ["none"]
    assert written["summary"]["ssim"]["worst_clip"] == "talk"
    sheet = cv2.imread(str(place / "out" / "sheet.png"))
    assert sheet is not None and sheet[30:, 70:].mean() > 40
    with pytest.raises(UsageError, match="overwrite"):
        evaluate(clips_from_files([talk]), out=place / "out")


def test_short_clips_of_one_person_say_each_other_s_words(cut: Cut, place: Path) -> None:
    clips = [
        Clip(cut(f"word-{start}.mov", "-ss", start, "-t", 0.96, *SMALL, "-c:a", "pcm_s16le"), f"word-{start}", "ann")
        for start in (1, 2)
    ]
    alone = Clip(clips[0].path, "alone", "bob")
    result = evaluate([*clips, alone], tests=("swapped", "outside"))
    ann, bob = result.outcomes
    assert (ann.name, ann.identity, len(ann.clips)) == ("ann", "ann", 2)
    assert ann.details["swapped"]["frames"] == [11, 11]
    assert set(ann.numbers) == {name for name, measure in MEASURES.items() if measure.test in ("swapped", "outside")}
    assert -1 <= ann.numbers["opening_r"].value <= 1 and ann.numbers["outside"].value == 0
    assert "no other such clip of bob" in str(bob.error)


def test_nothing_measured_is_an_error(place: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        evaluate(clips_from_files([place / "none.mp4"]))
    with pytest.raises(UsageError, match="'lips'"):
        evaluate(clips_from_files([place / "none.mp4"]), tests=("lips",))
    with pytest.raises(UsageError, match="no clip"):
        evaluate([])
