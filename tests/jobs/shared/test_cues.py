"""Subtitles with a sound each, as a cast."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from dubtool.errors import DubtoolError, InputError, UsageError
from dubtool.jobs.shared.cues import cast_of_cues, read_cues

SRT = "1\n00:00:01,000 --> 00:00:02,500\nHello - 3 --> no\n\n2\n00:00:03.250 --> 0:04,5 X1:1 X2:2\nNo, you.\n2020\n"


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    path = tmp_path / "lines.srt"
    path.write_text(SRT.replace("Hello - 3 --> no", "Hello"))
    (tmp_path / "voices").mkdir()
    return path


def _voices(lines: Path, *names: str) -> Path:
    for name in names:
        (lines.parent / "voices" / name).touch()
    return lines.parent / "voices"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_cues_of_any_editor(tmp_path: Path, encoding: str, line_end: str) -> None:
    path = tmp_path / "lines.srt"
    path.write_bytes(SRT.replace("Hello - 3 --> no", "Größe").replace("\n", line_end).encode(encoding))
    first, second = read_cues(path)
    assert (first.number, first.start, first.stop) == (1, 1, Fraction(5, 2))
    assert (second.number, second.start, second.stop) == (2, Fraction(13, 4), Fraction(9, 2))


def test_what_is_too_long_for_a_number_is_none(tmp_path: Path) -> None:
    path = tmp_path / "lines.srt"
    path.write_text(f"{'9' * 5000}\n00:00:01,000 --> 00:00:02,000\nHello\n")
    assert [cue.number for cue in read_cues(path)] == [1]
    path.write_text(f"1\n00:00:01,000 --> {'9' * 20}:00:02,000\nHello\n")
    with pytest.raises(UsageError, match=r"lines\.srt, line 2: .* holds what is not a time"):
        read_cues(path)


def test_each_cue_is_said_by_the_sound_of_its_number(lines: Path) -> None:
    voices = _voices(lines, "001.wav", "2.left.FLAC", "notes.txt", "readme.wav")
    one, two = cast_of_cues(lines, voices, "largest").rows
    assert (one.face, one.speech, one.start, one.stop) == ("largest", voices / "001.wav", 1, Fraction(5, 2))
    assert (two.face, two.speech, two.place) == ("left", voices / "2.left.FLAC", "lines.srt, cue 2")


@pytest.mark.parametrize(
    ("names", "error", "told"),
    [
        (["1.wav"], InputError, "lines.srt, cue 2: no sound in"),
        (["1.wav", "01.left.wav", "2.wav"], UsageError, "cue 1: 01.left.wav and 1.wav are both named after it"),
        (["1.wav", "2.wav", "3.wav"], UsageError, "3.wav is the sound of no cue"),
    ],
)
def test_sounds_that_do_not_match(lines: Path, names: list[str], error: type[DubtoolError], told: str) -> None:
    with pytest.raises(error, match=r".") as caught:
        cast_of_cues(lines, _voices(lines, *names), "largest")
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Hello\n", "has no cues"),
        (SRT, "line 3: 'Hello - 3 --> no' is not FROM --> TO"),
        ("1\n0:02,0 --> 0:01,0\nx\n", "cue 1: it ends at 1 s"),
        ("1\n0:01 --> 0:02\nx\n\n1\n0:03 --> 0:04\ny\n", "line 6: there are two cues 1"),
    ],
)
def test_what_is_not_understood_is_told(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "lines.srt"
    path.write_text(text)
    with pytest.raises(UsageError, match=r".") as caught:
        read_cues(path)
    assert told in str(caught.value)


def test_a_folder_that_is_not_there(lines: Path) -> None:
    with pytest.raises(InputError, match="is no folder"):
        cast_of_cues(lines, lines.parent / "none", "largest")
    with pytest.raises(InputError, match="cannot be read"):
        cast_of_cues(lines.parent / "none.srt", lines.parent, "largest")
