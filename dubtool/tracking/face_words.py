"""The words of the option `--face`: places, numbers, names, moments, speech and pictures. Command lines are checked by
them, so nothing large is loaded here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from dubtool.errors import UsageError

MOMENT = re.compile(r"@(?P<seconds>\d+(\.\d*)?|\.\d+):(?P<x>-?\d+(\.\d+)?),(?P<y>-?\d+(\.\d+)?)")
NUMBER = re.compile(r"(?P<name>person-)?(?P<number>\d+)")
# Whoever the film's own sound says speaks.
SPEAKING = "speaking"
_PLACES = ("largest", "left", "right")
_PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".jp2", ".avif"}


def is_word(spec: str) -> bool:
    """Whether `spec` names somebody by a place, a number, a moment or speech: then no file is meant, even where one is
    called so."""
    word = spec.strip().lower()
    return bool(word in (*_PLACES, SPEAKING) or MOMENT.fullmatch(word) or NUMBER.fullmatch(word))


def is_picture(spec: str) -> bool:
    """Whether `spec` names a picture file."""
    try:
        return Path(spec).suffix.lower() in _PICTURES or Path(spec).is_file()
    except (OSError, ValueError):
        # No file is called so: too long, or with a zero byte.
        return False


def check_face(spec: str, known: Sequence[str] = ()) -> None:
    """Raise UsageError unless `spec` is one that `people.choose` understands. known: names of the film's people."""
    word = spec.strip().lower()
    if word == SPEAKING:
        raise UsageError("--face speaking is for 'dubtool dub' alone: name one person here")
    if not (is_word(spec) or is_picture(spec)):
        people = f"; its people are {', '.join(known)}" if known else ""
        raise UsageError(
            f"--face {spec!r} is not understood: use largest, left, right, a number, a name, @SECONDS:X,Y or a picture"
            + people
        )
