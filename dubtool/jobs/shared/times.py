"""Times as people write them."""

from __future__ import annotations

from fractions import Fraction


def seconds(text: str) -> Fraction:
    """Seconds from "75", "75.5", "1:15.5" or "0:01:15.5". Raises ValueError."""
    total = Fraction(0)
    try:
        for part in text.split(":"):
            total = total * 60 + Fraction(part)
    except (ValueError, ZeroDivisionError):
        total = Fraction(-1)
    if total < 0 or text.count(":") > 2:
        raise ValueError("a time: give seconds, M:SS or H:MM:SS")
    return total
