"""The table of a cast: what is read, what is written, and what is refused in one line with the row."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from dubtool.errors import DubtoolError, InputError, UsageError
from dubtool.jobs.shared.cast import NOBODY, Cast, CastRow, cast_of_speakers, cast_text, clock, read_cast


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "cast.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_rows_are_read_with_files_beside_the_table(tmp_path: Path) -> None:
    (tmp_path / "anna.jpg").touch()
    path = written(
        tmp_path,
        "face,speech,from,to,fit\nleft,a.wav,0:01.5,0:00:02.250,stretch\nanna.jpg,b.wav,,,\nnobody,/c/d.wav,3,,\n",
    )
    left, anna, off = read_cast(path).rows
    assert (left.face, left.speech, left.fit) == ("left", tmp_path / "a.wav", "stretch")
    assert (left.start, left.stop) == (Fraction(3, 2), Fraction(9, 4))
    assert anna.face == str(tmp_path / "anna.jpg")
    assert (anna.start, anna.stop, anna.fit) == (0, None, None)
    assert (off.speech, off.start, off.seen) == (Path("/c/d.wav"), 3, False)
    assert [row.place for row in (left, anna, off)] == [f"cast.csv, line {n}" for n in (2, 3, 4)]


def test_what_names_a_place_or_nobody_is_no_picture_even_where_a_file_is_called_so(tmp_path: Path) -> None:
    faces = ("left", "Nobody", "person-2", "largest")
    for name in faces:
        (tmp_path / name).touch()
    rows = "".join(f"{face},a.wav,{number},{number + 1}\n" for number, face in enumerate(faces))
    assert [row.face for row in read_cast(written(tmp_path, f"face,speech,from,to\n{rows}")).rows] == list(faces)


def test_a_table_of_a_german_spreadsheet(tmp_path: Path) -> None:
    (tmp_path / "größe.wav").touch()
    path = written(tmp_path, "Face;Speech;From;To\r\nleft;größe.wav;1,5;2,5\r\n".encode("cp1252"))
    (row,) = read_cast(path).rows
    assert (row.speech.name, row.start, row.stop) == ("größe.wav", Fraction(3, 2), Fraction(5, 2))


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    rows = (
        CastRow("left", tmp_path / "a, b.wav", Fraction(1, 24), Fraction(7, 3), None, Fraction(1, 24)),
        CastRow(str(tmp_path / "anna.jpg"), Path("/elsewhere/ü.wav"), Fraction(3700), None, "slow-picture"),
        CastRow(NOBODY, tmp_path / "voices" / "c.wav"),
    )
    (tmp_path / "anna.jpg").touch()
    text = cast_text(Cast(rows), tmp_path)
    again = read_cast(written(tmp_path, text)).rows
    assert "anna.jpg" in text
    assert str(tmp_path) not in text
    assert [(row.face, row.speech, row.fit) for row in again] == [(row.face, row.speech, row.fit) for row in rows]
    assert [row.start for row in again] == [Fraction(41666, 10**6), 3700, 0]
    assert again[0].offset == again[0].start


def test_times_are_cut_and_not_rounded() -> None:
    # A row that begins with a frame would otherwise begin behind it.
    assert clock(Fraction(2, 3)) == "0:00:00.666666"
    assert clock(Fraction(3725)) == "1:02:05.000"
    assert clock(Fraction(5, 4)) == "0:00:01.250"


@pytest.mark.parametrize(
    ("text", "error", "told"),
    [
        ("face,speech\n", UsageError, "has no rows"),
        ("face,speech\n,a.wav\n", UsageError, "line 2: no face"),
        ("face,speech\nleft,\n", UsageError, "line 2: no speech"),
        ("face,speech,from\nleft,a.wav,soon\n", UsageError, "line 2: from 'soon' is not a time"),
        ("face,speech,from\nleft,a.wav,1e999999999\n", UsageError, "line 2: from '1e999999999' is not a time"),
        ("face,speech,from\nleft,a.wav,99999999999\n", UsageError, "line 2: from '99999999999' is not a time"),
        ("face,speech,from,to\nleft,a.wav,2,1\n", UsageError, "line 2: it ends at 1 s"),
        ("face,speech,fit\nleft,a.wav,shrink\n", UsageError, "line 2: fit 'shrink'"),
        ("face,speech,fit,offset\nleft,a.wav,stretch,1\n", UsageError, "line 2: a part of a speech"),
        ("face,speech,until\nleft,a.wav,1\n", UsageError, "line 2: there is no column 'until'"),
        ("who,what\nleft,a.wav\n", UsageError, "line 1: the first row has to name the columns (face, speech"),
        ("face,speech,from,to\nleft,a.wav,0,2\nright,b.wav,0,2\nLEFT,c.wav,1,3\n", UsageError, "line 4: LEFT already"),
        (b"PK\x03\x04", InputError, "workbook"),
    ],
)
def test_what_is_wrong_is_told_with_the_row(
    tmp_path: Path, text: str | bytes, error: type[DubtoolError], told: str
) -> None:
    with pytest.raises(error, match=r".") as caught:
        read_cast(written(tmp_path, text))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_cast(tmp_path / "cast.csv")


def test_rows_one_after_the_other_and_voices_off_screen_are_not_in_each_others_way(tmp_path: Path) -> None:
    text = "face,speech,from,to\nleft,a.wav,2,3\nleft,b.wav,1,2\nnobody,c.wav,0,9\nnobody,d.wav,0,9\n"
    assert len(read_cast(written(tmp_path, text)).rows) == 4


def test_speakers_of_the_command_line() -> None:
    cast = cast_of_speakers(["left=a.wav", "@1.5:20,30=b=c.wav"])
    assert [(row.face, row.speech) for row in cast.rows] == [("left", Path("a.wav")), ("@1.5:20,30", Path("b=c.wav"))]
    (row,) = cast_of_speakers(["a=b.jpg=c=d.wav"]).rows
    assert (row.face, row.speech) == ("a=b.jpg", Path("c=d.wav"))
    with pytest.raises(UsageError, match=r"--speaker 'a\.wav' is not WHO=SPEECH"):
        cast_of_speakers(["a.wav"])
    with pytest.raises(UsageError, match="--speaker left: left already speaks"):
        cast_of_speakers(["left=a.wav", "left=b.wav"])
    with pytest.raises(UsageError, match="the cast has no rows"):
        cast_of_speakers([])
