"""How a field of an options dataclass is offered to people: one place for the command line, lists of jobs and docs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import Field, dataclass, field, fields
from typing import Any

_KEY = "offer"


@dataclass(frozen=True)
class Offer:
    """help: one sentence. name: of the option without dashes, where it is not the field's. metavar: what stands for the
    value in help. lowest, highest: bounds of a number. negated: the option says the contrary of the field."""

    help: str
    name: str = ""
    metavar: str | None = None
    lowest: float | None = None
    highest: float | None = None
    negated: bool = False


def offered(default: Any, help: str, **more: Any) -> Any:
    """A field of an options dataclass that people may set. more: the fields of `Offer`."""
    return field(default=default, metadata={_KEY: Offer(help, **more)})


def offers(options: type) -> Iterator[tuple[Field[Any], Offer]]:
    """The fields of an options dataclass that are offered: its own first, then those that it inherits."""
    inherited = {name for base in options.__mro__[1:] for name in getattr(base, "__dataclass_fields__", {})}
    every = [one for one in fields(options) if _KEY in one.metadata]
    for one in sorted(every, key=lambda one: one.name in inherited):
        yield one, one.metadata[_KEY]


def option_name(one: Field[Any]) -> str:
    """The name of the option that sets a field, with dashes: "no-cache" for `cache`."""
    return (one.metadata[_KEY].name or one.name).replace("_", "-")
