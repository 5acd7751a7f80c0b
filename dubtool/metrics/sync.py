"""Whether a mouth moves in sync with a speech, as a sync network hears it: LSE-C and LSE-D (Prajwal et al. 2020).

Those are usually told by SyncNet, on pictures. Ours looks at tracked mouth shapes, so that its numbers cannot be
compared with published ones; they can be compared with those of real videos.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

# Mouths and sounds are compared on a grid of so many seconds, up to so many of its steps apart.
STEP_SECONDS = 1 / 25
REACH = 15
# Moments that are worked on at once, so that hours need no more memory than minutes.
_BLOCK = 1024

Run = Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]


class Sync(NamedTuple):
    """confidence (LSE-C): how much nearer the best offset is than the median one; more is better. distance (LSE-D): at
    the best offset, 0..2; less is better. offset: the best one, steps of 1/25 s; above 0 the mouth comes early."""

    confidence: float
    distance: float
    offset: int


class ShapeSyncJudge:
    """run: the network's session: shapes [N, K, frames] and states [M, C, steps] to unit vectors `mouth` [N, D] and
    `sound` [M, D]. frames, steps: sizes of its windows, 1/25 and 1/50 s apart. modes, channels: K and C."""

    def __init__(self, run: Run, frames: int, steps: int, modes: int = 12, channels: int = 384) -> None:
        self._run, self._frames, self.steps = run, frames, steps
        self._modes, self._channels = modes, channels

    def distances(self, times: np.ndarray, shapes: np.ndarray, hear: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """From the mouth at every moment of the grid to the sounds around it: float32 [N, 31], offsets -15 .. 15.

        times, shapes: seconds [n] and float32 [n, K] of the frames in which the face was seen. hear: the speech's
        states float32 [m, steps, C] around seconds [m] of the same clock. Moments in gaps of the frames are left out.
        """
        grid = np.arange(times[0], times[-1] + 1e-6, STEP_SECONDS)
        late = np.clip(np.searchsorted(times, grid), 0, len(times) - 1)
        gap = np.minimum(np.abs(times[late] - grid), np.abs(times[np.maximum(late - 1, 0)] - grid))
        heard = grid[0] + (np.arange(len(grid) + 2 * REACH) - REACH) * STEP_SECONDS
        cosines = self.cosines(self.mouths(times, shapes, grid), self.sounds(heard, hear))
        return np.sqrt(np.maximum(2 - 2 * cosines, 0))[gap < STEP_SECONDS]

    def mouths(self, times: np.ndarray, shapes: np.ndarray, moments: np.ndarray) -> np.ndarray:
        """Unit vectors of the mouth around seconds `moments` [N]: float32 [N, D]. times, shapes: as for `distances`."""
        nothing = np.zeros((1, self._channels, self.steps), np.float32)
        blocks = [moments[start : start + _BLOCK] for start in range(0, len(moments), _BLOCK)]
        found = [
            self._run({"shapes": mouth_windows(times, shapes, block, self._frames), "states": nothing})["mouth"]
            for block in blocks
        ]
        return np.concatenate(found)

    def sounds(self, moments: np.ndarray, hear: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Unit vectors of the sound around seconds `moments` [M]: float32 [M, D]. hear: as for `distances`."""
        nothing = np.zeros((1, self._modes, self._frames), np.float32)
        found = []
        for start in range(0, len(moments), _BLOCK):
            states = np.ascontiguousarray(hear(moments[start : start + _BLOCK]).transpose(0, 2, 1))
            found.append(self._run({"shapes": nothing, "states": states})["sound"])
        return np.concatenate(found)

    @staticmethod
    def cosines(mouths: np.ndarray, sounds: np.ndarray) -> np.ndarray:
        """Of mouths [N, D] and the sounds around them, float32 [N, 31]: `sounds` [N + 30, D] begin 15 steps before."""
        windows = np.lib.stride_tricks.sliding_window_view(sounds, 2 * REACH + 1, axis=0)
        return np.asarray(np.einsum("nd,ndo->no", mouths, windows))


def mouth_windows(times: np.ndarray, shapes: np.ndarray, when: np.ndarray, frames: int) -> np.ndarray:
    """Mouth shapes [n, K] at seconds `times` [n], around moments `when` [m]: float32 [m, K, frames], 1/25 s apart,
    linear between frames, the edges repeated."""
    wanted = when[:, None] + (np.arange(frames) - frames // 2) * STEP_SECONDS
    return np.stack([np.interp(wanted, times, column) for column in shapes.T], axis=1).astype(np.float32)


def sync_of(distances: np.ndarray) -> Sync:
    """What distances [N, 31] say in the mean over moments; not a number where there is none."""
    if len(distances) == 0:
        return Sync(float("nan"), float("nan"), 0)
    curve = distances.mean(axis=0)
    best = int(curve.argmin())
    return Sync(float(np.median(curve) - curve[best]), float(curve[best]), best - REACH)
