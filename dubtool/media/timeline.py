"""Where each frame stands in time: stamps as the file has them, made into times that always move on."""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction

_BACK_JUMP_SECONDS = 1


class Timeline:
    """Grows by one entry per decoded frame; a few dozen bytes each.

    A missing stamp follows the frame before it by the nominal duration; a stamp that stands still or steps back a
    little is set one tick after the one before; one that falls back by more than a second (spliced recordings) starts
    a new count from there.
    """

    def __init__(self, time_base: Fraction, nominal: Fraction) -> None:
        self.time_base = time_base
        self._nominal_ticks = max(1, round(nominal / time_base))
        self._stamps: list[int] = []
        self._ticks: list[int] = []
        self._keys: list[int] = []
        self._offset = 0
        self._sought_by_stamp = True
        self._last_ticks = self._nominal_ticks

    def __len__(self) -> int:
        return len(self._ticks)

    def append(self, stamp: int | None, *, key: bool, duration: int | None) -> int:
        """Note the next frame in presentation order; gives its index."""
        index = len(self._ticks)
        self._ticks.append(self._place(stamp))
        if stamp is None or (self._stamps and stamp <= self._stamps[-1]):
            self._sought_by_stamp = False
        self._stamps.append(stamp if stamp is not None else -1)
        if key:
            self._keys.append(index)
        self._last_ticks = duration or self._nominal_ticks
        return index

    def find(self, stamp: int | None) -> int | None:
        """The index of the frame with exactly this stamp; len(self) for a stamp after all known ones."""
        if stamp is None:
            return None
        place = bisect_right(self._stamps, stamp) - 1
        if place >= 0 and self._stamps[place] == stamp:
            return place
        return len(self) if place == len(self) - 1 else None

    def restarts(self, index: int) -> list[int | None]:
        """Stamps to seek to in order to reach `index`, the best first; None means the start of the file."""
        keys = self._keys[: bisect_right(self._keys, index)] if self._sought_by_stamp else []
        return [*(self._stamps[key] for key in reversed(keys[-2:]) if key > 0), None]

    def time(self, index: int) -> Fraction:
        """Seconds from the first frame."""
        return self._ticks[index] * self.time_base

    def duration(self, index: int) -> Fraction:
        """Seconds until the next frame; for the last one what its packet said, else one frame of the average rate."""
        if index + 1 < len(self._ticks):
            return (self._ticks[index + 1] - self._ticks[index]) * self.time_base
        return self._last_ticks * self.time_base

    def _place(self, stamp: int | None) -> int:
        if not self._ticks:
            self._offset = -(stamp or 0)
            return 0
        before = self._ticks[-1]
        if stamp is None:
            return before + self._nominal_ticks
        ticks = stamp + self._offset
        if ticks > before:
            return ticks
        if (before - ticks) * self.time_base > _BACK_JUMP_SECONDS:
            self._offset += before + self._nominal_ticks - ticks
            return before + self._nominal_ticks
        return before + 1
