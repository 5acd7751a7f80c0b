from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from dubtool.errors import UsageError
from dubtool.face.shape import MOUTH, ShapeModel
from dubtool.jobs.dub.conditioning import (
    AlignedConditioner,
    FeatureConditioner,
    ShapeConditioner,
    conditioner,
    drivers,
    neighbours,
)
from dubtool.jobs.dub.expression import ExpressedShapes, Expression
from dubtool.jobs.shared.known_shapes import MouthShapes
from dubtool.jobs.shared.overrides import Override
from dubtool.models.generator import GeneratorSpec
from dubtool.speech.features import SpeechFeatures

SPEC = GeneratorSpec(64, "shape", 5, True, (0.42, 2.0, -0.9, 0.9))
ALIGNED = GeneratorSpec(64, "mel", 16, True, (0.42, 2.0, -0.9, 0.9))


class Ramp:
    """Shapes whose first coefficient is the time."""

    def __init__(self, modes: int) -> None:
        self.modes = modes

    def at(self, times: np.ndarray) -> np.ndarray:
        shapes = np.zeros((*times.shape, self.modes), np.float32)
        shapes[..., 0] = times
        return shapes

    def windows(self, times: np.ndarray, steps: int) -> np.ndarray:
        return np.repeat(self.at(times)[:, None], steps, axis=1)


class Still:
    """A head that does not move, whose own mouth has the coefficients `own`."""

    def __init__(self, own: np.ndarray, model: ShapeModel) -> None:
        self.coefficients = own
        self.seen: list[np.ndarray] = []

    def mouths_in_crop(self, model: ShapeModel, coefficients: np.ndarray, rows: np.ndarray) -> np.ndarray:
        self.seen.append(coefficients)
        mouth = np.zeros((len(rows), len(MOUTH), 2))
        turn = np.linspace(0, 6, len(MOUTH))
        mouth[..., 0], mouth[..., 1] = np.cos(turn) * 0.5, 1.2 + np.sin(turn) * 0.2
        return mouth


def test_neighbours_are_a_25th_of_a_second_apart_at_any_frame_rate() -> None:
    np.testing.assert_allclose(neighbours(np.array([1.0]), 5)[0], [0.92, 0.96, 1.0, 1.04, 1.08])


def conditions(model: ShapeModel, weight: float, expression: float = 1.0) -> tuple[np.ndarray, np.ndarray | None]:
    own = np.zeros((3, model.size), np.float32)
    own[:, 1] = 7.0
    shapes = ExpressedShapes(Ramp(model.size), Expression(expression))
    source = ShapeConditioner(shapes, Still(own, model), model, SPEC)  # type: ignore[arg-type]
    made = source.at(np.array([0.5, 1.0]), np.array([0, 2]), np.full(2, weight))
    return made.vectors, made.drawings


def test_full_weight_speaks_and_scales_with_expression(model: ShapeModel) -> None:
    vectors, drawings = conditions(model, 1.0, 1.5)
    assert vectors.shape == (2, model.size, 5)
    np.testing.assert_allclose(vectors[:, 0, 2], [0.75, 1.5], atol=1e-6)
    np.testing.assert_allclose(vectors[:, 1], 0.0, atol=1e-6)
    assert drawings is not None and drawings.shape == (2, 3, 104, 80)


def test_no_weight_keeps_the_own_mouth(model: ShapeModel) -> None:
    vectors, _ = conditions(model, 0.0)
    np.testing.assert_allclose(vectors[:, 1], 7.0, atol=1e-6)
    np.testing.assert_allclose(vectors[:, 0], 0.0, atol=1e-6)


def test_weights_that_drive_a_mouth_are_named() -> None:
    assert drivers(SPEC) == ["speech_shapes", "whisper"]
    assert drivers(GeneratorSpec(256, "deepspeech", 5, False, (0.0, 2.0, -1.0, 1.0))) == ["deepspeech"]
    assert drivers(ALIGNED) == ["speech_shapes", "whisper"]
    assert drivers(replace(ALIGNED, at_rest=True)) == []


