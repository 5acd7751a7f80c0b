"""Stretches of a dub that are skipped, said by another mouth, or with another expression."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from two_people import FRAMES

import dubtool
from dubtool.errors import DubtoolError, UsageError
from dubtool.jobs.shared.cast import Cast, CastRow
from dubtool.jobs.shared.overrides import Override, Overrides
from dubtool.jobs.shared.report import Report
from dubtool.media.decode import VideoReader
from dubtool.media.probe import probe


def _rows(*rows: Override) -> Overrides:
    return Overrides(rows)


def _stretch(first: int, stop: int, **what: object) -> Override:
    return Override(Fraction(first, 25), Fraction(stop, 25), **what)  # type: ignore[arg-type]


def _changed(made: Path, film: Path) -> np.ndarray:
    """Whether each half of each frame differs from the film's: bool [N, 2]."""
    pairs = zip(VideoReader(probe(made)), VideoReader(probe(film)), strict=True)
    found = []
    for one, other in pairs:
        apart = np.abs(one.rgb().astype(int) - other.rgb()).max(axis=(0, 2))
        found.append([half.max() > 0 for half in np.array_split(apart, 2)])
    return np.array(found)


def _asked(report: Report, person: int = 0) -> list[float | None]:
    assert report.course is not None
    return [report.course.people[person].asked.get(number) for number in range(FRAMES)]


def test_a_skipped_stretch_stays_as_it_is(place: Path, film: Path, left: Path) -> None:
    overrides = _rows(_stretch(5, 10, skip=True))
    report = dubtool.dub(film, left, place / "o.mkv", face="left", codec="ffv1", overrides=overrides)
    assert report.passed == {"skipped": 5} and report.dubbed == 10
    changed = _changed(place / "o.mkv", film)
    assert changed[:, 0].tolist() == [True] * 5 + [False] * 5 + [True] * 5 and not changed[:, 1].any()


def test_an_expression_of_a_stretch_is_asked_for_there_alone(place: Path, film: Path, left: Path) -> None:
    overrides = _rows(_stretch(6, FRAMES, expression=0.0))
    plain = dubtool.dub(film, left, place / "a.mp4", face="left")
    calm = dubtool.dub(film, left, place / "b.mp4", face="left", overrides=overrides)
    assert _asked(calm)[:6] == _asked(plain)[:6]
    still = np.array(_asked(calm)[6:13], float)
    assert np.ptp(still) < 0.005 < np.ptp(np.array(_asked(plain)[6:13], float)), "a mouth at rest"
    assert calm.details["reach"] == plain.details["reach"]


def test_another_mouth_may_say_a_stretch(place: Path, film: Path, left: Path) -> None:
    overrides = _rows(_stretch(0, 7, note="as it was"), _stretch(7, 40, face="right"))
    report = dubtool.dub(film, left, place / "o.mkv", face="left", codec="ffv1", overrides=overrides, sidecar=True)
    changed = _changed(place / "o.mkv", film)
    assert changed.tolist() == [[True, False]] * 7 + [[False, True]] * 8
    assert [one["face"] for one in report.details["people"]] == ["left", "person-2"]
    assert report.details["people"][1]["lines"] == [{"from": pytest.approx(0.28), "to": pytest.approx(0.6)}]
    assert report.dubbed == FRAMES and report.course is not None
    assert [len(person.mouths) for person in report.course.people] == [7, 8]
    assert [row["note"] for row in report.course.settings["overrides"]] == ["as it was", ""]


def test_one_of_a_cast_is_meant_by_name(place: Path, film: Path, left: Path) -> None:
    cast = Cast((CastRow("left", left), CastRow("right", left)))
    overrides = _rows(_stretch(0, 6, person="Right", skip=True), _stretch(6, FRAMES, expression=1.0))
    report = dubtool.dub(film, output=place / "o.mkv", cast=cast, codec="ffv1", overrides=overrides)
    assert _changed(place / "o.mkv", film).tolist() == [[True, False]] * 6 + [[True, True]] * 9
    assert report.details["people"][1]["passed"] == {"skipped": 6} and report.passed == {}


_BAD: list[tuple[Sequence[Override], bool, int, str]] = [
    ([_stretch(15, 20, skip=True, place="x.csv, line 2")], False, 2, r"line 2: it begins at 0\.60 s, and the result"),
    ([_stretch(0, 2, person="right", skip=True)], False, 2, "right is not dubbed here"),
    ([_stretch(0, 2, person="right", skip=True)], True, 2, "right is not dubbed here"),
    ([_stretch(0, 2, person="Anna", skip=True, place="x.csv, line 3")], False, 2, "line 3: --face 'Anna' is not"),
    ([_stretch(0, 2, face="7", place="x.csv, line 3")], False, 4, "line 3: .*there is no face number 7"),
    ([_stretch(0, 2, face="right")], True, 2, "is a matter of the cast"),
    ([_stretch(0, 20, skip=True)], False, 4, r"no frame can be dubbed \(skipped: 15\)"),
]


@pytest.mark.parametrize("number", range(len(_BAD)))
def test_what_cannot_be_done_is_one_line(number: int, place: Path, film: Path, left: Path) -> None:
    rows, casting, code, told = _BAD[number]
    speech = {"cast": Cast((CastRow("left", left),))} if casting else {"speech": left, "face": "left"}
    with pytest.raises(DubtoolError, match=told) as raised:
        dubtool.dub(film, output=place / "o.mkv", overrides=Overrides(tuple(rows)), **speech)  # type: ignore[arg-type]
    assert raised.value.exit_code == code and not (place / "o.mkv").exists()


def test_the_table_is_not_written_over(place: Path, film: Path, left: Path) -> None:
    table = place / "o.mp4"
    table.write_text("from,to,skip\n0,0.2,yes\n")
    with pytest.raises(UsageError, match=r"o\.mp4 is also an input"):
        dubtool.dub(film, left, table, overrides=table, overwrite=True)
