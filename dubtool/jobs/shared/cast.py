"""Casts: whose mouth says which speech when. A table that people write, and that other commands write for them."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, get_args

from dubtool.errors import InputError, UsageError
from dubtool.folders import expanded
from dubtool.jobs.shared.plain_values import make_plain
from dubtool.jobs.shared.rows import is_file, read_rows
from dubtool.jobs.shared.times import seconds
from dubtool.tracking.face_words import is_picture, is_word

Fit = Literal["none", "stretch", "slow-picture"]

# Whose mouth is not in the picture: what is heard, and moves nobody's.
NOBODY = "nobody"
_COLUMNS = ("face", "speech", "from", "to", "fit", "offset")
_NEEDED = _COLUMNS[:2]
# Decimals of a second that are written: finer than any frame.
_DECIMALS = 6
_LEAST_DECIMALS = 3


@dataclass(frozen=True)
class CastRow:
    """One speech of one person.

    face: as the option `--face`, or `NOBODY` for a voice off screen. speech: a file with sound. start, stop: its place,
    seconds of the film; without `stop` it is as long as the speech. fit: what is done about a speech that is longer or
    shorter than its place; None for what is asked of the whole job. offset: the second of the speech that is heard at
    `start`; given, the row is that part of the speech, and what lies behind `stop` is not missing. to_end: without
    `stop`, its place ends with the film. place: where the row stands ("cast.csv, line 3"). Plain values will do, as in
    options.

    Raises:
        UsageError: a value is of the wrong kind, no face or speech is named, a time is below 0, or the place ends
        before it begins.
    """

    face: str
    speech: Path
    start: Fraction = Fraction(0)
    stop: Fraction | None = None
    fit: Fit | None = None
    offset: Fraction | None = None
    to_end: bool = False
    place: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        make_plain(self)
        before = f"{self.place}: " if self.place else ""
        if not self.face.strip():
            raise UsageError(f"{before}no face is named; write {NOBODY} for a voice off screen")
        if self.start < 0 or (self.offset is not None and self.offset < 0):
            raise UsageError(f"{before}a time is below 0")
        if self.stop is not None and self.stop <= self.start:
            raise UsageError(f"{before}it ends at {float(self.stop):g} s, not after its start")
        if self.fit is not None and self.fit not in get_args(Fit):
            raise UsageError(f"{before}fit {self.fit!r} is not one of {', '.join(get_args(Fit))}")
        if self.fit not in (None, "none") and self.offset is not None:
            raise UsageError(f"{before}a part of a speech (offset) is not fitted: leave out fit {self.fit}")

    @property
    def seen(self) -> bool:
        """Whether somebody's mouth is to say it."""
        return self.face.strip().lower() != NOBODY


@dataclass(frozen=True)
class Cast:
    """All rows of a film; they get a `place` ("row 2 of the cast") where they have none.

    Raises:
        UsageError: there are none, or two rows of one face are in each other's way.
    """

    rows: tuple[CastRow, ...]

    def __post_init__(self) -> None:
        rows = tuple(
            row if row.place else replace(row, place=f"row {number} of the cast")
            for number, row in enumerate(self.rows, 1)
        )
        object.__setattr__(self, "rows", rows)
        if not rows:
            raise UsageError("the cast has no rows: name a face and a speech")
        check_apart([(row.face.strip().lower(), row, row.stop) for row in rows if row.seen])

    @property
    def speeches(self) -> list[Path]:
        """The files of all rows, each once."""
        return list(dict.fromkeys(row.speech for row in self.rows))


def check_apart(placed: Iterable[tuple[object, CastRow, Fraction | None]]) -> None:
    """Raise UsageError where two rows of one person are there at one time. placed: who, the row, and its end (None
    where that is not known yet)."""
    last: dict[object, tuple[CastRow, Fraction | None]] = {}
    for who, row, stop in sorted(placed, key=lambda one: one[1].start):
        before, end = last.get(who, (row, None))
        if before is not row and (row.start < end if end is not None else row.start == before.start):
            raise UsageError(
                f"{row.place}: {row.face} already speaks then ({before.place}): one mouth says one thing at a time"
            )
        last[who] = row, stop


