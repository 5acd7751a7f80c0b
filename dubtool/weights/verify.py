"""Whether a file is the one that the registry means."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from dubtool.errors import WeightsError
from dubtool.weights.registry import Entry


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of the file's content; read once per state (size and modification time) of the file.

    Raises:
        WeightsError: the file cannot be read.
    """
    try:
        state = path.stat()
        return _digest(path, state.st_size, state.st_mtime_ns)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror}); 'dubtool weights verify' checks all") from error


def check(path: Path, entry: Entry) -> None:
    """Do nothing if `path` holds exactly what `entry` says.

    Raises:
        WeightsError: another digest, or the registry has none to compare with; the message names both.
    """
    if entry.sha256 is None:
        raise WeightsError(
            f"{path}: no sha256 is known for weights {entry.name!r}, so the file cannot be checked; "
            f"register it with 'dubtool weights fetch {entry.name} --url ADDRESS --sha256 DIGEST'"
        )
    found = sha256_of(path)
    if found != entry.sha256:
        raise WeightsError(
            f"{path}: not the weights {entry.name!r}: sha256 is {found}, expected {entry.sha256}; "
            "delete the file, then fetch or import it again"
        )


@functools.lru_cache(maxsize=256)
def _digest(path: Path, size: int, mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
