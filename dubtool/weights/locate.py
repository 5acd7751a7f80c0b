"""Where weights lie on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from dubtool.errors import WeightsError
from dubtool.folders import cache_folder, expanded
from dubtool.weights.registry import Entry, local_registry, lookup, package_folder, registry
from dubtool.weights.verify import check


def user_folder() -> Path:
    """The folder that fetched and imported weights go to: $DUBTOOL_WEIGHTS, else in the user's cache folder."""
    chosen = os.environ.get("DUBTOOL_WEIGHTS")
    return expanded(Path(chosen)) if chosen else cache_folder() / "weights"


def folders() -> tuple[Path, ...]:
    """Every folder that is searched, first come first served."""
    return tuple(dict.fromkeys((user_folder(), cache_folder() / "weights", package_folder())))


def known() -> dict[str, Entry]:
    """All entries by name: the registry's, and those that the searched folders add or replace."""
    entries = dict(registry())
    for folder in reversed(folders()):
        entries |= local_registry(folder)
    return entries


def locate(name: str) -> tuple[Path, Entry] | None:
    """The first file of weights `name` and the entry it must match, unverified; None if there is no such file.

    Raises:
        UsageError: nothing is called so.
    """
    for folder in folders():
        entry = local_registry(folder).get(name) or registry().get(name)
        if entry is not None and (folder / entry.file).is_file():
            return folder / entry.file, entry
    if name not in known():
        lookup(name)
    return None


def find(name: str) -> Path:
    """The verified file of weights `name`.

    Raises:
        UsageError: nothing is called so.
        WeightsError: the file is not on this machine, or its digest is not the registry's.
    """
    found = locate(name)
    if found is None:
        raise WeightsError(missing(known()[name]))
    path, entry = found
    check(path, entry)
    return path


def graph_names(name: str, *, quantised: bool = False) -> tuple[str, str]:
    """Names of the graphs of generator `name`: the one that runs once per video, and the one that runs per frame.

    quantised: prefer the per-frame graph with 8-bit convolutions, where the generator has one.

    Raises:
        UsageError: nothing is called so.
        WeightsError: the generator is not on this machine.
    """
    once, frame, small = f"{name}_once", f"{name}_frame", f"{name}_frame_int8"
    entries = known()
    if once in entries and frame in entries:
        return once, small if quantised and small in entries else frame
    if name not in entries:
        lookup(name)
    raise WeightsError(missing(entries[name]))


def find_graphs(name: str, *, quantised: bool = False) -> tuple[Path, Path]:
    """The verified files of `graph_names`.

    Raises:
        UsageError: nothing is called so.
        WeightsError: the generator is not on this machine, or a digest is not the registry's.
    """
    once, frame = graph_names(name, quantised=quantised)
    return find(once), find(frame)


def digests(names: Iterable[str]) -> dict[str, str]:
    """The sha256 that each of these weights was verified against, by name; without those of unknown digest."""
    found = {name: locate(name) for name in names}
    return {name: pair[1].sha256 for name, pair in found.items() if pair is not None and pair[1].sha256 is not None}


def missing(entry: Entry) -> str:
    """One line: these weights are not here, and how to get them."""
    what = f"weights {entry.name!r} ({entry.file}) are not on this machine"
    if entry.url and entry.sha256:
        return f"{what}; run 'dubtool weights fetch {entry.name}'"
    if entry.page:
        return f"{what}; get the file from {entry.page}, see 'dubtool weights show {entry.name}'"
    return f"{what}; install dubtool again"
