"""How lips move, by three measures of THEval (Quignon et al., CVPR 2026) that need no network of their own.

The paper finds speech by a network; here `metrics.voice` tells it by its energy.
"""

from __future__ import annotations

import numpy as np

from dubtool.metrics.runs import runs

# Pauses shorter than this are no silence.
PAUSE_SECONDS = 0.3
# A tenth of the film must speak.
_LEAST_SPOKEN = 0.1
_UPPER, _LOWER = (191, 80, 81, 82, 13, 312, 311, 310), (95, 88, 178, 87, 14, 317, 402, 318)
# MediaPipe's mesh: eight points of the upper inner lip, and below each of them the lower's.
APERTURE_POINTS = (*_UPPER, *_LOWER)


def aperture(points: np.ndarray, eyes: np.ndarray) -> np.ndarray:
    """Mean vertical gap of the inner lips, in distances of the outer eye corners: float64 [N].

    points: [N, 16, 2 or more], px, the APERTURE_POINTS. eyes: [N], px.
    """
    upper, lower = np.split(points[..., 1].astype(np.float64), 2, axis=1)
    return np.asarray(np.abs(lower - upper).mean(axis=1) / eyes)


def pauses_of(voiced: np.ndarray, rate: float) -> np.ndarray:
    """Which moments lie in pauses of at least 0.3 s: bool [N].

    voiced: bool [N]. rate: moments a second.
    """
    quiet = np.zeros(len(voiced), bool)
    for pause in runs(~voiced):
        if pause.stop - pause.start >= PAUSE_SECONDS * rate:
            quiet[pause] = True
    return quiet


def silent_lip_stability(aperture: np.ndarray, quiet: np.ndarray) -> float:
    """Median absolute deviation of the aperture [N] from its mean over the quiet moments (bool [N]); less is stiller.

    Not a number where fewer than two are known.
    """
    values = aperture[quiet & np.isfinite(aperture)]
    return float(np.median(np.abs(values - values.mean()))) if len(values) > 1 else float("nan")


def lip_dynamics(points: np.ndarray, eyes: np.ndarray) -> float:
    """Variance over time of the distance of any two lip points, in distances of the outer eye corners; their mean.

    points: [N, P, 2 or more], px, of any size and place. eyes: [N], px. Frames with NaN do not count; not a number
    where fewer than two are left.
    """
    seen = np.isfinite(points[..., :2]).all(axis=(1, 2)) & np.isfinite(eyes)
    if seen.sum() < 2:
        return float("nan")
    lips = points[seen, :, :2].astype(np.float64) / eyes[seen, None, None]
    variances = [
        np.linalg.norm(lips[:, index + 1 :] - lips[:, index, None], axis=-1).var(axis=0)
        for index in range(lips.shape[1] - 1)
    ]
    return float(np.concatenate(variances).mean())


def loudness_difference(aperture: np.ndarray, loudness: np.ndarray, voiced: np.ndarray) -> float:
    """Mean absolute difference of aperture and loudness, each brought to 0..1 over the voiced moments; 0..1.

    aperture: [N]. loudness: [N], root mean square, linear. voiced: bool [N]. Not a number where less than a tenth is
    voiced. No more than a witness: louder is wider on the whole, not sound by sound, so it is to be held against the
    real mouth's.
    """
    spoken = voiced & np.isfinite(aperture)
    if voiced.mean() < _LEAST_SPOKEN or spoken.sum() < 2:
        return float("nan")
    mouth, sound = (_to_unit(series[spoken]) for series in (aperture, loudness))
    return float(np.abs(mouth - sound).mean())


def _to_unit(values: np.ndarray) -> np.ndarray:
    spread = float(np.ptp(values))
    return (values - values.min()) / spread if spread else np.zeros(len(values))
