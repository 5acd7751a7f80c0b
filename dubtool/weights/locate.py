"""Where weights lie on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from dubtool.errors import WeightsError
from dubtool.folders import cache_folder, expanded
from dubtool.weights.registry import Entry, local_registry, lookup, package_folder, registry
from dubtool.weights.verify import check

# What a network may consist of, each file called "<network>_<graph>": what learned keypoints are read by, what runs
# once for a video or portrait, and what runs for every batch of frames, which all have.
GRAPHS = ("keypoints", "once", "frame")
# Kinds of the frame's graph that are made for CPUs.
_ON_CPU = ("int8", "cpu")


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


def graph_names(name: str, *, on_cpu: bool = False) -> tuple[str, ...]:
    """Names of the graphs of network `name` that are known, in the order of `GRAPHS`, the frame's last.

    on_cpu: prefer the per-frame graph that is made for CPUs, where the network has one: its convolutions are of 8 bits,
    or have fewer products.

    Raises:
        UsageError: nothing is called so.
        WeightsError: the network is not on this machine.
    """
    entries = known()
    before, frame = [f"{name}_{graph}" for graph in GRAPHS[:-1]], f"{name}_{GRAPHS[-1]}"
    if frame in entries:
        made = [f"{frame}_{kind}" for kind in _ON_CPU if on_cpu and f"{frame}_{kind}" in entries]
        return *(each for each in before if each in entries), [*made, frame][0]
    if name not in entries:
        lookup(name)
    raise WeightsError(missing(entries[name]))


def find_graphs(name: str, *, on_cpu: bool = False) -> tuple[Path, ...]:
    """The verified files of `graph_names`.

    Raises:
        UsageError: nothing is called so.
        WeightsError: the network is not on this machine, or a digest is not the registry's.
    """
    return tuple(find(graph) for graph in graph_names(name, on_cpu=on_cpu))


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
