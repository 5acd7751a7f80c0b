"""Several people dubbed in one run: each as alone, heard at their times, told apart in the report."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from dubbing_place import Cut, ffmpeg, frames_of
from two_people import FRAMES, SIDE, TAKEN, TWO

import dubtool
from dubtool.cli import main
from dubtool.errors import DubtoolError, InputError, NoFaceError, UsageError
from dubtool.jobs.shared.cast import Cast, CastRow
from dubtool.media.decode import scan_times
from dubtool.media.frame import Frame
from dubtool.media.probe import probe


@pytest.fixture(scope="module")
def right(cut: Cut) -> Path:
    """Another rate, and two channels."""
    return cut("right.wav", "-ss", 1.5, "-t", 0.36, "-ar", 48000, "-ac", 2, source="speech.wav")


def _rows(left: Path, right: Path) -> tuple[CastRow, CastRow]:
    return CastRow("left", left), CastRow("right", right, Fraction(6, 25))


def _dub(film: Path, rows: tuple[CastRow, ...], out: Path, **options: object) -> dubtool.Report:
    return dubtool.dub(film, output=out, cast=Cast(rows), codec="ffv1", **options)


def _half(frame: Frame, side: int) -> list[np.ndarray]:
    return [np.array_split(plane, 2, axis=1)[side] for plane in frame.planes]


def _same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("model", ["retrieval-warp", "dinet-shape"])
def test_each_looks_as_in_a_run_alone(place: Path, film: Path, left: Path, right: Path, model: str) -> None:
    one, other = _rows(left, right)
    both = _dub(film, (one, other), place / "both.mkv", model=model)
    first = _dub(film, (one,), place / "left.mkv", model=model)
    second = _dub(film, (other,), place / "right.mkv", model=model)
    assert (both.dubbed, first.dubbed, second.dubbed) == (FRAMES, FRAMES, 9)
    source = frames_of(film)
    files = ("both.mkv", "left.mkv", "right.mkv")
    for number, frames in enumerate(zip(*(frames_of(place / name) for name in files), source, strict=True)):
        together, only_left, only_right, untouched = frames
        assert _same(_half(together, 0), _half(only_left, 0)), number
        assert _same(_half(together, 1), _half(only_right, 1)), number
        assert _same(_half(only_left, 1), _half(untouched, 1)), "alone, nobody else is touched"
        assert not _same(_half(together, 0), _half(untouched, 0))
        assert _same(_half(together, 1), _half(untouched, 1)) == (number < 6), "before the line nothing changes"


def test_one_row_over_the_film_is_what_a_speech_alone_is(place: Path, film: Path, left: Path) -> None:
    _dub(film, (CastRow("left", left),), place / "cast.mkv")
    dubtool.dub(film, left, place / "alone.mkv", face="left", codec="ffv1", length="video")
    for one, other in zip(frames_of(place / "cast.mkv"), frames_of(place / "alone.mkv"), strict=True):
        assert _same(one.planes, other.planes)


def test_workers_make_the_same(place: Path, film: Path, left: Path, right: Path) -> None:
    rows = _rows(left, right)
    _dub(film, rows, place / "one.mkv", sheet=True, preview=True)
    _dub(film, rows, place / "two.mkv", sheet=True, preview=True, workers=2, device="cpu")
    for one, other in zip(frames_of(place / "one.mkv"), frames_of(place / "two.mkv"), strict=True):
        assert _same(one.planes, other.planes)
    assert (place / "one.sheet.png").read_bytes() == (place / "two.sheet.png").read_bytes()
    preview = probe(place / "one.preview.mp4").require_video()
    assert preview.width == 2 * 2 * SIDE


def test_frames_are_those_of_the_file(place: Path, film: Path, left: Path, right: Path) -> None:
    rows = _rows(left, right)
    _dub(film, rows, place / "both.mkv")
    found = list(dubtool.Dubber().frames(film, cast=Cast(rows)))
    for picture, frame in zip(found, frames_of(place / "both.mkv"), strict=True):
        assert np.array_equal(picture, frame.rgb())


def test_the_sound_is_every_speech_at_its_time(place: Path, film: Path, left: Path, right: Path) -> None:
    report = _dub(
        film, (*_rows(left, right), CastRow("nobody", left, Fraction(1, 10), Fraction(3, 10))), place / "o.mkv"
    )
    ffmpeg("-i", place / "o.mkv", "-c:a", "pcm_f32le", place / "o.wav")
    heard, rate = soundfile.read(place / "o.wav", always_2d=True)
    assert (rate, heard.shape) == (48000, (round(0.6 * 48000), 2))
    stereo, _ = soundfile.read(right, always_2d=True)
    begin, end = round(0.24 * rate), round(0.24 * rate) + len(stereo)
    # What is not from the second one is from the first, which is at another rate: the same on both sides.
    rest = heard.copy()
    rest[begin:end] -= stereo
    assert np.abs(rest[:, 0] - rest[:, 1]).max() < 1e-6
    mono, _ = soundfile.read(left)
    first = mono[: round(0.09 * 16000)]
    assert np.abs(rest[: 3 * len(first) : 3, 0] - first)[20:-20].max() < 0.01
    assert [line["face"] for line in report.details["off_screen"]] == ["nobody"]
    assert report.warnings == ["row 3 of the cast: left.wav (0.60 s) is 0.40 s longer than its place and cut; fit it "
                               "(stretch, slow-picture)"]  # fmt: skip


def test_a_part_of_a_speech_goes_on_where_the_row_before_ended(place: Path, film: Path, left: Path) -> None:
    """As `--face speaking` writes it: one sound that follows the film, and changes from mouth to mouth."""
    middle = Fraction(7, 25)
    end = Fraction(FRAMES, 25)
    rows = (
        CastRow("left", left, Fraction(0), middle, offset=Fraction(0)),
        CastRow("right", left, middle, end, offset=middle),
    )
    report = _dub(film, rows, place / "o.mkv")
    ffmpeg("-i", place / "o.mkv", place / "o.wav")
    heard, _ = soundfile.read(place / "o.wav", dtype="int16")
    whole, _ = soundfile.read(left, dtype="int16")
    assert np.array_equal(heard, whole)
    assert report.warnings == []
    assert [one["dubbed"] for one in report.details["people"]] == [7, 8]


def test_the_report_tells_of_each_person(place: Path, film: Path, left: Path, right: Path) -> None:
    report = _dub(film, _rows(left, right), place / "o.mkv", sidecar=True)
    one, other = report.details["people"]
    assert (one["face"], one["dubbed"], one["passed"]) == ("left", 15, {})
    assert (other["face"], other["dubbed"], other["passed"]) == ("right", 9, {"does not speak": 6})
    assert other["lines"] == [
        {
            "row": "row 2 of the cast", "face": "right", "speech": str(right), "from": 0.24, "to": 0.6,
            "seconds": 0.36, "fit": "none",
        }
    ]  # fmt: skip
    assert one["references"] == 15 and set(other["reach"]) == {"scale", "limit", "own"}
    assert report.inputs == {"video": str(film), "cast": "in memory"}
    assert json.loads((place / "o.json").read_text())["details"]["people"][1]["dubbed"] == 9
    # Of all frames together: nobody speaks only where nobody does.
    late = _dub(film, (CastRow("right", right, Fraction(6, 25)),), place / "late.mkv")
    assert dict(late.passed) == {"nobody speaks": 6}


def test_the_command_takes_a_table_or_speakers(
    place: Path, film: Path, left: Path, right: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    table = place / "cast.csv"
    table.write_text(f"face,speech,from\nleft,{left},\nright,{right},0:00.24\n")
    common = ["--codec", "ffv1", "--quiet"]
    assert main(["dub", str(film), "--cast", str(table), "-o", str(place / "a.mkv"), *common]) == 0
    speakers = ["--speaker", f"left={left}", "--speaker", f"2={right}"]
    assert main(["dub", str(film), *speakers, "-o", str(place / "b.mkv"), *common]) == 0
    capfd.readouterr()
    for one, other in zip(frames_of(place / "a.mkv"), frames_of(place / "b.mkv"), strict=True):
        assert _same(_half(one, 0), _half(other, 0))
        assert not _same(_half(one, 1), _half(other, 1)), "the right one begins earlier"


BAD = [
    ("left,left.wav,0,\nright,right.wav,0.5,\n", UsageError, "line 3: "),
    ("left,left.wav,0,0.3\n1,right.wav,0.2,\n", UsageError, "line 3: 1 already speaks then (cast.csv, line 2)"),
    ("3,left.wav,,\n", NoFaceError, "two.mp4: there is no face number 3"),
    ("anna,left.wav,,\n", UsageError, "line 2: --face 'anna'"),
    ("left,left.wav,,\nright,none.wav,,\n", InputError, "line 3: "),
    ("left,cast.csv,,\n", InputError, "line 2: "),
    ("nobody,left.wav,,\n", UsageError, "line 2: nobody of the cast"),
    ("", UsageError, "has no rows"),
]


@pytest.mark.parametrize(("rows", "error", "told"), BAD)
def test_what_is_wrong_is_one_line_with_the_row(
    place: Path, film: Path, left: Path, right: Path, rows: str, error: type[DubtoolError], told: str
) -> None:
    for file in (left, right):
        (place / file.name).write_bytes(file.read_bytes())
    table = place / "cast.csv"
    table.write_text(f"face,speech,from,to\n{rows}")
    before = sorted(place.iterdir())
    with pytest.raises(error, match=r".") as caught:
        dubtool.dub(film, output=place / "o.mkv", cast=table)
    assert told in str(caught.value) and str(caught.value).count("cast.csv") <= 2
    assert "\n" not in str(caught.value)
    assert sorted(place.iterdir()) == before


def test_a_face_that_is_not_seen_while_its_row_lasts(place: Path, cut: Cut, left: Path) -> None:
    gone = f"{TWO}[two];[two]drawbox=x={SIDE}:w={SIDE}:h={SIDE}:color=gray:t=fill:enable='gte(t,2.3)'"
    film = cut("gone.mp4", *TAKEN, gone)
    rows = (CastRow("left", left), CastRow("right", left, Fraction(2, 5), Fraction(3, 5)))
    with pytest.raises(NoFaceError, match=r"row 2 of the cast: right is never seen between 0\.40 and 0\.60 s"):
        _dub(film, rows, place / "o.mkv")


def test_the_picture_waits_for_a_longer_speech(place: Path, film: Path, cut: Cut) -> None:
    longer = cut("longer.wav", "-ss", 0.3, "-t", 0.72, "-ar", 16000, source="speech.wav")
    report = dubtool.dub(film, longer, place / "o.mkv", codec="ffv1", face="left", fit="slow-picture")
    times = [float(time) for time, _ in scan_times(probe(place / "o.mkv"))]
    assert len(times) == FRAMES and np.allclose(times, np.arange(FRAMES) * 0.048, atol=0.001)
    assert report.duration == pytest.approx(0.72) and report.dubbed == FRAMES
    assert report.details["people"][0]["lines"][0]["slowed"] == 1.2
    assert "the picture is slowed down by 20.0% from 0.00 s on" in report.warnings[0]
    ffmpeg("-i", place / "o.mkv", place / "o.wav")
    heard, _ = soundfile.read(place / "o.wav", dtype="int16")
    assert np.array_equal(heard, soundfile.read(longer, dtype="int16")[0])


def test_cues_with_a_sound_each(place: Path, film: Path, left: Path, right: Path) -> None:
    (place / "lines.srt").write_text(
        "1\n00:00:00,000 --> 00:00:00,200\nHow?\n\n2\n00:00:00,240 --> 00:00:00,600\nSo.\n"
    )
    (place / "voices").mkdir()
    (place / "voices" / "1.wav").write_bytes(left.read_bytes())
    (place / "voices" / "2.right.wav").write_bytes(right.read_bytes())
    files = {"cues": place / "lines.srt", "voices": place / "voices"}
    report = dubtool.dub(film, output=place / "o.mkv", codec="ffv1", face="left", **files)
    assert [(one["face"], one["dubbed"]) for one in report.details["people"]] == [("left", 5), ("right", 9)]
    assert report.warnings[0].startswith("lines.srt, cue 1: 1.wav (0.60 s) is 0.40 s longer than its place and cut")
    assert report.inputs == {"video": str(film)} | {name: str(path) for name, path in files.items()}


def test_one_way_or_the_other(place: Path, film: Path, left: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def told(*words: object) -> str:
        assert main(["dub", str(film), *(str(word) for word in words), "--quiet"]) == 2
        return capfd.readouterr().err

    assert "nothing is to be said: give a SPEECH" in told()
    assert "leave out the SPEECH" in told(left, "--speaker", f"left={left}")
    assert "leave out --speaker, or --cast" in told("--cast", "c.csv", "--speaker", f"left={left}")
    assert "leave out --length shortest" in told("--cast", "c.csv", "--length", "shortest")
    assert "--adapt learns one person" in told("--cast", "c.csv", "--adapt", "1", "--model", "dinet-shape")
    with pytest.raises(UsageError, match="is also an input"):
        dubtool.dub(film, output=left, cast=Cast((CastRow("left", left),)), overwrite=True)
