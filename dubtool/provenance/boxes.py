"""Boxes of MP4 and QuickTime files (ISO 14496-12) on their top level, and those that hold XMP and C2PA manifests."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

# Where XMP lies (ISO 16684-3), and C2PA's manifests.
XMP = uuid.UUID("be7acfcb-97a9-42e8-9c71-999491e3afac")
C2PA = uuid.UUID("d8fec3d6-1b0e-483c-9297-5828877ec481")
_LARGEST = 16 * 2**20


@dataclass(frozen=True)
class Box:
    """start, size: of the whole box, bytes. body: where its content begins; for a uuid box after its kind."""

    kind: str
    start: int
    size: int
    body: int
    uuid: uuid.UUID | None = None


def boxes(file: BinaryIO) -> Iterator[Box]:
    """The boxes of a file, as far as they are whole."""
    file.seek(0, 2)
    end, place = file.tell(), 0
    while place + 8 <= end:
        file.seek(place)
        size, kind = struct.unpack(">I4s", file.read(8))
        body = place + 8
        if size == 1:
            size = int.from_bytes(file.read(8), "big")
            body += 8
        elif size == 0:
            size = end - place
        if size < body - place or place + size > end:
            return
        which = None
        if kind == b"uuid" and size >= body - place + 16:
            which = uuid.UUID(bytes=file.read(16))
            body += 16
        yield Box(kind.decode("latin-1"), place, size, body, which)
        place += size


def content(file: BinaryIO, which: uuid.UUID) -> bytes | None:
    """What the last uuid box of this kind holds; None if there is none."""
    found = [box for box in boxes(file) if box.uuid == which and box.size < _LARGEST]
    if not found:
        return None
    file.seek(found[-1].body)
    return file.read(found[-1].start + found[-1].size - found[-1].body)


def append(path: Path, which: uuid.UUID, body: bytes) -> None:
    """Put a uuid box behind the last one: nothing that the file points to moves. Raises OSError."""
    with path.open("ab") as file:
        file.write(struct.pack(">I4s", len(body) + 24, b"uuid") + which.bytes + body)
