"""What all commands have in common: settings of a file and a preset, exit codes in help, no option given twice."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from dubtool.cli.exit_codes import TOLD
from dubtool.cli.options import Quiet, Verbose
from dubtool.cli.settings import ENVIRONMENT, FILE, Group, Known, Setting, defaults, find_config, read_config
from dubtool.errors import UsageError

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help=f"Settings file; by default ${ENVIRONMENT}, or {FILE} of this folder.",
    ),
]
# What every command takes after its own: name, default and option.
_COMMON: tuple[tuple[str, Any, Any], ...] = (
    ("quiet", False, Quiet),
    ("verbose", False, Verbose),
    ("config", None, Config),
)
# Options that a file cannot set: they say which file, or belong to one call.
_NOT_SET = frozenset({"config", "output", "help", "version", "install-completion", "show-completion"})


class Command(TyperCommand):
    """A command whose options have their defaults from the settings file and the preset."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        if ctx.resilient_parsing:
            return super().parse_args(ctx, args)
        parser = self.make_parser(ctx)
        given, _, order = parser.parse_args(args=list(args))
        _refuse_repeated(order)
        settings: dict[str, Setting] = {}
        if not any(one.name == "help" for one in order):
            settings = self._settings(ctx, given)
            ctx.default_map = {name: _plain(one.value) for name, one in settings.items()}
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            name = getattr(error.param, "name", None)
            if name in settings and name not in given:
                raise UsageError(f"{settings[name].origin}: {error.message}") from error
            raise

    def _settings(self, ctx: typer.Context, given: dict[str, Any]) -> dict[str, Setting]:
        root, path = ctx.find_root(), list[str]()
        inner: Any = ctx
        while inner is not root:
            path.insert(0, inner.info_name or "")
            inner = inner.parent
        config = read_config(find_config(given.get("config")), _group(root.command))
        return defaults(tuple(path), _options(self), config, given.get("preset_named"))


class App(typer.Typer):
    """A group of such commands; without one of them it shows its help, which is a usage error."""

    def __init__(self, **settings: Any) -> None:
        # Plain help: it wraps at any width, stays readable through a pipe, and does not load rich.
        super().__init__(rich_markup_mode=None, epilog=TOLD, **settings)

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        """As in typer; the command also takes --quiet, --verbose and --config."""
        register = super().command(name, cls=Command, epilog=TOLD, **settings)
        return lambda function: register(_with_common(function))


def require_command(context: typer.Context) -> None:
    """Show a group's help and exit 2 unless one of its commands is called."""
    if context.invoked_subcommand is None:
        sys.stderr.write(context.get_help() + "\n")
        raise typer.Exit(2)


def _with_common(function: Callable[..., None]) -> Callable[..., None]:
    """The same command with the options that all have, which act before it runs."""
    hints = get_type_hints(function, include_extras=True)
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    own = [
        one.replace(annotation=hints[one.name], kind=kind) for one in inspect.signature(function).parameters.values()
    ]
    common = [inspect.Parameter(name, kind, default=default, annotation=option) for name, default, option in _COMMON]

    @functools.wraps(function)
    def made(**values: Any) -> None:
        for one in common:
            values.pop(one.name)
        function(**values)

    made.__signature__ = inspect.Signature([*own, *common])  # type: ignore[attr-defined]
    made.__annotations__ = {one.name: one.annotation for one in (*own, *common)}
    return made


def _refuse_repeated(order: list[Any]) -> None:
    """Raise UsageError for an option that takes one value and was given several."""
    once = [one for one in order if isinstance(one, TyperOption) and not (one.is_flag or one.multiple or one.count)]
    for one in once:
        if once.count(one) > 1:
            raise UsageError(f"{max(one.opts, key=len)} is given {once.count(one)} times: it takes one value")


def _group(command: Any) -> Group:
    """What of a command, or a group of them, may be set."""
    inner = command.commands.items() if isinstance(command, TyperGroup) else ()
    options = {} if isinstance(command, TyperGroup) else _options(command)
    return Group(options, {name: _group(one) for name, one in inner})


def _options(command: Any) -> dict[str, Known]:
    """A command's options that a file may set, by their names without dashes."""
    found = {}
    for one in command.params:
        if isinstance(one, TyperOption):
            kind = "flag" if one.is_flag else "list" if one.multiple else "value"
            found[max(one.opts, key=len).lstrip("-")] = Known(one.name, kind)
    return {name: known for name, known in found.items() if name not in _NOT_SET}


def _plain(value: Any) -> Any:
    """A setting as the command line would give it: text, but for flags and lists."""
    return value if isinstance(value, bool | list) else str(value)
