from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from dubtool.jobs.shared.cast import cast_text, read_cast
from dubtool.jobs.shared.speakers import SeenMouth, Speakers, Turn, best_offset, seconds_late, turns_of
from dubtool.jobs.shared.turns_cast import cast_of_turns
from dubtool.metrics.active_speaker import NOBODY
from dubtool.metrics.sync import REACH

# What is seen and heard at each moment, as directions; neighbours are alike a little.
_RAW = np.random.default_rng(0).normal(size=(600, 32)).astype(np.float32)
_CODES = _RAW[1:-1] + 0.5 * (_RAW[:-2] + _RAW[2:])
_CODES /= np.linalg.norm(_CODES, axis=1, keepdims=True)


def _scene(late: int, count: int = 300) -> tuple[list[SeenMouth], np.ndarray]:
    """Two mouths who take turns, each seen all the time, and a sound `late` steps behind them."""
    moments = np.arange(count)
    first = moments < count // 2
    strange = np.random.default_rng(1).normal(size=(count, 32)).astype(np.float32)
    strange /= np.linalg.norm(strange, axis=1, keepdims=True)
    own = _CODES[100 : 100 + count]
    mouths = [
        SeenMouth(moments, np.where((first if who == 0 else ~first)[:, None], own, strange), np.zeros(count))
        for who in (0, 1)
    ]
    heard = _CODES[100 - REACH - late : 100 - REACH - late + count + 2 * REACH]
    return mouths, heard


@pytest.mark.parametrize("late", [0, 1, 5, -8])
def test_sound_that_is_late_or_early_is_found_and_told(late: int) -> None:
    mouths, heard = _scene(late)
    voiced = np.ones(300, bool)
    # One step more or less is within what the judge itself wavers by.
    assert best_offset(mouths, heard, voiced) == (late if abs(late) > 1 else 0)
    speaking = np.repeat([0, 1], 150)
    found = seconds_late(mouths, heard, speaking)
    assert found == pytest.approx(late / 25, abs=0.01)


def test_little_speech_tells_nothing_of_a_delay() -> None:
    mouths, heard = _scene(4)
    speaking = np.full(300, NOBODY)
    speaking[:20] = 0
    assert seconds_late(mouths, heard, speaking) is None


@pytest.mark.parametrize(("late", "rate", "warned"), [(0.079, 25, False), (0.081, 25, True), (-0.07, 30, True)])
def test_the_warning_comes_from_two_frames_on_with_the_number(late: float, rate: int, warned: bool) -> None:
    times = [Fraction(number, rate) for number in range(50)]
    told = Speakers(cast(Any, None), times, np.zeros(50, int), [], late).warning(Path("film.mp4"))
    assert (told is not None) == warned
    if told is not None:
        assert f"{abs(late) * 1000:.0f} ms ({abs(late) * rate:.1f} frames) {'late' if late > 0 else 'early'}" in told
        assert "film.mp4" in told and "\n" not in told


def _told(speaking: list[int], fits: np.ndarray | None = None) -> list[tuple[str, float, float]]:
    people = SimpleNamespace(persons=["ann", "ben"])
    seen = np.ones((len(speaking), 2)) if fits is None else fits
    turns = turns_of(np.array(speaking), seen, cast(Any, people))
    return [(turn.name, float(turn.start), float(turn.stop)) for turn in turns]


def test_turns_are_a_little_longer_than_their_voice_and_never_overlap() -> None:
    speaking = [NOBODY] * 25 + [0] * 25 + [NOBODY] * 4 + [1] * 25 + [0] * 25 + [NOBODY] * 25
    assert _told(speaking) == [("person-1", 0.8, 2.08), ("person-2", 2.08, 3.16), ("person-1", 3.16, 4.36)]


def test_a_turn_is_not_lengthened_to_where_the_face_is_not_seen() -> None:
    speaking = [NOBODY] * 25 + [0] * 25 + [NOBODY] * 25
    fits = np.ones((75, 2))
    fits[:23], fits[50:] = np.nan, np.nan
    assert _told(speaking, fits) == [("person-1", 0.92, 2.0)]


def test_the_table_covers_the_whole_speech_and_is_read_again(tmp_path: Path) -> None:
    third = Fraction(7, 3)
    turns = [
        Turn("person-2", cast(Any, None), Fraction(1), third),
        Turn("person-1", cast(Any, None), third, Fraction(62)),
    ]
    speech = tmp_path / "käse, b.wav"
    made = cast_of_turns(turns, speech, Fraction(63))
    assert [(row.face, row.start, row.stop) for row in made.rows] == [
        ("nobody", 0, 1), ("person-2", 1, third), ("person-1", third, 62), ("nobody", 62, 63),
    ]  # fmt: skip
    assert all(row.offset == row.start for row in made.rows), "it is heard where the film says it"
    text = cast_text(made, tmp_path)
    assert text.startswith("\ufeffface,speech,from,to,offset\n"), "spreadsheets are told what the letters are"
    assert str(tmp_path) not in text, "the folder may be moved"
    (tmp_path / "x.cast.csv").write_text(text, encoding="utf-8")
    again = read_cast(tmp_path / "x.cast.csv").rows
    for row, wanted in zip(again, made.rows, strict=True):
        assert (row.face, row.speech) == (wanted.face, speech)
        assert 0 <= wanted.start - row.start < Fraction(1, 10**6) and row.offset == row.start
    assert all(before.stop == after.start for before, after in pairwise(again)), "rows join to the sample"


def test_the_table_ends_with_the_speech() -> None:
    turn = Turn("person-2", cast(Any, None), Fraction(1), Fraction(5, 2))
    last = cast_of_turns([turn], Path("a.wav"), Fraction(2)).rows[-1]
    assert (last.face, last.start, last.stop) == ("person-2", 1, 2)
