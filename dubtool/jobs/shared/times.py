"""Times as people write them."""

from __future__ import annotations

from fractions import Fraction

from dubtool.media.exact import exact

# No film is as long; up to here times can be shown and counted in any unit.
_LONGEST = 10**9


def seconds(text: str) -> Fraction:
    """Seconds from "75", "75.5", "1:15.5" or "0:01:15.5". Raises ValueError."""
    total = Fraction(0)
    try:
        for part in text.split(":"):
            total = total * 60 + exact(part)
    except ValueError:
        total = Fraction(-1)
    if not 0 <= total <= _LONGEST or text.count(":") > 2:
        raise ValueError("a time: give seconds, M:SS or H:MM:SS")
    return total
