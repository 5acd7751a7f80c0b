"""The registry of weights files: `registry.toml`, which travels with dubtool, and what a user's folder adds to it."""

from __future__ import annotations

import functools
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from dubtool.errors import OutputError, UsageError, WeightsError

LOCAL_REGISTRY = "registry.json"

Commercial = Literal["yes", "no", "unclear"]


@dataclass(frozen=True)
class Entry:
    """One weights file. `size` is in bytes; `size`, `sha256` and `data` are None where nobody has told us.

    commercial: whether licence and data plainly allow commercial use. draws: pictures that it makes stand in results;
    others only find, follow or measure.
    """

    name: str
    file: str
    kind: str
    purpose: str
    author: str
    licence: str
    data: str | None = None
    commercial: Commercial = "unclear"
    draws: bool = True
    shipped: bool = False
    page: str | None = None
    url: str | None = None
    size: int | None = None
    sha256: str | None = None
    note: str | None = None


def package_folder() -> Path:
    """The folder of the shipped weights and `registry.toml`: inside the installed package, or the repository's own."""
    installed = Path(__file__).parent / "shipped"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "weights"


@functools.cache
def registry() -> Mapping[str, Entry]:
    """All entries of `registry.toml` by name, in the file's order.

    Raises:
        WeightsError: the file is missing or damaged.
    """
    path = package_folder() / "registry.toml"
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8"))["weights"]
        return {row["name"]: _entry(row) for row in rows}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{path}: the weights registry cannot be read ({error}); install dubtool again") from error


def local_registry(folder: Path) -> dict[str, Entry]:
    """What imports and fetches have added in `folder`, by name; empty if nothing was.

    Raises:
        WeightsError: the folder's registry is damaged.
    """
    path = folder / LOCAL_REGISTRY
    try:
        return {row["name"]: _entry(row) for row in json.loads(path.read_text(encoding="utf-8"))}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{path}: cannot be read ({error}); delete it and import the weights again") from error


def add_local(folder: Path, *entries: Entry) -> None:
    """Write `entries` into the folder's own registry; one of the same name is replaced.

    Raises:
        OutputError: the registry cannot be written.
    """
    known = local_registry(folder) | {entry.name: entry for entry in entries}
    path = folder / LOCAL_REGISTRY
    part = path.with_suffix(".part")
    try:
        part.write_text(json.dumps([asdict(entry) for entry in known.values()], indent=2) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error


def lookup(name: str, folder: Path | None = None) -> Entry:
    """The entry called `name`: the one that `folder` added, else the registry's.

    Raises:
        UsageError: nothing is called so.
    """
    entry = (local_registry(folder) if folder else {}).get(name) or registry().get(name)
    if entry is None:
        raise UsageError(f"no weights are called {name!r}; 'dubtool weights list' names them all")
    return entry


def _entry(row: Mapping[str, Any]) -> Entry:
    unknown = set(row) - {field.name for field in fields(Entry)}
    if unknown:
        raise ValueError(f"unknown key {', '.join(sorted(unknown))}")
    if Path(row["file"]).name != row["file"]:
        raise ValueError(f"{row['file']!r} is not a plain file name")
    if row.get("commercial", "unclear") not in get_args(Commercial):
        raise ValueError(f"commercial {row['commercial']!r} is not one of {', '.join(get_args(Commercial))}")
    return Entry(**row)
