"""Options as a list of jobs writes them, turned into the values that a job takes."""

from __future__ import annotations

import types
from dataclasses import is_dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from dubtool.batch.kinds import Kind
from dubtool.errors import UsageError, meant
from dubtool.folders import expanded
from dubtool.jobs.shared.cast import face_from
from dubtool.jobs.shared.plain_values import hints_of
from dubtool.jobs.shared.times import seconds

# It may name a picture of the person.
_FACE = "face"
_YES = ("true", "yes", "1", "on")
_NO = ("false", "no", "0", "off")


def is_option(kind: Kind, name: str) -> bool:
    """Whether the kind has a flag of this name, dashes or underscores."""
    return _place(kind, name) is not None


def typed(kind: Kind, name: str, value: Any, base: Path) -> tuple[str, Any]:
    """The field and the value that `name`: `value` stands for. Paths are relative to `base`.

    Raises:
        UsageError: there is no such option, or the value is none of its kind.
    """
    place = _place(kind, name)
    if place is None:
        raise UsageError(f"a list's jobs have no option {name!r}{_hint(kind, name)}")
    field, contrary = place
    wanted = hints_of(kind.options)[field]
    try:
        got = _convert(wanted, value, base)
    except ValueError as error:
        raise UsageError(f"{name} {value!r} is not {error.args[0] if error.args else 'understood'}") from error
    if field == _FACE:
        got = face_from(got, base)
    return field, (not got if contrary else got)


def _hint(kind: Kind, name: str) -> str:
    if name == "review":
        return ": call 'dubtool review' with the results that you want to look at"
    return meant(name.replace("-", "_"), [*kind.flags, *hints_of(kind.options)])


def _place(kind: Kind, name: str) -> tuple[str, bool] | None:
    name = name.replace("-", "_")
    if name in kind.flags:
        return kind.flags[name]
    hidden = {field for field, _ in kind.flags.values()}
    hint = hints_of(kind.options).get(name)
    # What another job has found cannot be written down in a list.
    kinds = [one for one in get_args(hint) if one is not types.NoneType]
    written = hint is not None and not (kinds and is_dataclass(kinds[0]))
    return (name, False) if written and name not in hidden else None


def _convert(wanted: Any, value: Any, base: Path) -> Any:
    if get_origin(wanted) in (Union, types.UnionType):
        wanted = next(one for one in get_args(wanted) if one is not types.NoneType)
    text = str(value).strip()
    if wanted in (float, Fraction):
        # As spreadsheets of many countries write numbers.
        text = text.replace(",", ".")
    if wanted is bool:
        if text.lower() not in _YES + _NO:
            raise ValueError("true or false")
        return text.lower() in _YES
    if isinstance(value, bool):
        raise ValueError("a value")
    if wanted is Path:
        return base / expanded(Path(text))
    if wanted is Fraction:
        return seconds(text)
    if get_origin(wanted) is tuple:
        first, dash, last = text.partition("-")
        if not dash:
            raise ValueError("FROM-TO")
        return seconds(first), seconds(last)
    if get_origin(wanted) is Literal or wanted is str:
        return text
    try:
        return wanted(text)
    except ValueError:
        raise ValueError("a number") from None
