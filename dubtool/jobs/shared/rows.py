"""The rows of a list, as spreadsheets and editors write them: CSV of any country, or JSON Lines."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import json
import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from dubtool.errors import InputError, UsageError
from dubtool.media.spool import read_whole

Row = tuple[str, dict[str, Any]]

_DELIMITERS = ",;\t"
_LINE_ENDS = re.compile(r"\r\n|\r|\n")
# The first four bytes are also those of UTF-16 and two zero bytes, so they come first.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What spreadsheets call "CSV" without a word more is in the code page of their country. The first one stands for all
# where no name in the list tells them apart.
_CODE_PAGES = (
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp932", "gb18030", "cp949", "big5", "mac_roman", "cp850",
)  # fmt: skip
# How files begin that are taken for lists.
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_MARKUP = ("<", "{\\rtf")


def read_rows(path: Path, columns: Collection[str], known: str = "") -> Iterator[Row]:
    """Every row that holds something: where it stands, and its values by name, names in small letters.

    columns: names of which the first row of a CSV file must hold at least one. known: all names that there are, for
    people; by default those.

    Raises:
        InputError: the file cannot be read, or is no list at all. UsageError: it is not understood.
    """
    text = read_text(path, "CSV or JSON Lines")
    begin = text.lstrip()
    if begin.startswith(_MARKUP):
        raise InputError(f"{path} is a document with markup, not a list: save it as CSV or plain text")
    if begin.startswith("["):
        raise UsageError(f"{path} is one JSON array: write JSON Lines, one object a line, without brackets and commas")
    return _json_rows(path, text) if begin.startswith("{") else _csv_rows(path, text, columns, known)


def read_text(path: Path, wanted: str) -> str:
    """The text of a file in any encoding. wanted: the kind of file that is to be given.

    Raises:
        InputError: it cannot be read, or is no text.
    """
    content = read_whole(path)
    if content.startswith(_WORKBOOKS):
        raise InputError(f"{path} is a workbook, not a list: save the sheet as CSV (UTF-8)")
    text = _decoded(content, path.absolute().parent)
    if text is None or "\0" in text:
        raise InputError(f"{path} is not a text file: give a {wanted} file")
    return text


def _decoded(content: bytes, folder: Path) -> str | None:
    """The text in these bytes, without a byte order mark; None if there is none to be found."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _try(content, encoding)
    if b"\0" in content[:2]:
        encoding = "utf-16-be" if content[:1] == b"\0" else "utf-16-le"
        return _try(content, encoding)
    text = _try(content, "utf-8-sig")
    return text if text is not None else _foreign(content, folder)


def _try(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return None


def _foreign(content: bytes, folder: Path) -> str:
    """Text that is not UTF-8: in the code page that finds most of the named files, or as the bytes of their names."""
    raw = content.decode("utf-8-sig", errors="surrogateescape")
    # Some other programs write names as the bytes that they are on the disk.
    pages = [text for page in _CODE_PAGES if (text := _try(content, page)) is not None]
    found = {text: _files_named(text, folder) for text in [raw, *pages]}
    best = max(found, key=lambda text: found[text])
    return best if found[best] or not pages else pages[0]


def _files_named(text: str, folder: Path) -> int:
    """How many of its cells with letters beyond ASCII name a file."""
    count = 0
    for cell in set(re.split(r"[,;\t\"\r\n]+", text)):
        if not cell.isascii():
            with contextlib.suppress(OSError, ValueError):
                count += (folder / cell.strip()).is_file()
    return count


def _csv_rows(path: Path, text: str, columns: Collection[str], known: str) -> Iterator[Row]:
    first = 1
    delimiter = ""
    # Excel's own way to say what stands between the values.
    said = re.match(r'"?sep=(.)"?[,;\t]*(\r\n|\r|\n|$)', text, re.IGNORECASE)
    if said:
        delimiter, first, text = said[1], 2, text[said.end() :]
    header = next((line for line in _LINE_ENDS.split(text) if line.strip(_DELIMITERS + " ")), "")
    # Spreadsheets write what their country writes.
    delimiter = delimiter or max(_DELIMITERS, key=header.count)
    names: list[str] = []
    for line, values in _cells(path, text, delimiter, first):
        place = f"{path.name}, line {line}"
        if not names:
            names = _names(place, values, columns, known)
            continue
        if any(values[len(names) :]):
            raise UsageError(f"{place}: more values than there are columns; put quotes around one with a {delimiter!r}")
        row = {name: value for name, value in zip(names, values, strict=False) if value}
        if "" in row:
            raise UsageError(f"{place}: {row['']!r} stands in a column that has no name")
        yield place, row


def _cells(path: Path, text: str, delimiter: str, first: int) -> Iterator[tuple[int, list[str]]]:
    """Rows that hold something: the line on which each begins, and its values."""
    # Strict: otherwise an unclosed quote makes one value of all that follows.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    while True:
        line = first + reader.line_num
        try:
            values = [value.strip() for value in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            raise UsageError(
                f"{path.name}, line {line}: a quote is not closed, or not in its place ({error})"
            ) from error
        if any(_LINE_ENDS.search(value) for value in values):
            raise UsageError(f"{path.name}, line {line}: a value goes on over the end of the line: close its quote")
        if any(values):
            yield line, values


def _names(place: str, values: list[str], columns: Collection[str], known: str) -> list[str]:
    names = [value.lower() for value in values]
    if not set(names) & set(columns):
        raise UsageError(
            f"{place}: the first row has to name the columns ({known or ', '.join(columns)}), "
            f"and {next(filter(None, values))!r} is none"
        )
    twice = next((name for name in names if name and names.count(name) > 1), None)
    if twice:
        raise UsageError(f"{place}: two columns are called {twice!r}")
    return names


def _json_rows(path: Path, text: str) -> Iterator[Row]:
    for number, line in enumerate(_LINE_ENDS.split(text), 1):
        if not line.strip():
            continue
        place = f"{path.name}, line {number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            why = "too deep" if isinstance(error, RecursionError) else "a number is too long"
            if isinstance(error, json.JSONDecodeError):
                why = f"{error.msg}, column {error.colno}"
            raise UsageError(f"{place}: not JSON ({why}); JSON Lines have one whole object a line") from error
        if not isinstance(row, dict):
            raise UsageError(f"{place}: not a JSON object")
        nested = next((name for name, value in row.items() if isinstance(value, (dict, list))), None)
        if nested is not None:
            raise UsageError(f"{place}: {nested} holds several values; give one")
        odd = next((name for name, value in row.items() if isinstance(value, str) and not _is_sound(value)), None)
        if odd is not None:
            raise UsageError(f"{place}: {odd} holds a character that no file name can have")
        yield place, {name.strip().lower(): value for name, value in row.items() if value is not None}


def _is_sound(value: str) -> bool:
    """Whether the operating system can be told this text: no zero byte, no half of a surrogate pair."""
    try:
        return b"\0" not in os.fsencode(value)
    except UnicodeEncodeError:
        return False


def is_file(path: Path) -> bool:
    """Whether there is a file; not, too, where the name is none that a file could have."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
