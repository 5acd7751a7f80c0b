"""Networks kept from one job to the next: loading takes longer than many short jobs."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class KeptNetworks:
    """The last networks of each kind that were loaded. One job at a time may use them."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Hashable, Any]] = {}

    def get(self, kind: str, key: Hashable, load: Callable[[], T]) -> T:
        """What `load` gives, or what it gave when this kind was last asked for with the same key."""
        if kind not in self._kept or self._kept[kind][0] != key:
            self._kept.pop(kind, None)  # before the new ones are loaded: both may not fit
            self._kept[kind] = (key, load())
        kept: T = self._kept[kind][1]
        return kept
