"""Weights that are made on this machine: they appear whole and registered, or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from dubtool.errors import OutputError
from dubtool.weights.registry import Entry, add_local
from dubtool.weights.verify import sha256_of


def add_made(folder: Path, make: Callable[[Path], Sequence[Entry]]) -> list[Path]:
    """Keep in `folder`, and in its registry, the files that `make` writes into the folder that it is given; their
    sizes and digests are filled in. Returns where they lie.

    Raises:
        OutputError: the folder cannot be written. And what `make` raises.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".made.", dir=folder) as work:
            entries = [_measured(entry, Path(work) / entry.file) for entry in make(Path(work))]
            for entry in entries:
                (Path(work) / entry.file).replace(folder / entry.file)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror or error})") from error
    add_local(folder, *entries)
    return [folder / entry.file for entry in entries]


def _measured(entry: Entry, file: Path) -> Entry:
    return replace(entry, size=file.stat().st_size, sha256=sha256_of(file))
