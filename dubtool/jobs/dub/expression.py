"""How far a mouth moves, over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from dubtool.jobs.shared.overrides import Override


class TimedShapes(Protocol):
    """Mouth shapes as a function of time."""

    def at(self, times: np.ndarray) -> np.ndarray:
        """Shapes float32 [*times.shape, K] at `times` (seconds of the speech, any shape)."""
        ...


@dataclass(frozen=True)
class Expression:
    """How far a mouth moves, 1 as predicted. usual: but for the stretches that are overridden. voice: what all of it is
    multiplied by."""

    usual: float = 1.0
    overrides: Sequence[Override] = ()
    voice: float = 1.0

    def at(self, times: np.ndarray) -> np.ndarray:
        """At `times` (seconds of the output, any shape): float32 of that shape."""
        found = np.full(np.shape(times), self.usual, np.float32)
        for row in self.overrides:
            if row.expression is not None:
                found[row.holds(np.asarray(times))] = row.expression
        return found * np.float32(self.voice)

    def of(self, shapes: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Shapes [*times.shape, K] as far as a mouth moves at `times`."""
        return np.asarray(shapes * self.at(times)[..., None])


class ExpressedShapes:
    """`TimedShapes` as far as a mouth moves."""

    def __init__(self, shapes: TimedShapes, expression: Expression) -> None:
        self._shapes, self._expression = shapes, expression

    def at(self, times: np.ndarray) -> np.ndarray:
        """See `TimedShapes.at`."""
        return self._expression.of(self._shapes.at(times), times)
