"""Mouth shapes brought within what a person does: moved as far as theirs, never opened further than seen."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from dubtool.face.shape import ShapeModel, inner_opening
from dubtool.jobs.dub.expression import TimedShapes
from dubtool.jobs.shared.own_words import OwnWords
from dubtool.tracking.motion import FaceMotion

# How much of the difference between a person's own spread and the predicted one is made up: half a film tells the
# spread of the other half so well (eight strangers); and better where their own words are heard (59 people).
_TRUST, _OWN_TRUST, _LEAST_SCALE, _MOST_SCALE = 0.7, 0.85, 0.7, 1.4
# Frames that tell as much of a person's spread as is known of everybody's.
_HALF_KNOWN = 150
# Whoever moves the mouth less than this beside the prediction does not speak in the film: that is no manner.
_SILENT = 0.3
# How much further than ever seen a mouth may be stretched open, and the least that every mouth can.
_STRETCH, _LEAST_LIMIT = 1.4, 0.12
_WIDEST_QUANTILE = 0.995
# From this share of the limit on an opening bends towards it.
_KNEE = 0.85


@dataclass(frozen=True)
class Reach:
    """What is done to predicted shapes.

    scale: of all coefficients. limit: of the opening, in distances of the outer eye corners; infinite for none. own:
    the scale comes from the person's own words in the film, and not from the words of the dub.
    """

    scale: float = 1.0
    limit: float = float("inf")
    own: bool = False

    def as_dict(self) -> dict[str, Any]:
        """For the report."""
        return asdict(self)

    def bring(self, shapes: np.ndarray, model: ShapeModel, rest: np.ndarray) -> np.ndarray:
        """Shapes float32 [..., K] within the reach of a person whose mouth at `rest` is [55, 3]."""
        shapes = shapes * np.float32(self.scale)
        flat = shapes.reshape(-1, shapes.shape[-1])
        opening = inner_opening(model.mouths(flat, rest))
        at_rest = float(inner_opening(rest[None])[0])
        # Nothing can be shut further than at rest.
        knee = max(_KNEE * self.limit, at_rest)
        if not (opening > knee).any():
            return np.asarray(shapes)
        room = max(self.limit - knee, 1e-9)
        over = np.maximum(opening - knee, 0)
        bent = knee + room * -np.expm1(-over / room)
        # Lips part from where they lie at rest: of half a shape the opening is at most in the middle of both.
        factor = np.where(over > 0, (bent - at_rest) / np.maximum(opening - at_rest, 1e-9), 1.0).astype(np.float32)
        return np.asarray((flat * factor[:, None]).reshape(shapes.shape))


def reach_of(
    motion: FaceMotion, usable: np.ndarray, spoken: np.ndarray, model: ShapeModel, own_words: OwnWords | None = None
) -> Reach:
    """The reach of a person.

    usable: rows of the motion that may be looked at, bool [N]. spoken: shapes that the speech is predicted to give
    float32 [n, K]. own_words: in sync; how far the person opens the mouth for words is told best by the same words, so
    that a livelier speech stays livelier.
    """
    own = motion.opening[usable & ~motion.covered]
    if len(own) == 0 or len(spoken) == 0:
        return Reach()
    limit = max(_STRETCH * float(np.quantile(own, _WIDEST_QUANTILE)), _LEAST_LIMIT)
    trust, seen, heard = _TRUST, own, spoken
    if own_words is not None:
        trust, seen, heard = _OWN_TRUST, own_words.seen, own_words.heard
    ratio = float(seen.std()) / max(float(motion.opening_of(model, heard).std()), 1e-9)
    trust *= len(seen) / (len(seen) + _HALF_KNOWN)
    scale = 1.0 if ratio < _SILENT else float(np.clip(ratio**trust, _LEAST_SCALE, _MOST_SCALE))
    return Reach(round(scale, 3), round(limit, 4), own_words is not None)


class ReachedShapes:
    """`TimedShapes` within a reach."""

    def __init__(self, shapes: TimedShapes, reach: Reach, model: ShapeModel, rest: np.ndarray) -> None:
        self._shapes, self._reach, self._model, self._rest = shapes, reach, model, rest

    def at(self, times: np.ndarray) -> np.ndarray:
        """See `TimedShapes.at`."""
        return self._reach.bring(self._shapes.at(times), self._model, self._rest)
