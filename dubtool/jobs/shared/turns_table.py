"""Who speaks when as a table that people edit and give back: the rows of a cast, in CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from dubtool.jobs.shared.cast import NOBODY
from dubtool.jobs.shared.speakers import Turn

_COLUMNS = ("face", "speech", "from", "to", "offset")


def turns_table(turns: Sequence[Turn], speech: Path, end: Fraction) -> str:
    """The table from 0 to `end` (seconds of the film): face, speech, from, to and offset, the second of the speech that
    is heard at `from`, which is the film's own, for the speech follows the film's timing.

    Between the turns stand rows of nobody, so that the whole of the speech is heard when the table is given back.
    """
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for face, start, stop in _rows(turns, end):
        writer.writerow((face, speech, _clock(start), _clock(stop), _clock(start)))
    return lines.getvalue()


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


def _clock(time: Fraction) -> str:
    """H:MM:SS.mmm."""
    whole, thousandths = divmod(round(time * 1000), 1000)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}.{thousandths:03d}"
