"""What drives the generator at each moment: mouth shapes predicted from the speech, or speech features themselves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from dubtool.errors import UsageError
from dubtool.face.crop import CropSize
from dubtool.face.draw import draw_mouth
from dubtool.face.shape import ShapeModel
from dubtool.jobs.dub.expression import ExpressedShapes, Expression, TimedShapes
from dubtool.models.generator import SHAPE, GeneratorSpec
from dubtool.speech.features import SpeechFeatures, feature_kind, speech_features
from dubtool.speech.shapes import speech_shapes
from dubtool.tracking.motion import FaceMotion
from dubtool.weights.locate import find

# Generators are trained on neighbouring vectors at this rate, whatever the rate of the video at hand.
_NEIGHBOURS_PER_SECOND = 25.0


@dataclass(frozen=True)
class Conditions:
    """Inputs of one batch: vectors float32 [B, K, steps]; drawings uint8 [B, 3, H, W] or None; mouths [B, n, 55, 2],
    what the mask must cover, in unit crops."""

    vectors: np.ndarray
    drawings: np.ndarray | None
    mouths: np.ndarray

    @property
    def asks(self) -> bool:
        """Whether the first of a frame's mouths is the one that is asked for, before its own."""
        return self.mouths.shape[1] > 1

    def part(self, where: np.ndarray) -> Conditions:
        """Those of some of the batch's frames, by their places int [b]."""
        drawings = None if self.drawings is None else self.drawings[where]
        return Conditions(self.vectors[where], drawings, self.mouths[where])


class Conditioner(Protocol):
    """Makes `Conditions` for moments of the speech put on rows of the motion."""

    def at(self, times: np.ndarray, rows: np.ndarray, weight: np.ndarray) -> Conditions:
        """times: seconds of the speech [B]; rows: of the motion [B]; weight: 0 keeps the own mouth, 1 the new [B]."""
        ...


def conditioner(
    spec: GeneratorSpec,
    motion: FaceMotion,
    model: ShapeModel,
    speech: Path,
    *,
    expression: Expression,
    device: str,
    shapes: TimedShapes | None = None,
) -> Conditioner:
    """The conditioner that a generator needs, over a 16 kHz mono speech.

    shapes: instead of the predicted ones; taken as they are, whatever `expression` says.

    Raises:
        UsageError: shapes are given to a generator that is not driven by them.
    """
    if shapes is not None and not spec.outlined:
        raise UsageError("this model is not driven by mouth shapes; leave out shapes, or choose another model")

    def spoken() -> TimedShapes:
        if shapes is not None:
            return shapes
        predicted = speech_shapes(speech, find("whisper"), find("speech_shapes"), device=device)
        return ExpressedShapes(predicted, expression)

    if spec.conditioning == SHAPE:
        return ShapeConditioner(spoken(), motion, model, spec)
    weights = feature_kind(spec.conditioning).weights
    features = speech_features(
        spec.conditioning, speech, model=None if weights is None else find(weights), device=device
    )
    if spec.drawing:
        return AlignedConditioner(features, None if spec.at_rest else spoken(), motion, model, spec)
    return FeatureConditioner(features, motion, model, spec)


def drivers(spec: GeneratorSpec) -> list[str]:
    """Names of the weights that turn the speech into what the generator wants."""
    own = None if spec.conditioning == SHAPE else feature_kind(spec.conditioning).weights
    names = ["speech_shapes", "whisper"] if spec.outlined else []
    return names if own is None or own in names else [*names, own]


def neighbours(times: np.ndarray, steps: int) -> np.ndarray:
    """Times [B, steps] around each of `times` [B]."""
    return times[:, None] + (np.arange(steps) - steps // 2) / _NEIGHBOURS_PER_SECOND


def windows(features: SpeechFeatures, times: np.ndarray, spec: GeneratorSpec) -> np.ndarray:
    """The speech at each of `times` [B] as a generator hears it: float32 [B, K, steps]."""
    times = times + spec.lead
    if feature_kind(spec.conditioning).own_clock:
        return features.windows(times, spec.steps).transpose(0, 2, 1)
    return features.at(neighbours(times, spec.steps)).transpose(0, 2, 1)


class ShapeConditioner:
    """Speech to mouth shapes; near the edges of a dubbed stretch they turn into the person's own."""

    def __init__(self, shapes: TimedShapes, motion: FaceMotion, model: ShapeModel, spec: GeneratorSpec) -> None:
        self._shapes, self._motion, self._model, self._spec = shapes, motion, model, spec

    def shapes(self, times: np.ndarray, rows: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """The wanted mouth shapes and their neighbours float32 [B, steps, K]; the arguments are those of `at`."""
        spoken = self._shapes.at(neighbours(times, self._spec.steps))
        own = self._motion.coefficients[rows]
        return np.asarray(own[:, None] + weight[:, None, None] * (spoken - own[:, None]), np.float32)

    def at(self, times: np.ndarray, rows: np.ndarray, weight: np.ndarray) -> Conditions:
        """See `Conditioner.at`."""
        shapes = self.shapes(times, rows, weight)
        own = self._motion.coefficients[rows]
        new = self._motion.mouths_in_crop(self._model, shapes[:, self._spec.steps // 2], rows)
        old = self._motion.mouths_in_crop(self._model, own, rows)
        drawings = np.stack([_drawn(mouth, self._spec.size) for mouth in new]) if self._spec.drawing else None
        return Conditions(shapes.transpose(0, 2, 1), drawings, np.stack([new, old], axis=1))


class AlignedConditioner:
    """Speech features beside drawings of the mouth that the speech is predicted to give, or of the mouth at rest.

    shapes: None for the mouth at rest.
    """

    def __init__(
        self,
        features: SpeechFeatures,
        shapes: TimedShapes | None,
        motion: FaceMotion,
        model: ShapeModel,
        spec: GeneratorSpec,
    ) -> None:
        self._features, self._shapes, self._motion, self._model, self._spec = features, shapes, motion, model, spec

    def at(self, times: np.ndarray, rows: np.ndarray, weight: np.ndarray) -> Conditions:
        own = self._motion.coefficients[rows]
        asked = np.zeros_like(own)
        if self._shapes is not None:
            asked = own + weight[:, None] * (self._shapes.at(times) - own)
        new = self._motion.mouths_in_crop(self._model, asked, rows)
        old = self._motion.mouths_in_crop(self._model, own, rows)
        drawings = np.stack([_drawn(mouth, self._spec.size) for mouth in new])
        return Conditions(windows(self._features, times, self._spec), drawings, np.stack([new, old], axis=1))


class FeatureConditioner:
    """Speech features straight into the generator, as the papers do."""

    def __init__(self, features: SpeechFeatures, motion: FaceMotion, model: ShapeModel, spec: GeneratorSpec) -> None:
        self._features, self._motion, self._model, self._spec = features, motion, model, spec

    def at(self, times: np.ndarray, rows: np.ndarray, weight: np.ndarray) -> Conditions:
        old = self._motion.mouths_in_crop(self._model, self._motion.coefficients[rows], rows)
        return Conditions(windows(self._features, times, self._spec), None, old[:, None])


def _drawn(mouth: np.ndarray, size: CropSize) -> np.ndarray:
    """A unit-crop mouth drawn into the crop: uint8 [3, H, W]."""
    corner = np.array([size.width / 2 - 0.5, size.mouth / 2 - 0.5])
    return draw_mouth(mouth * (size.mouth / 2) + corner, size.width, size.height)
