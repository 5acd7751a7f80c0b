"""Plain Python values turned into what the fields of options hold, or refused in one line."""

from __future__ import annotations

import functools
import os
import types
from collections.abc import Callable
from dataclasses import fields
from fractions import Fraction
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from dubtool.errors import UsageError
from dubtool.jobs.shared.times import seconds


def hints_of(kind: type) -> dict[str, Any]:
    """The types that a dataclass declares its fields with; resolved once."""
    return _hints_of(kind)


_hints_of = functools.cache(get_type_hints)


def make_plain(options: Any) -> None:
    """Give each field of a frozen dataclass the type that it is declared with.

    Raises:
        UsageError: a value is of another kind.
    """
    hints = hints_of(type(options))
    for field in fields(options):
        value = getattr(options, field.name)
        object.__setattr__(options, field.name, _typed(field.name, value, hints[field.name]))


def _typed(name: str, value: Any, hint: Any) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        if value is None and type(None) in get_args(hint):
            return None
        given = [kind for kind in get_args(hint) if kind is not type(None)]
        hint = next((kind for kind in given if isinstance(kind, type) and isinstance(value, kind)), given[0])
    if get_origin(hint) is tuple:
        kinds = get_args(hint)
        if isinstance(value, str) or not hasattr(value, "__len__") or len(value) != len(kinds):
            raise UsageError(f"{name} {value!r} is not {len(kinds)} values")
        return tuple(_typed(name, one, kind) for one, kind in zip(value, kinds, strict=True))
    if get_origin(hint) is Literal:
        return _text(name, value)
    turned = _KINDS.get(hint)
    if turned is not None:
        return turned(name, value)
    if not isinstance(value, hint):
        raise UsageError(f"{name} {value!r} is not of the kind {hint.__name__}")
    return value


def _path(name: str, value: Any) -> Path:
    if not isinstance(value, str | os.PathLike):
        raise UsageError(f"{name} {value!r} is not a path")
    return Path(value)


def _time(name: str, value: Any) -> Fraction:
    try:
        if isinstance(value, str):
            return seconds(value)
        if isinstance(value, Real) and not isinstance(value, bool):
            return value if isinstance(value, Fraction) else Fraction(str(value))
    except (ValueError, OverflowError):
        pass
    raise UsageError(f"{name} {value!r} is not a time: give seconds, M:SS or H:MM:SS")


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Integral) and not isinstance(value, bool):
        # A face by its number.
        return str(int(value))
    if isinstance(value, os.PathLike):
        # A face by a picture of it.
        return os.fspath(value)
    raise UsageError(f"{name} {value!r} is not a text")


def _flag(name: str, value: Any) -> bool:
    # numpy's truth values, too.
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return bool(value)
    raise UsageError(f"{name} {value!r} is neither true nor false")


def _whole(name: str, value: Any) -> int:
    if isinstance(value, Real) and not isinstance(value, bool) and float(value).is_integer():
        return int(float(value))
    raise UsageError(f"{name} {value!r} is not a whole number")


def _number(name: str, value: Any) -> float:
    if isinstance(value, Real) and not isinstance(value, bool):
        return float(value)
    raise UsageError(f"{name} {value!r} is not a number")


_KINDS: dict[Any, Callable[[str, Any], Any]] = {
    Path: _path, Fraction: _time, str: _text, bool: _flag, int: _whole, float: _number,
}  # fmt: skip
