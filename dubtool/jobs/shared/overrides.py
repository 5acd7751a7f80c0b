"""What people say of single stretches of a dub: leave it alone, another face, another expression. A table that the
review page saves, and `dub` takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dubtool.errors import InputError, UsageError
from dubtool.jobs.shared.rows import is_file, read_rows
from dubtool.jobs.shared.times import seconds

if TYPE_CHECKING:
    # The command line reads the options without it.
    import numpy as np

_COLUMNS = ("from", "to", "person", "skip", "face", "expression", "note")
# Times are written to the thousandth: a frame that begins so little before one is meant by it.
_CLOSE = 1e-3
_YES, _NO = ("yes", "true", "1", "on", "x"), ("", "no", "false", "0", "off")
_MOST = 2.0


@dataclass(frozen=True)
class Override:
    """One stretch, in seconds of the output.

    person: whose mouth is meant, as the report calls them; "" for all. skip: leave it as it is. face: who is to say it
    instead, as the option `--face`; "" for nobody else. expression: how far the mouth moves; None for as everywhere.
    note: for people. place: where the row stands ("overrides.csv, line 3").

    Raises:
        UsageError: the stretch ends before it begins, or what is asked does not go together.
    """

    start: Fraction
    stop: Fraction
    person: str = ""
    skip: bool = False
    face: str = ""
    expression: float | None = None
    note: str = ""
    place: str = field(default="an override", compare=False)

    def __post_init__(self) -> None:
        if self.start < 0 or self.stop <= self.start:
            raise UsageError(f"{self.place}: it ends at {float(self.stop):g} s, not after its start")
        if self.skip and (self.face or self.expression is not None):
            raise UsageError(f"{self.place}: what is skipped has no face and no expression: leave out one of them")
        if self.expression is not None and not 0 <= self.expression <= _MOST:
            raise UsageError(f"{self.place}: expression {self.expression:g} is not between 0 and {_MOST:g}")

    def told(self) -> dict[str, Any]:
        """Plain values, as the table has them, for the report."""
        return {
            "from": round(float(self.start), 6),
            "to": round(float(self.stop), 6),
            "person": self.person,
            "skip": self.skip,
            "face": self.face,
            "expression": self.expression,
            "note": self.note,
        }

    def holds(self, seconds: np.ndarray) -> np.ndarray:
        """Which moments lie in the stretch, bool of their shape."""
        return (seconds + _CLOSE >= float(self.start)) & (seconds + _CLOSE < float(self.stop))


@dataclass(frozen=True)
class Overrides:
    """All rows of a dub, none at all included.

    Raises:
        UsageError: two rows say something of one person at one time.
    """

    rows: tuple[Override, ...] = ()

    def __post_init__(self) -> None:
        last: dict[str, Override] = {}
        for row in sorted(self.rows, key=lambda row: row.start):
            for before in (last.get(row.person.lower()), last.get("") if row.person else None):
                if before is not None and float(row.start) + _CLOSE < before.stop:
                    raise UsageError(f"{row.place}: {before.place} speaks of the same time already: join the two")
            last[row.person.lower()] = row

    def check_end(self, end: Fraction) -> None:
        """Raise UsageError where a row begins after the result ends."""
        for row in self.rows:
            if row.start >= end:
                raise UsageError(
                    f"{row.place}: it begins at {float(row.start):.2f} s, and the result ends at {float(end):.2f} s"
                )


def overrides_of(given: Path | Overrides | None) -> Overrides:
    """The overrides of an option: read, where it names a file.

    Raises:
        InputError, UsageError: see `read_overrides`.
    """
    return given if isinstance(given, Overrides) else Overrides() if given is None else read_overrides(given)


def read_overrides(path: Path) -> Overrides:
    """The overrides in a CSV or JSON Lines file with the columns from, to, person, skip, face, expression and note.

    A picture of a person is named relative to its folder. Encodings and separators are those of any spreadsheet.

    Raises:
        InputError: it cannot be read. UsageError: it is not understood; both say where.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist: give the overrides that a review page saved")
    folder = path.absolute().parent
    rows = [_row(place, values, folder) for place, values in read_rows(path, _COLUMNS, ", ".join(_COLUMNS))]
    return Overrides(tuple(rows))


def _row(place: str, values: Mapping[str, Any], folder: Path) -> Override:
    unknown = next((name for name in values if name not in _COLUMNS), None)
    if unknown is not None:
        raise UsageError(f"{place}: there is no column {unknown!r}; overrides have {', '.join(_COLUMNS)}")
    text = {name: str(values.get(name, "")).strip() for name in _COLUMNS}
    skip = text["skip"].lower()
    if skip not in _YES + _NO:
        raise UsageError(f"{place}: skip {text['skip']!r} is neither yes nor no")
    face = text["face"]
    return Override(
        _time(place, text, "from"),
        _time(place, text, "to"),
        text["person"],
        skip in _YES,
        str(folder / face) if face and is_file(folder / face) else face,
        _expression(place, text["expression"]),
        text["note"],
        place,
    )


def _time(place: str, text: Mapping[str, str], name: str) -> Fraction:
    try:
        # As spreadsheets of many countries write numbers.
        return seconds(text[name].replace(",", "."))
    except ValueError as error:
        raise UsageError(f"{place}: {name} {text[name]!r} is not {error}") from error


def _expression(place: str, text: str) -> float | None:
    try:
        return float(text.replace(",", ".")) if text else None
    except ValueError as error:
        raise UsageError(f"{place}: expression {text!r} is not a number") from error
