"""Mouth shapes that are known, as a function of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # The command line reads the options without it.
    import numpy as np


@dataclass(frozen=True, eq=False)
class MouthShapes:
    """Coefficients of the shape model, linear between the moments at which they are known.

    times: seconds [n], rising. coefficients: [n, K].
    """

    times: np.ndarray
    coefficients: np.ndarray

    def at(self, times: np.ndarray) -> np.ndarray:
        """Shapes at `times` (any shape) -> float32 [*times.shape, K]; before the first and after the last, those."""
        import numpy as np

        times = np.asarray(times, np.float64)
        after = np.clip(np.searchsorted(self.times, times), 1, max(len(self.times) - 1, 1))
        before = after - 1
        after = np.minimum(after, len(self.times) - 1)
        step = np.maximum(self.times[after] - self.times[before], 1e-9)
        share = np.clip((times - self.times[before]) / step, 0, 1)[..., None]
        shapes = self.coefficients[before] + share * (self.coefficients[after] - self.coefficients[before])
        return np.asarray(shapes, np.float32)

    def until(self, end: float) -> MouthShapes:
        """Those not later than `end` seconds."""
        early = self.times <= end
        return MouthShapes(self.times[early], self.coefficients[early])
