from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import pytest

from dubtool.cli.app import main
from dubtool.jobs.faces import job
from dubtool.jobs.shared.cast import read_cast
from dubtool.jobs.shared.speakers import Speakers, Turn
from dubtool.media.arrays import write_pictures


@pytest.fixture
def film(clip: Path, place: Path) -> Path:
    """The example clip beside itself, the right one mirrored and smaller."""
    capture, frames = cv2.VideoCapture(str(clip)), []
    while (read := capture.read())[0]:
        left = read[1][..., ::-1]
        right = cv2.resize(left[:, ::-1], None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
        beside = np.zeros((left.shape[0], right.shape[1], 3), np.uint8)
        beside[: len(right)] = right
        frames.append(np.concatenate([left, beside], axis=1))
    return write_pictures(place / "film.mkv", frames, cast(Any, 25))


def test_the_people_of_a_film_are_pictured_and_listed(film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faces", str(film), "--quiet"]) == 0
    sheet = film.with_name("film.faces.png")
    assert capsys.readouterr().out == f"{sheet}\n"
    found = json.loads(film.with_name("film.faces.json").read_text())
    assert [one["name"] for one in found["people"]] == ["person-1", "person-2"]
    first, second = found["people"]
    assert first["x"] < second["x"] and first["size"] > second["size"]
    assert first["share"] == 1.0 and first["first_seen"] == 0.0 and first["shots"] == 1 and first["speaks"] is None
    picture = cv2.imread(str(sheet))
    assert picture.shape == (2 * 186, 4 * 160, 3)
    # Their faces are in it, not the dark between them.
    assert picture[60:150, 40:120].mean() > 60 and picture[246:336, 40:120].mean() > 60
    assert not film.with_name("film.faces.cast.csv").exists()


def test_the_sheet_goes_where_it_is_asked_for(film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = film.with_name("who.png")
    assert main(["faces", str(film), "-o", str(sheet), "--quiet"]) == 0
    assert capsys.readouterr().out == f"{sheet}\n"
    assert cv2.imread(str(sheet)) is not None and film.with_name("who.json").exists()
    for name, code, told in (("who.jpg", 2, "no name of a PNG file"), ("no/who.png", 7, "a folder that exists")):
        assert main(["faces", str(film), "-o", str(film.parent / name)]) == code
        assert told in capsys.readouterr().err


def test_an_image_sequence_is_a_film(film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = film.with_name("frames")
    folder.mkdir()
    capture = cv2.VideoCapture(str(film))
    for number in range(3):
        cv2.imwrite(str(folder / f"f_{number}.png"), capture.read()[1])
    assert main(["faces", str(folder)]) == 2
    assert "has no rate of its own" in capsys.readouterr().err
    (folder / "sequence.json").write_text('{"rate": "25"}')
    assert main(["faces", str(folder), "--quiet"]) == 0
    assert capsys.readouterr().out == f"{film.with_name('frames.faces.png')}\n"


def test_files_that_exist_are_not_replaced(film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film.with_name("film.faces.json").write_text("mine")
    assert main(["faces", str(film)]) == 2
    assert "film.faces.json" in capsys.readouterr().err
    assert film.with_name("film.faces.json").read_text() == "mine"


def test_who_speaks_when_becomes_a_cast_of_the_given_speech(
    film: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(info: Any, tracked: Any, people: Any, folder: Path) -> Speakers:
        turns = [Turn("person-2", people.persons[1], Fraction(0), Fraction(1, 5))]
        return Speakers(people, tracked.times, np.array([1] * 5 + [-1] * 5), turns, 0.12)

    monkeypatch.setattr(job, "who_speaks", told)
    assert main(["faces", str(film), "--speaking", "--speech", str(film.with_name("fr.wav")), "--json"]) == 0
    output = capsys.readouterr()
    found = json.loads(output.out)
    assert [one["speaks"] for one in found["people"]] == [0.0, 0.2]
    assert "sound is about 120 ms (3.0 frames) late" in output.err
    rows = read_cast(film.with_name("film.faces.cast.csv")).rows
    assert [row.face for row in rows] == ["person-2", "nobody"]
    assert rows[0].speech == film.with_name("fr.wav")


@pytest.mark.parametrize(
    ("words", "code", "said"), [(["--speech", "a.wav"], 2, "--speaking"), (["--speaking"], 3, "no sound")]
)
def test_what_cannot_be_done_is_told(
    film: Path, words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["faces", str(film), "--quiet", *words]) == code
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert not film.with_name("film.faces.png").exists()
