"""What a sound says of a mouth, kept beside the tracks, so that a second run on the same sound need not hear it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from dubtool.speech.features import Extractor
from dubtool.speech.shapes import ShapeExtractor
from dubtool.tracking.cache import keep_arrays, kept_arrays, tracks_file
from dubtool.weights.locate import digests

# Raise it when shapes are made in another way by the same networks.
_FORMAT = "dubtool heard 1"
# Longer sounds take minutes to dub, whatever is kept of them.
_LONGEST = 600.0


def kept_file(sound: Path, device: str, networks: tuple[str, ...]) -> Path | None:
    """Where the shapes are kept that networks of these names make of a file's sound on a device; None where it is not
    known which networks these are.

    Raises:
        InputError: the file cannot be read.
    """
    known = digests(networks)
    if len(known) < len(networks):
        return None
    made_by = " ".join(f"{name} {digest}" for name, digest in known.items())
    return tracks_file(sound, f"{_FORMAT} {device} {made_by}").with_suffix(".heard.npz")


class KeptExtractor:
    """A `ShapeExtractor` whose vectors are kept in a file; `make` makes it where something is asked for that is not
    there.

    What `make` raises is raised when this is made, or when vectors are asked for.
    """

    def __init__(self, file: Path, make: Callable[[], Extractor]) -> None:
        self._file, self._make = file, make
        self._made: Extractor | None = None
        self._new = False
        self._chunks: dict[int, np.ndarray] = {}
        known = kept_arrays(file, _read)
        if known is None:
            made = self._extractor()
            numbers = made.first, made.last, made.chunk, made.dimension
        else:
            numbers, self._chunks = known
        self.name, self.rate = ShapeExtractor.name, ShapeExtractor.rate
        self.first, self.last, self.chunk, self.dimension = numbers

    def compute(self, first: int, count: int) -> np.ndarray:
        """See `Extractor`."""
        known = self._chunks.get(first)
        if known is not None and len(known) == count:
            return known
        made = self._extractor().compute(first, count)
        if self.last <= _LONGEST * self.rate:
            self._chunks[first], self._new = made, True
        return made

    def keep(self) -> None:
        """Write what was made anew; a disk that is full costs the cache alone."""
        if self._new:
            firsts = sorted(self._chunks)
            arrays = {f"chunk_{first}": self._chunks[first] for first in firsts}
            numbers = np.array([self.first, self.last, self.chunk, self.dimension])
            keep_arrays(self._file, {"format": np.array(_FORMAT), "numbers": numbers, **arrays})
            self._new = False

    def _extractor(self) -> Extractor:
        if self._made is None:
            self._made = self._make()
        return self._made


def _read(stored: np.lib.npyio.NpzFile) -> tuple[tuple[int, int, int, int], dict[int, np.ndarray]]:
    if str(stored["format"]) != _FORMAT:
        raise ValueError("another format")
    first, last, chunk, dimension = map(int, stored["numbers"])
    chunks = {int(name.removeprefix("chunk_")): stored[name] for name in stored.files if name.startswith("chunk_")}
    if any(each.ndim != 2 or each.shape[1] != dimension or len(each) > chunk for each in chunks.values()):
        raise ValueError("chunks do not fit together")
    return (first, last, chunk, dimension), chunks
