"""Numbers in text, exactly."""

from __future__ import annotations

import re
from fractions import Fraction

# No powers of ten: a few letters of them fill the memory.
_NUMBER = re.compile(r"\d+(\.\d*)?|\.\d+|\d+/\d+")


def exact(text: str) -> Fraction:
    """The number in "25", "23.976" or "24000/1001". Raises ValueError where it is none, or below 0."""
    number = text.strip()
    try:
        if _NUMBER.fullmatch(number):
            return Fraction(number)
    except ZeroDivisionError:
        pass
    raise ValueError(f"{text!r} is not a number")
