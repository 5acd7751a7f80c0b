"""The settings of a training stage: TOML files, one per stage, read into the stage's dataclass."""

from __future__ import annotations

import json
import tomllib
import typing
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from dubtool.errors import InputError, UsageError
from dubtool.training.core.stage import NETWORK, Stage
from dubtool.training.recipes import RECIPES

S = typing.TypeVar("S", bound=Stage)

_FOLDER = Path(__file__).parent.parent / "stages"
_BASE = "base"


def stage_names() -> list[str]:
    """The stages that come with dubtool."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def load_stage(stage: str | Path, kind: type[S]) -> S:
    """A stage's settings from a TOML file, or from the file of that name that comes with dubtool.

    The file's key `network` says what it trains, and `base` names a stage, or a file beside it, whose keys hold where
    it has none itself; all others are fields of `kind`, whose defaults they replace.

    Raises:
        UsageError: there is no such stage or base, it is for another network, it is its own base, or a key is unknown
        or of a wrong type.
    """
    path = _path(stage, Path())
    table = _inherited(path, stage, ())
    network = table.pop(NETWORK, None)
    if network != kind.network:
        raise UsageError(f"{path}: its {NETWORK} is {network!r}; a stage of {kind.network!r} is needed here")
    return _stage(table, kind, path)


def _path(stage: str | Path, beside: Path) -> Path:
    return beside / stage if Path(stage).suffix == ".toml" else _FOLDER / f"{stage}.toml"


def _inherited(path: Path, name: str | Path, heirs: tuple[Path, ...]) -> dict[str, Any]:
    """The keys of a file, and of those that it builds upon. name: as it was asked for. heirs: the files that build
    upon it."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        where = f"{heirs[-1]}: its {_BASE} is {name}" if heirs else f"{name}"
        raise UsageError(f"{where}: no such stage; give a .toml file or one of {', '.join(stage_names())}") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as TOML ({error})") from error
    base = table.pop(_BASE, None)
    if base is None:
        return table
    if not isinstance(base, str):
        raise UsageError(f"{path}: {_BASE} must be the name of a stage or of a .toml file")
    heirs, below = (*heirs, path.resolve()), _path(base, path.parent)
    if below.resolve() in heirs:
        raise UsageError(f"{path}: its {_BASE} {base} builds upon itself; name another one")
    return _inherited(below, base, heirs) | table


def stage_of_run(run: Path) -> Stage:
    """The settings that a training run was begun with.

    Raises:
        InputError: the folder is no training run.
    """
    path = run / "stage.json"
    try:
        table = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{run}: is no training run (no readable stage.json); give a folder made by 'train'"
        ) from error
    network = table.pop(NETWORK, None)
    for kind in (recipe.stage for recipe in RECIPES):
        # Older runs do not say what they train, and lack the newer fields.
        if network == kind.network or (network is None and set(table) <= {field.name for field in fields(kind)}):
            return _stage(table, kind, path)
    raise InputError(f"{path}: holds the settings of no known stage")


def check_same(stage: Stage, run: Path) -> None:
    """Refuse to go on with a run under other settings: the result would be of neither.

    Raises:
        UsageError: the run was begun with others.
    """
    if not (run / "checkpoint.pt").exists():
        return
    begun, now = asdict(stage_of_run(run)), asdict(stage)
    changed = sorted(name for name in begun.keys() | now.keys() if begun.get(name) != now.get(name))
    if changed:
        raise UsageError(f"{run}: was begun with another {', '.join(changed)}; give another folder, or --from this one")


def _stage(table: Mapping[str, Any], kind: type[S], path: Path) -> S:
    types = typing.get_type_hints(kind)
    known = {field.name for field in fields(kind)}
    unknown = sorted(set(table) - known)
    if unknown:
        raise UsageError(f"{path}: unknown key {', '.join(unknown)}; known are {', '.join(sorted(known))}")
    return kind(**{name: _typed(value, types[name], f"{path}: {name}") for name, value in table.items()})


def _typed(value: Any, wanted: Any, where: str) -> Any:
    """`value` as the field's type: int, float, or a tuple of them, of fixed or any length."""
    if typing.get_origin(wanted) is tuple:
        inner = typing.get_args(wanted)
        length = None if inner[-1] is Ellipsis else len(inner)
        if not isinstance(value, list) or length not in (None, len(value)):
            raise UsageError(f"{where} must be a list{'' if length is None else f' of {length} numbers'}")
        return tuple(_typed(each, inner[0], where) for each in value)
    if wanted is float and type(value) in (int, float):
        return float(value)
    if type(value) is not wanted:
        raise UsageError(f"{where} must be {'a number' if wanted is float else f'of type {wanted.__name__}'}")
    return value
