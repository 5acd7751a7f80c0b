"""XMP in PNG files: a chunk of international text (PNG, third edition; ISO 16684-3)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEYWORD = b"XML:com.adobe.xmp"


def with_xmp(png: bytes, xmp: bytes) -> bytes:
    """The same picture with this packet, behind the header. Raises ValueError where it is no PNG."""
    end = next((end for kind, _, end in chunks(png) if kind == b"IHDR"), None)
    if end is None:
        raise ValueError("not a PNG")
    body = b"iTXt" + _KEYWORD + b"\0\0\0\0\0" + xmp
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return png[:end] + chunk + png[end:]


def xmp_of(png: bytes) -> bytes | None:
    """The packet of a PNG; None if it has none, or is none."""
    for kind, body, _ in chunks(png):
        if kind == b"iTXt" and body.startswith(_KEYWORD + b"\0\0\0"):
            return body.split(b"\0", 5)[-1]
    return None


def chunks(png: bytes) -> Iterator[tuple[bytes, bytes, int]]:
    """(kind, content, end) of the chunks that are whole."""
    place = len(_SIGNATURE)
    while png.startswith(_SIGNATURE) and place + 12 <= len(png):
        length = int.from_bytes(png[place : place + 4], "big")
        end = place + 12 + length
        if end > len(png):
            return
        yield png[place + 4 : place + 8], png[place + 8 : place + 8 + length], end
        place = end
