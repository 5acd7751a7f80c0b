"""Learning for a bounded time: when to stop, what comes next, and how the learning rate falls until then."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from dubtool.training.core.schedule import falling

# Seconds of one core that writing the graphs and making them 8-bit takes.
_EXPORT_SECONDS = 12.0
_WARM_STEPS = 10
_FINAL_SHARE = 0.05


class Clock:
    """How much of the time for learning is over. Export takes longer where other programs use the processor, too; how
    much longer is seen while learning."""

    def __init__(self, until: float) -> None:
        self._until = until
        self._started, self._used = time.monotonic(), time.process_time()

    @property
    def spent(self) -> float:
        return time.monotonic() - self._started

    @property
    def allowed(self) -> float:
        """Seconds for learning, as far as can be told now; at least a tenth."""
        slow = max(1.0, self.spent / max(time.process_time() - self._used, 1e-3)) if self.spent > 1.0 else 1.0
        return max(0.1, self._until - self._started - slow * _EXPORT_SECONDS)

    @property
    def done(self) -> float:
        return min(1.0, self.spent / self.allowed)

    @property
    def over(self) -> bool:
        return self.spent >= self.allowed


def batches(count: int, size: int, seed: int) -> Iterator[np.ndarray]:
    """Rows of batches without end: all of them in some order, then all of them in another."""
    rng, left = np.random.default_rng(seed), np.zeros(0, np.int64)
    while True:
        while len(left) < size:
            left = np.concatenate([left, rng.permutation(count)])
        yield left[:size]
        left = left[size:]


def rate_share(step: int, done: float) -> float:
    """The learning rate's share: up within the first steps, then down as half a cosine."""
    return float(falling(step, done, 1.0, _FINAL_SHARE, _WARM_STEPS))
