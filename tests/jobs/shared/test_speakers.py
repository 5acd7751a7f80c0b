from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from dubtool.jobs.shared.speakers import SeenMouth, Speakers, Turn, best_offset, seconds_late, turns_of
from dubtool.jobs.shared.turns_table import turns_table
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


def test_the_table_covers_the_whole_speech() -> None:
    turns = [
        Turn("person-2", cast(Any, None), Fraction(1), Fraction(5, 2)),
        Turn("person-1", cast(Any, None), Fraction(5, 2), Fraction(62)),
    ]
    table = turns_table(turns, Path("a, b.wav"), Fraction(63)).splitlines()
    assert table == [
        "face,speech,from,to,offset",
        'nobody,"a, b.wav",0:00:00.000,0:00:01.000,0:00:00.000',
        'person-2,"a, b.wav",0:00:01.000,0:00:02.500,0:00:01.000',
        'person-1,"a, b.wav",0:00:02.500,0:01:02.000,0:00:02.500',
        'nobody,"a, b.wav",0:01:02.000,0:01:03.000,0:01:02.000',
    ]
    assert (
        turns_table(turns, Path("a.wav"), Fraction(2))
        .splitlines()[-1]
        .startswith("person-2,a.wav,0:00:01.000,0:00:02.000")
    )
