"""High dynamic range as standard dynamic range, and back: what trackers and networks see of PQ and HLG pictures.

Code values become light in cd/m2 (PQ: SMPTE ST 2084; HLG: BT.2100 at a display of 1000 cd/m2, its system gamma taken
for each colour by itself), primaries of BT.2020 those of BT.709 (BT.2087), and light a code of gamma 2.4: diffuse white
(203 cd/m2, BT.2408) stands near the top, what is brighter is squeezed above a knee. Every step can be undone, for
colours outside the range too, so that a change seen in standard range can be added to the picture.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import cv2
import numpy as np

_PQ_M1, _PQ_M2 = 2610 / 16384, 2523 / 4096 * 128
_PQ_C1, _PQ_C2, _PQ_C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_HLG_A, _HLG_B, _HLG_C = 0.17883277, 0.28466892, 0.55991073
_HLG_PEAK, _HLG_GAMMA = 1000.0, 1.2
_PQ_PEAK = 10000.0
_WHITE = 203.0
# Up to here, in diffuse whites, light is shown as it is.
_KNEE = 0.75
_GAMMA = 2.4
# No change makes a sample brighter than this, in diffuse whites, unless it was.
_BRIGHTEST = 1000.0 / _WHITE
_TO_BT709 = np.array(
    [[1.660491, -0.587641, -0.072850], [-0.124550, 1.132900, -0.008349], [-0.018151, -0.100579, 1.118730]], np.float32
)
_TO_BT2020 = np.linalg.inv(_TO_BT709).astype(np.float32)


class ToneMap:
    """The way of one kind of HDR picture to standard range and back; R'G'B' float32 [h, w, 3] in 0..255 on both sides.

    trc: "smpte2084" or "arib-std-b67". primaries: those of "bt2020" are turned into BT.709's, others are left.
    """

    def __init__(self, trc: str, primaries: str) -> None:
        self._pq, self._wide = trc == "smpte2084", primaries == "bt2020"

    def seen(self, coded: np.ndarray) -> np.ndarray:
        """Standard range for coded samples; outside 0..255 where the colour lies outside."""
        light = _odd(coded / np.float32(255), self._light)
        if self._wide:
            light = cv2.transform(light, _TO_BT709)
        return _odd(light, _shown) * np.float32(255)

    def coded(self, seen: np.ndarray) -> np.ndarray:
        """Undoes `seen`."""
        light = _odd(seen / np.float32(255), _unshown)
        if self._wide:
            light = cv2.transform(light, _TO_BT2020)
        return _odd(light, self._code) * np.float32(255)

    def difference(self, coded: np.ndarray, change: np.ndarray) -> np.ndarray:
        """What to add to coded samples so that a change in standard range is seen; zero where the change is."""
        before = self.seen(coded)
        top = np.maximum(before, _shown(np.full((1, 1), _BRIGHTEST, np.float32))[0, 0] * np.float32(255))
        after = np.clip(before + change, np.minimum(before, 0), top)
        return np.where((change != 0).any(axis=2, keepdims=True), self.coded(after) - self.coded(before), 0.0)

    def _light(self, code: np.ndarray) -> np.ndarray:
        """Diffuse whites of codes from 0 on."""
        if self._pq:
            root = cv2.pow(np.minimum(code, 1.0), 1 / _PQ_M2)
            return cv2.pow(np.maximum(root - _PQ_C1, 0) / (_PQ_C2 - _PQ_C3 * root), 1 / _PQ_M1) * (_PQ_PEAK / _WHITE)
        low, high = code * code / 3, (cv2.exp((code - _HLG_C) / _HLG_A) + _HLG_B) / 12
        return cv2.pow(np.where(code <= 0.5, low, high), _HLG_GAMMA) * (_HLG_PEAK / _WHITE)

    def _code(self, light: np.ndarray) -> np.ndarray:
        if self._pq:
            power = cv2.pow(np.minimum(light * (_WHITE / _PQ_PEAK), 1.0), _PQ_M1)
            return cv2.pow((_PQ_C1 + _PQ_C2 * power) / (1 + _PQ_C3 * power), _PQ_M2)
        scene = cv2.pow(light * (_WHITE / _HLG_PEAK), 1 / _HLG_GAMMA)
        high = _HLG_A * cv2.log(np.maximum(12 * scene - _HLG_B, 1e-6)) + _HLG_C
        return np.where(scene <= 1 / 12, cv2.sqrt(3 * scene), high)


tone_map = functools.lru_cache(maxsize=8)(ToneMap)


def _odd(values: np.ndarray, curve: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """A curve for values from 0 on, mirrored for those below."""
    return np.copysign(curve(np.abs(values)), values).astype(np.float32)


def _shown(light: np.ndarray) -> np.ndarray:
    """Code of diffuse whites: as they are up to the knee, then towards 1 and never there."""
    above, room = np.maximum(light - _KNEE, 0), 1 - _KNEE
    return cv2.pow(np.where(light <= _KNEE, light, _KNEE + room * above / (above + room)), 1 / _GAMMA)


def _unshown(code: np.ndarray) -> np.ndarray:
    light, room = cv2.pow(code, _GAMMA), 1 - _KNEE
    above = np.clip(light - _KNEE, 0, room * 0.9999)
    return np.where(light <= _KNEE, light, _KNEE + room * above / (room - above))
