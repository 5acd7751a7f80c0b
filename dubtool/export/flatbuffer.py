"""Reading FlatBuffers without their schema's code: tables, vectors and strings by the numbers of their fields."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Table:
    """A table in a buffer, at a byte of it. Fields are numbered from 0 in the order of the schema."""

    data: bytes
    at: int

    @classmethod
    def root(cls, data: bytes) -> Table:
        """The table that the buffer is about."""
        return cls(data, _unsigned(data, 0))

    def number(self, field: int, kind: str = "i", default: int = 0) -> int:
        """A number; kind: of `struct`."""
        place = self._place(field)
        return default if place is None else int(struct.unpack_from(f"<{kind}", self.data, place)[0])

    def table(self, field: int) -> Table | None:
        """Another table, if it is there."""
        place = self._place(field)
        return None if place is None else Table(self.data, place + _unsigned(self.data, place))

    def tables(self, field: int) -> list[Table]:
        """A vector of tables."""
        start, count = self._vector(field)
        places = [start + 4 * number for number in range(count)]
        return [Table(self.data, place + _unsigned(self.data, place)) for place in places]

    def array(self, field: int, dtype: str = "<i4") -> np.ndarray:
        """A vector of numbers [n]."""
        start, count = self._vector(field)
        return np.frombuffer(self.data, dtype, count, start)

    def _vector(self, field: int) -> tuple[int, int]:
        """Where a vector's elements begin, and how many there are."""
        place = self._place(field)
        if place is None:
            return 0, 0
        start = place + _unsigned(self.data, place)
        return start + 4, _unsigned(self.data, start)

    def _place(self, field: int) -> int | None:
        fields = self.at - struct.unpack_from("<i", self.data, self.at)[0]
        entry = 4 + 2 * field
        if entry >= struct.unpack_from("<H", self.data, fields)[0]:
            return None
        offset = struct.unpack_from("<H", self.data, fields + entry)[0]
        return self.at + offset if offset else None


def _unsigned(data: bytes, place: int) -> int:
    return int(struct.unpack_from("<I", data, place)[0])
