"""Marks of synthetic media in files of each kind: XMP where the kind has a place for it, else a tag."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import av

from dubtool.errors import InputError, OutputError
from dubtool.media.probe import open_media
from dubtool.media.sequence import Sequence, files_of, find_sequence
from dubtool.provenance import boxes, png, xmp

BOXED = frozenset({".mp4", ".m4v", ".mov"})
# Matroska has no place for XMP; its tags are free, in capitals.
_TAG = "DIGITAL_SOURCE_TYPE"
# What tags are called in MXF begins so.
_MXF = "comment_"


@dataclass(frozen=True)
class Mark:
    """What a file says of itself: IPTC's Digital Source Type and a line of text; None where it says nothing."""

    source_type: str | None
    text: str | None


def tags(suffix: str) -> Mapping[str, str]:
    """Tags to be written with a file of this kind."""
    if suffix.lower() in BOXED:
        return {}
    return {_TAG: xmp.DIGITAL_SOURCE_TYPE}


def mark(path: Path, description: str) -> None:
    """Put the mark into a finished MP4, QuickTime or PNG file, or every PNG of a folder; others have theirs as `tags`.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        if path.is_dir():
            for picture in path.glob("*.png"):
                mark(picture, description)
        elif path.suffix.lower() in BOXED:
            boxes.append(path, boxes.XMP, xmp.packet(description))
        elif path.suffix.lower() == ".png":
            path.write_bytes(png.with_xmp(path.read_bytes(), xmp.packet(description)))
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}") from error


def mark_of(path: Path) -> Mark:
    """The mark of a file, or of an image sequence by its pattern or folder: that of its first picture.

    EXR files have theirs in the sidecar.

    Raises:
        InputError: it cannot be read, or is of no kind that has marks.
    """
    sequence = find_sequence(path)
    if sequence is not None:
        path = files_of(sequence.pattern)[sequence.first]
    if path.suffix.lower() == ".exr":
        told_beside = (sequence or Sequence(path, 0, 1)).told
        return Mark(told_beside.get(_TAG), told_beside.get("comment"))
    try:
        with path.open("rb") as file:
            start = file.read(12)
            if start.startswith(b"\x89PNG"):
                file.seek(0)
                told = png.xmp_of(file.read())
            else:
                told = boxes.content(file, boxes.XMP) if start[4:8] in (b"ftyp", b"wide", b"mdat", b"moov") else None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {(error.strerror or 'unknown reason').lower()}") from error
    tagged = {} if start.startswith(b"\x89PNG") else _tags_of(path)
    kind = xmp.source_type(told) if told else tagged.get(_TAG.lower())
    return Mark(kind, tagged.get("comment") or (xmp.description(told) if told else None))


def _tags_of(path: Path) -> dict[str, str]:
    with open_media(path) as container:
        try:
            return {name.lower().removeprefix(_MXF): value for name, value in container.metadata.items()}
        except av.error.FFmpegError:
            return {}
