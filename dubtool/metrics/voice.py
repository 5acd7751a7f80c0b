"""When a recording speaks and when it is silent, by its energy."""

from __future__ import annotations

import numpy as np

_WINDOW_SECONDS = 0.04
# Speech keeps within 25 dB of its loud parts; below -60 dBFS nothing is heard.
_RANGE_DB, _FLOOR_DB = 25.0, -60.0
# Lips move before the sound starts and after it ends.
_MARGIN_SECONDS = 0.12
_SHORTEST_SECONDS = 0.25


def voiced_at(sound: np.ndarray, sample_rate: int, times: np.ndarray) -> np.ndarray:
    """Whether the recording speaks at each moment: bool [N].

    The level is the RMS of the 40 ms around the moment, and counts as voice within 25 dB of the recording's 95th
    percentile. sound: mono [S], -1..1. times: seconds [N].
    """
    half = max(1, round(_WINDOW_SECONDS * sample_rate / 2))
    power = np.concatenate([[0.0], np.cumsum(np.square(sound, dtype=np.float64))])
    centre = np.rint(times * sample_rate).astype(np.int64)
    first, last = np.clip(centre - half, 0, sound.size), np.clip(centre + half, 0, sound.size)
    mean = (power[last] - power[first]) / np.maximum(last - first, 1)
    level = 10 * np.log10(np.maximum(mean, 1e-12))
    return level > max(float(np.percentile(level, 95)) - _RANGE_DB, _FLOOR_DB)


def silent_stretches(voiced: np.ndarray, rate: float) -> list[slice]:
    """The pauses long enough for lips to come to rest: those that last 0.25 s after 0.12 s were taken off both ends.

    voiced: bool [N], one per frame. rate: frames a second.
    """
    margin, shortest = round(_MARGIN_SECONDS * rate), max(2, round(_SHORTEST_SECONDS * rate))
    edges = np.flatnonzero(np.diff(np.concatenate([[True], voiced.astype(bool), [True]]).astype(np.int8)))
    stretches = [slice(int(start) + margin, int(stop) - margin) for start, stop in edges.reshape(-1, 2)]
    return [stretch for stretch in stretches if stretch.stop - stretch.start >= shortest]