def test_landmarks_are_of_the_spoken_mouth_eased_into_the_own_one(model: ShapeModel) -> None:
    own = np.zeros((3, model.size), np.float32)
    own[:, 1] = 7.0
    head = Still(own, model)
    shapes = ExpressedShapes(Ramp(model.size), Expression(1.5))
    source = AlignedConditioner(Ramp(80), shapes, head, model, ALIGNED)  # type: ignore[arg-type]
    made = source.at(np.array([0.5, 1.0]), np.array([0, 2]), np.array([1.0, 0.0]))
    assert made.vectors.shape == (2, 80, 16) and made.mouths.shape == (2, 2, 55, 2)
    assert made.drawings is not None and made.drawings.shape == (2, 3, 104, 80)
    asked, kept = head.seen[0]
    assert asked[0] == pytest.approx(0.75) and asked[1] == 0.0
    assert kept[0] == 0.0 and kept[1] == 7.0


class Clock:
    """Vectors that hold the time at which they stand."""

    name, dimension, chunk, first, last = "clock", 1, 64, 0, 2000

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def compute(self, first: int, count: int) -> np.ndarray:
        return (np.arange(first, first + count, dtype=np.float32) / np.float32(self.rate))[:, None]


@pytest.mark.parametrize(("kind", "rate", "steps", "apart"), [("mel", 80, 16, 1 / 80), ("deepspeech", 50, 5, 1 / 25)])
def test_speech_that_drives_alone_comes_in_the_steps_of_its_kind(
    kind: str, rate: float, steps: int, apart: float, model: ShapeModel
) -> None:
    head = Still(np.zeros((3, model.size), np.float32), model)
    spec = GeneratorSpec(64, kind, steps, False, (0.42, 2.0, -0.9, 0.9))
    made = FeatureConditioner(SpeechFeatures(Clock(rate)), head, model, spec).at(  # type: ignore[arg-type]
        np.array([1.0, 2.0]), np.array([0, 1]), np.ones(2)
    )
    assert made.vectors.shape == (2, 1, steps) and made.drawings is None
    np.testing.assert_allclose(np.diff(made.vectors[:, 0]), apart, atol=1e-5)
    np.testing.assert_allclose(made.vectors[:, 0].mean(axis=1), [1.0, 2.0], atol=1e-4)


@pytest.mark.parametrize(("kind", "rate", "steps"), [("mel", 80, 16), ("deepspeech", 50, 5)])
def test_the_window_lies_where_the_generator_was_taught_it(
    kind: str, rate: float, steps: int, model: ShapeModel
) -> None:
    head = Still(np.zeros((3, model.size), np.float32), model)
    spec = GeneratorSpec(64, kind, steps, False, (0.42, 2.0, -0.9, 0.9), lead=0.05)
    made = FeatureConditioner(SpeechFeatures(Clock(rate)), head, model, spec).at(  # type: ignore[arg-type]
        np.array([1.0]), np.array([0]), np.ones(1)
    )
    assert made.vectors.mean() == pytest.approx(1.05, abs=1e-4)


def test_at_rest_no_mouth_is_predicted(model: ShapeModel) -> None:
    head = Still(np.ones((3, model.size), np.float32), model)
    spec = replace(ALIGNED, at_rest=True)
    source = AlignedConditioner(Ramp(80), None, head, model, spec)  # type: ignore[arg-type]
    source.at(np.array([0.5]), np.array([0]), np.ones(1))
    np.testing.assert_array_equal(head.seen[0], 0.0)
    assert not spec.outlined and ALIGNED.outlined


def test_a_model_that_hears_for_itself_takes_no_shapes(model: ShapeModel) -> None:
    spec = GeneratorSpec(256, "deepspeech", 5, False, (0.0, 2.0, -1.0, 1.0))
    shapes = MouthShapes(np.zeros(1), np.zeros((1, model.size), np.float32))
    with pytest.raises(UsageError, match="not driven by mouth shapes"):
        conditioner(spec, None, model, Path(), expression=Expression(), device="cpu", shapes=shapes)  # type: ignore[arg-type]


def test_an_expression_may_be_another_for_a_stretch() -> None:
    row = Override(Fraction(1), Fraction(2), expression=0.5)
    expression = Expression(1.2, [row, Override(Fraction(3), Fraction(4), skip=True)], voice=2.0)
    # A time that is written to the thousandth means the frame that begins a little before it.
    found = expression.at(np.array([[0.9, 0.9995], [1.99, 2.0], [3.5, 9.0]]))
    np.testing.assert_allclose(found, [[2.4, 1.0], [1.0, 2.4], [2.4, 2.4]], rtol=1e-6)
