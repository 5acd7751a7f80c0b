"""Command lines made from options dataclasses: help, choices, bounds and defaults stand there alone."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable
from dataclasses import Field
from fractions import Fraction
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import typer

from dubtool.cli.options import parse_time
from dubtool.jobs.shared.offer import Offer, offers, option_name
from dubtool.jobs.shared.options import JobOptions
from dubtool.jobs.shared.plain_values import hints_of
from dubtool.jobs.shared.presets import OFFERED


def _presets(incomplete: str) -> list[str]:
    return [name for name in OFFERED if name.startswith(incomplete)]


# What it names are defaults of the other options, which `Command` looks up.
_PRESET = inspect.Parameter(
    "preset_named",
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    default=None,
    annotation=Annotated[
        str | None,
        typer.Option(
            "--preset",
            metavar="NAME",
            autocompletion=_presets,
            help="Settings that go together: draft, broadcast, web, or of your own in dubtool.toml.",
        ),
    ],
)


def from_options(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose parameter `options` is given on the command line, field by field, where it stands.

    The parameter's annotation is the dataclass; a preset of such settings can be named, too. Raises
    `UsageError` when called with values that it refuses.
    """
    hints = get_type_hints(command, include_extras=True)
    kind: type[JobOptions] = hints["options"]
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        own = parameter.replace(annotation=hints[parameter.name], kind=inspect.Parameter.POSITIONAL_OR_KEYWORD)
        parameters += [_PRESET, *_of_fields(kind)] if parameter.name == "options" else [own]
    negated = {one.name: offer.negated for one, offer in offers(kind)}

    @functools.wraps(command)
    def made(**values: Any) -> None:
        from dubtool.media.ffmpeg import find_beforehand

        find_beforehand()
        values.pop(_PRESET.name)
        given = {name: values.pop(name) != contrary for name, contrary in negated.items() if contrary}
        given |= {name: values.pop(name) for name in negated if name not in given}
        command(options=kind(**given), **values)

    made.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    made.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters} | {"return": None}
    return made


def _of_fields(kind: type[JobOptions]) -> list[inspect.Parameter]:
    hints = hints_of(kind)
    return [
        inspect.Parameter(
            one.name,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default=one.default != offer.negated if offer.negated else one.default,
            annotation=_annotation(one, offer, hints[one.name]),
        )
        for one, offer in offers(kind)
    ]


def _annotation(one: Field[Any], offer: Offer, hint: Any) -> Any:
    parser = parse_time if Fraction in (hint, *get_args(hint)) else None
    option = typer.Option(
        f"--{option_name(one)}",
        help=offer.help,
        metavar=offer.metavar,
        parser=parser,
        min=offer.lowest,
        max=offer.highest,
    )
    return Annotated[_plain(hint), option]


def _plain(hint: Any) -> Any:
    # typer knows X | None, too, but only as an annotation that is written down.
    if get_origin(hint) in (Union, types.UnionType):
        # The first one is what can be written down.
        kind = next(each for each in get_args(hint) if each is not type(None))
        return kind | None
    return hint
