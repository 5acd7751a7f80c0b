"""When a recording speaks and when it is silent, by its energy."""

from __future__ import annotations

import numpy as np

from dubtool.metrics.runs import runs

_WINDOW_SECONDS = 0.04
# Speech keeps within 25 dB of its loud parts; below -60 dBFS nothing is heard.
_RANGE_DB, _FLOOR_DB = 25.0, -60.0
# Voices of a film are not equally loud: each is compared with the loudest around it, but no more than so much below the
# film's.
_AROUND_SECONDS, _QUIETEST_DB = 1.5, 15.0
# Lips move before the sound starts and after it ends.
_MARGIN_SECONDS = 0.12
_SHORTEST_SECONDS = 0.25
# Moments that are worked on at once, so that hours need no more memory than minutes.
_BLOCK = 8192


def voiced_at(sound: np.ndarray, sample_rate: int, times: np.ndarray) -> np.ndarray:
    """Whether the recording speaks at each moment: bool [N].

    The level is the RMS of the 40 ms around the moment, and counts as voice within 25 dB of the recording's 95th
    percentile. sound: mono [S], -1..1. times: seconds [N].
    """
    level = levels_at(sound, sample_rate, times)
    return level > max(float(np.percentile(level, 95)) - _RANGE_DB, _FLOOR_DB)


def levels_at(sound: np.ndarray, sample_rate: int, times: np.ndarray) -> np.ndarray:
    """RMS of the 40 ms around each moment, dB of full scale, float64 [N]; -120 in digital silence. As `voiced_at`."""
    half = max(1, round(_WINDOW_SECONDS * sample_rate / 2))
    power = np.concatenate([[0.0], np.cumsum(np.square(sound, dtype=np.float64))])
    centre = np.rint(times * sample_rate).astype(np.int64)
    first, last = np.clip(centre - half, 0, sound.size), np.clip(centre + half, 0, sound.size)
    mean = (power[last] - power[first]) / np.maximum(last - first, 1)
    return np.asarray(10 * np.log10(np.maximum(mean, 1e-12)))


def somebody_heard(level: np.ndarray, rate: float) -> np.ndarray:
    """Whether anybody speaks, of a film's levels in dB [N], `rate` a second: bool [N].

    Voice is what is within 25 dB of the 95th percentile around the moment, which counts as no more than 15 dB below the
    film's.
    """
    if len(level) == 0:
        return np.zeros(0, bool)
    reach = max(1, round(_AROUND_SECONDS * rate))
    whole = float(np.percentile(level, 95))
    padded = np.pad(level, reach, mode="reflect" if len(level) > reach else "edge")
    around = np.concatenate(
        [
            np.percentile(
                np.lib.stride_tricks.sliding_window_view(padded[start : start + _BLOCK + 2 * reach], 2 * reach + 1),
                95,
                axis=1,
            )
            for start in range(0, len(level), _BLOCK)
        ]
    )[: len(level)]
    return level > np.maximum(np.maximum(around, whole - _QUIETEST_DB) - _RANGE_DB, _FLOOR_DB)


def silent_stretches(voiced: np.ndarray, rate: float) -> list[slice]:
    """The pauses long enough for lips to come to rest: those that last 0.25 s after 0.12 s were taken off both ends.

    voiced: bool [N], one per frame. rate: frames a second.
    """
    margin, shortest = round(_MARGIN_SECONDS * rate), max(2, round(_SHORTEST_SECONDS * rate))
    stretches = [slice(run.start + margin, run.stop - margin) for run in runs(~voiced.astype(bool))]
    return [stretch for stretch in stretches if stretch.stop - stretch.start >= shortest]
