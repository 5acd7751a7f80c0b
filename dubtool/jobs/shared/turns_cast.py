"""Who speaks when as a cast that people edit and give back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from dubtool.jobs.shared.cast import NOBODY, Cast, CastRow
from dubtool.jobs.shared.speakers import Turn


def cast_of_turns(turns: Sequence[Turn], speech: Path, end: Fraction) -> Cast:
    """The cast from 0 to `end` (seconds of the film). Each row is the part of the speech that is heard at its place in
    the film, for the speech follows the film's timing.

    Between the turns stand rows of nobody, so that the whole of the speech is heard when the table is given back.
    """
    return Cast(tuple(CastRow(face, speech, start, stop, offset=start) for face, start, stop in _rows(turns, end)))


def _rows(turns: Sequence[Turn], end: Fraction) -> Iterator[tuple[str, Fraction, Fraction]]:
    place = Fraction(0)
    for turn in turns:
        if turn.start >= end:
            break
        if turn.start > place:
            yield NOBODY, place, turn.start
        yield turn.name, turn.start, min(turn.stop, end)
        place = turn.stop
    if place < end:
        yield NOBODY, place, end
