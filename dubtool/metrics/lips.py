"""Whether lips follow a speech: the mouth's opening and width over time, compared with those of the real mouth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# MediaPipe's mesh: outer corners of the eyes; before them inner lips above and below, outer corners of the mouth.
EYE_CORNERS = (33, 263)
LIP_POINTS = (13, 14, 61, 291, *EYE_CORNERS)

DRIFT_SECONDS = 2.0
MAX_LAG = 10


@dataclass(frozen=True)
class Agreement:
    """How one series follows another.

    r: Pearson's r at lag 0. lag: the lag of the best r, in frames; above 0 the first series comes later. best: r there.
    """

    r: float
    lag: int
    best: float


def mouth_opening(points: np.ndarray) -> np.ndarray:
    """Distance of the inner lips over the distance of the outer eye corners: float64 [N].

    points: [N, 6, 2 or more], the LIP_POINTS of each frame in px; rows of NaN (no face) give NaN.
    """
    return _distance(points, 0, 1) / _distance(points, 4, 5)


def mouth_width(points: np.ndarray) -> np.ndarray:
    """Distance of the mouth's corners over the distance of the outer eye corners: float64 [N]; as `mouth_opening`."""
    return _distance(points, 2, 3) / _distance(points, 4, 5)


def detrend(series: np.ndarray, rate: float) -> np.ndarray:
    """`series` [N] less its centred moving mean over 2 s, shorter at the ends; NaN are skipped and stay NaN.

    rate: frames a second.
    """
    reach = round(DRIFT_SECONDS * rate / 2)
    known = np.isfinite(series)
    total = np.concatenate([[0.0], np.cumsum(np.where(known, series, 0.0))])
    count = np.concatenate([[0], np.cumsum(known)])
    index = np.arange(series.size)
    first, last = np.maximum(index - reach, 0), np.minimum(index + reach + 1, series.size)
    mean = (total[last] - total[first]) / np.maximum(count[last] - count[first], 1)
    return np.where(known, series - mean, np.nan)


def compare(dub: np.ndarray, real: np.ndarray, rate: float, voiced: np.ndarray | None = None) -> Agreement:
    """How the dub's mouth follows the mouth that really spoke (the swapped-halves test).

    dub, real: opening or width [N] at the same moments; drift is removed from both. rate: frames a second. voiced:
    bool [N], the moments of `real` that count; all if None.
    """
    a, b = detrend(dub, rate), detrend(real, rate)
    if voiced is not None:
        b = np.where(voiced, b, np.nan)
    scores = {lag: _pearson(*_shifted(a, b, lag)) for lag in range(-MAX_LAG, MAX_LAG + 1)}
    # Of equal scores the smallest lag: a still mouth is not late.
    best = max(scores, key=lambda lag: (scores[lag], -abs(lag)))
    return Agreement(scores[0], best, scores[best])


def _shifted(a: np.ndarray, b: np.ndarray, lag: int) -> tuple[np.ndarray, np.ndarray]:
    """a(t + lag) beside b(t)."""
    if lag >= 0:
        return a[lag:], b[: b.size - lag]
    return a[:lag], b[-lag:]


def _pearson(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's r over the places known in both; 0 where one of them does not move, or fewer than 3 are known."""
    known = np.isfinite(a) & np.isfinite(b)
    if known.sum() < 3:
        return 0.0
    a, b = a[known] - a[known].mean(), b[known] - b[known].mean()
    scale = np.sqrt(np.sum(a * a) * np.sum(b * b))
    return float(np.sum(a * b) / scale) if scale > 1e-12 else 0.0


def _distance(points: np.ndarray, first: int, second: int) -> np.ndarray:
    gap = points[:, first, :2].astype(np.float64) - points[:, second, :2]
    return np.hypot(gap[:, 0], gap[:, 1])
