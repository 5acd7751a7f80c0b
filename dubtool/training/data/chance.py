"""What draws samples by chance."""

from __future__ import annotations

import copy
from typing import Self

import numpy as np


class Drawing:
    """Draws from `rng`."""

    rng: np.random.Generator

    def seeded(self, *seed: int) -> Self:
        """The same with chance of its own: what it draws depends on `seed` alone, in whichever thread."""
        twin = copy.copy(self)
        twin.rng = np.random.default_rng(seed)
        return twin
