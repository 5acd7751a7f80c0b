"""Settings of a file, `dubtool.toml`, and of presets: defaults of options behind what the command line says.

A file's plain keys are of every command that has such an option, its tables (`[dub]`, `[train.adapt]`) of one command
or group, and `[presets.NAME]` are presets.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dubtool.errors import InputError, UsageError, meant
from dubtool.jobs.shared.presets import OFFERED, PRESETS

FILE = "dubtool.toml"
ENVIRONMENT = "DUBTOOL_CONFIG"
_PRESET, _PRESETS = "preset", "presets"


@dataclass(frozen=True)
class Known:
    """An option that may be set. parameter: the command's name of it. kind: "flag", "value" or "list"."""

    parameter: str
    kind: str


@dataclass
class Group:
    """A command, with the options that it has, or a group of commands."""

    options: Mapping[str, Known] = field(default_factory=dict)
    commands: Mapping[str, Group] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Whether it, or a command in it, has this option."""
        return name in self.options or any(one.has(name) for one in self.commands.values())

    def names(self) -> set[str]:
        """Every option of it, and of the commands in it."""
        return set(self.options).union(*(one.names() for one in self.commands.values()))


@dataclass(frozen=True)
class Setting:
    """A default, and where it stands, for messages."""

    value: Any
    origin: str


@dataclass(frozen=True)
class ConfigFile:
    """A settings file that has been read and checked."""

    path: Path | None
    values: Mapping[str, Any]

    @property
    def presets(self) -> Mapping[str, Mapping[str, Any]]:
        """The presets of its own, by name."""
        return self.values.get(_PRESETS, {})

    def of(self, command: tuple[str, ...]) -> dict[str, Setting]:
        """What it sets of one command, by option name; what stands nearer to the command goes first."""
        found: dict[str, Setting] = {}
        table, place = self.values, ""
        for name in (None, *command):
            if name is not None:
                table, place = table.get(name, {}), f"{place}{name}."
            plain = {_dashed(key): one for key, one in table.items() if not isinstance(one, dict)}
            found |= {key: Setting(one, f"{self.path}: {place}{key}") for key, one in plain.items()}
        return found


def find_config(named: str | None) -> Path | None:
    """The settings file: the one named, else what DUBTOOL_CONFIG names, else `dubtool.toml` of the current folder.

    Raises:
        InputError: a file that is named does not exist.
    """
    chosen = named or os.environ.get(ENVIRONMENT)
    if chosen:
        path = Path(chosen)
        if not path.is_file():
            whose = "--config" if named else ENVIRONMENT
            raise InputError(f"{path} does not exist or is no file: correct {whose}")
        return path
    path = Path(FILE)
    return path if path.is_file() else None


def read_config(path: Path | None, root: Group) -> ConfigFile:
    """Read a settings file whole; every key must be one that some command knows.

    Raises:
        InputError: it cannot be read, or is not TOML. UsageError: a key or a value is not understood.
    """
    if path is None:
        return ConfigFile(None, {})
    try:
        # Some editors begin UTF-8 with a mark.
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {(error.strerror or 'unknown reason').lower()}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not TOML: {error}") from error
    presets = values.get(_PRESETS, {})
    if not isinstance(presets, dict) or not all(isinstance(one, dict) for one in presets.values()):
        raise UsageError(f"{path}: presets are tables: write [{_PRESETS}.NAME], and settings below")
    for name, settings in presets.items():
        _check(path, f"{_PRESETS}.{name}.", settings, root, nested=False)
        if _PRESET in settings:
            raise UsageError(f"{path}: {_PRESETS}.{name}.{_PRESET}: a preset does not name another one")
    _check(path, "", {key: one for key, one in values.items() if key != _PRESETS}, root, nested=True)
    return ConfigFile(path, values)


def preset_settings(name: str, config: ConfigFile) -> dict[str, Setting]:
    """What a preset sets, by option name: one of the file's own, else one of ours.

    Raises:
        UsageError: there is no such preset.
    """
    own = config.presets.get(name)
    if own is not None:
        place = f"{config.path}: {_PRESETS}.{name}."
        return {_dashed(key): Setting(value, f"{place}{key}") for key, value in own.items()}
    if name not in PRESETS:
        offered = ", ".join([*config.presets, *OFFERED])
        raise UsageError(f"unknown preset {name!r}: use one of {offered}, or one of your own in {FILE}")
    return {key: Setting(value, f"preset {name}: {key}") for key, value in PRESETS[name].items()}


def defaults(
    command: tuple[str, ...], options: Mapping[str, Known], config: ConfigFile, preset: str | None
) -> dict[str, Setting]:
    """Defaults of a command's parameters. preset: named on the command line; else the file may name one."""
    found = config.of(command)
    named = found.pop(_PRESET, None)
    if _PRESET in options:
        chosen = preset or (named.value if named else None)
        found = (preset_settings(chosen, config) if chosen else {}) | found
    return {options[name].parameter: one for name, one in found.items() if name in options}


def _check(path: Path, place: str, settings: Mapping[str, Any], group: Group, *, nested: bool) -> None:
    for key, value in settings.items():
        if isinstance(value, dict):
            inner = group.commands.get(key)
            if inner is None or not nested:
                hint = meant(key, group.commands, "{}") if nested else ""
                raise UsageError(f"{path}: there is no command [{place}{key}]{hint}")
            _check(path, f"{place}{key}.", value, inner, nested=True)
            continue
        if not group.has(_dashed(key)):
            raise UsageError(f"{path}: unknown key {place}{key}{meant(_dashed(key), group.names(), '{}')}")
        for known in _all_known(group, _dashed(key)):
            _check_kind(path, f"{place}{key}", value, known)


def _all_known(group: Group, name: str) -> Iterator[Known]:
    if name in group.options:
        yield group.options[name]
    for inner in group.commands.values():
        yield from _all_known(inner, name)


def _check_kind(path: Path, place: str, value: Any, known: Known) -> None:
    if known.kind == "flag" and not isinstance(value, bool):
        raise UsageError(f"{path}: {place} is {value!r}: write true or false")
    if known.kind == "list" and not (isinstance(value, list) and all(isinstance(one, str) for one in value)):
        raise UsageError(f'{path}: {place} is {value!r}: write a list of texts, ["like", "this"]')
    if known.kind == "value" and (isinstance(value, bool) or not isinstance(value, str | int | float)):
        raise UsageError(f"{path}: {place} is {value!r}: write a text or a number")


def _dashed(key: str) -> str:
    return key.replace("_", "-")