def read_cast(path: Path) -> Cast:
    """The cast in a CSV or JSON Lines file with the columns face, speech, from, to, fit and offset.

    Files, a picture of the person among them, are named relative to its folder. Encodings and separators are those of
    any spreadsheet.

    Raises:
        InputError: it cannot be read. UsageError: it is not understood, or holds no row; both say where.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist: give the cast as a CSV file" if not path.exists() else _odd(path))
    folder = path.absolute().parent
    rows = [_row(place, values, folder) for place, values in read_rows(path, _COLUMNS, ", ".join(_COLUMNS))]
    if not rows:
        raise UsageError(f"{path} has no rows: name a face and a speech in each ({', '.join(_COLUMNS)})")
    return Cast(tuple(rows))


def face_from(face: str, folder: Path) -> str:
    """A face as a table in this folder names it: a picture of the person by its path."""
    return str(folder / face) if not _is_word(face) and is_file(folder / face) else face


def cast_of_speakers(speakers: Iterable[str], *, to_end: bool = False) -> Cast:
    """The cast of texts "WHO=speech.wav", each of whom speaks from the film's start. to_end: see `CastRow`.

    Raises:
        UsageError: one is not of that form, or somebody is named twice.
    """
    rows = []
    for text in speakers:
        who, sign, speech = _parted(text)
        if not sign or not who.strip() or not speech.strip():
            raise UsageError(f"--speaker {text!r} is not WHO=SPEECH, as left=anna.wav")
        file = expanded(Path(speech.strip()))
        rows.append(CastRow(who.strip(), file, to_end=to_end, place=f"--speaker {who.strip()}"))
    return Cast(tuple(rows))


def _parted(text: str) -> tuple[str, str, str]:
    """Who, the sign between, and the speech: names of files may hold the sign, too, a picture's of the person among
    them."""
    parts = text.split("=")
    for count in range(1, len(parts)):
        who = "=".join(parts[:count])
        if _is_word(who.strip()) or is_picture(who.strip()):
            return who, "=", "=".join(parts[count:])
    return text.partition("=")


def cast_text(cast: Cast, folder: Path) -> str:
    """The cast as a CSV file in `folder`, which `read_cast` and spreadsheets read; times are cut to microseconds."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    every = [_values(row, folder.absolute()) for row in cast.rows]
    names = [name for name in _COLUMNS if name in _NEEDED or any(values[name] for values in every)]
    writer.writerow(names)
    writer.writerows([[values[name] for name in names] for values in every])
    # The mark tells spreadsheets what the letters are.
    return "\ufeff" + lines.getvalue()


def clock(time: Fraction) -> str:
    """H:MM:SS.mmm, with more decimals where they tell more; cut, so that what stands at `time` is not before it."""
    whole, decimals = divmod(time.numerator * 10**_DECIMALS // time.denominator, 10**_DECIMALS)
    fraction = f"{decimals:0{_DECIMALS}d}"
    while len(fraction) > _LEAST_DECIMALS and fraction.endswith("0"):
        fraction = fraction[:-1]
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}.{fraction}"


def _is_word(face: str) -> bool:
    return face.lower() == NOBODY or is_word(face)


def _odd(path: Path) -> str:
    return f"{path} is no file: give the cast as a CSV file"


def _row(place: str, values: Mapping[str, Any], folder: Path) -> CastRow:
    unknown = next((name for name in values if name not in _COLUMNS), None)
    if unknown is not None:
        raise UsageError(f"{place}: there is no column {unknown!r}; a cast has {', '.join(_COLUMNS)}")
    missing = next((name for name in _NEEDED if not str(values.get(name, "")).strip()), None)
    if missing is not None:
        hint = f"; write {NOBODY} for a voice off screen" if missing == "face" else ""
        raise UsageError(f"{place}: no {missing} is named{hint}")
    fit = str(values["fit"]).strip().lower() if values.get("fit") else None
    face = str(values["face"]).strip()
    return CastRow(
        face_from(face, folder),
        folder / expanded(Path(str(values["speech"]).strip())),
        _time(place, values, "from") or Fraction(0),
        _time(place, values, "to"),
        fit,  # type: ignore[arg-type]  # it is checked there
        _time(place, values, "offset"),
        place=place,
    )


def _time(place: str, values: Mapping[str, Any], name: str) -> Fraction | None:
    text = str(values.get(name, "")).strip()
    try:
        # As spreadsheets and subtitles of many countries write numbers.
        return seconds(text.replace(",", ".")) if text else None
    except ValueError as error:
        raise UsageError(f"{place}: {name} {text!r} is not {error}") from error


def _values(row: CastRow, folder: Path) -> dict[str, str]:
    return {
        "face": _named(Path(row.face), folder) if Path(row.face).is_absolute() else row.face,
        "speech": _named(row.speech.absolute(), folder),
        "from": clock(row.start),
        "to": "" if row.stop is None else clock(row.stop),
        "fit": row.fit or "",
        "offset": "" if row.offset is None else clock(row.offset),
    }


def _named(file: Path, folder: Path) -> str:
    return os.fspath(file.relative_to(folder) if file.is_relative_to(folder) else file)
