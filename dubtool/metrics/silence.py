"""Whether lips rest when nothing is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rest:
    """How still the lips are in silence.

    dub, source: deviation of the mouth's opening, of a dub with silence and within the source's own pauses. A mouth
    that rests wide open deviates little too, so the levels stand beside: dub_level, source_level, the median openings.
    """

    dub: float
    source: float
    dub_level: float
    source_level: float

    @property
    def ratio(self) -> float:
        """At rest if 1.0 or less."""
        return self.dub / self.source if self.source else float("nan")


def rest(dub_opening: np.ndarray, source_opening: np.ndarray, pauses: Sequence[slice]) -> Rest | None:
    """The silence test; None where the source never pauses, so that nothing can be compared.

    dub_opening: `lips.mouth_opening` [N] of the source dubbed with silence. source_opening: [M] of the source itself.
    pauses: the source's silent stretches (`voice.silent_stretches`), in frames of the source.
    """
    stretches = [_known(source_opening[pause]) for pause in pauses]
    stretches = [stretch for stretch in stretches if stretch.size >= 2]
    dub = _known(dub_opening)
    if not stretches or dub.size < 2:
        return None
    return Rest(
        dub=_deviation([dub]),
        source=_deviation(stretches),
        dub_level=float(np.median(dub)),
        source_level=float(np.median(np.concatenate(stretches))),
    )


def _deviation(stretches: list[np.ndarray]) -> float:
    """Root mean square of the distance to each stretch's own mean."""
    return float(np.sqrt(np.mean(np.concatenate([stretch - stretch.mean() for stretch in stretches]) ** 2)))


def _known(series: np.ndarray) -> np.ndarray:
    return series[np.isfinite(series)]
