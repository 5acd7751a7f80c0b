"""Predicted mouths brought within what a person does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drawn_person import DrawnPerson

from dubtool.face.shape import ShapeModel, inner_opening
from dubtool.jobs.dub.reach import Reach, ReachedShapes, reach_of
from dubtool.jobs.shared.known_shapes import MouthShapes
from dubtool.jobs.shared.own_words import OwnWords
from dubtool.tracking.motion import FaceMotion

COUNT = 200


def _speaking(model: ShapeModel, amount: float) -> np.ndarray:
    """Shapes [N, K] of a mouth that opens and shuts, `amount` deviations of the opening mode wide."""
    shapes = np.zeros((COUNT, model.size), np.float32)
    shapes[:, 0] = -amount * (1 - np.cos(np.arange(COUNT) / 4)) / 2
    return shapes


def _motion(model: ShapeModel, amount: float) -> FaceMotion:
    return DrawnPerson(model, _speaking(model, amount)).motion


def _every(motion: FaceMotion) -> np.ndarray:
    return np.ones(len(motion.frames), bool)


def test_shapes_become_as_lively_as_the_person(model: ShapeModel) -> None:
    spoken = _speaking(model, 1.5)
    scales = []
    for amount in (1.0, 1.5, 2.0):
        motion = _motion(model, amount)
        scales.append(reach_of(motion, _every(motion), spoken, model).scale)
    assert 0.7 < scales[0] < 0.9
    assert scales[1] == pytest.approx(1.0, abs=0.05)
    assert 1.1 < scales[2] < 2.0 / 1.5, "the difference is not made up in full"


def test_own_words_tell_the_manner_so_that_a_livelier_speech_stays_livelier(model: ShapeModel) -> None:
    motion, heard = _motion(model, 1.5), _speaking(model, 1.0)
    own = OwnWords(motion.opening, heard, r=0.9)
    calm, lively = (reach_of(motion, _every(motion), _speaking(model, much), model, own) for much in (0.5, 2.0))
    assert calm == lively, "what is said in the dub tells nothing of the person"
    assert calm.own and 1.15 < calm.scale < 1.4


def test_the_scale_has_bounds_and_silence_is_no_manner(model: ShapeModel) -> None:
    spoken, wild, still = _speaking(model, 0.7), _motion(model, 3.0), _motion(model, 0.0)
    assert reach_of(wild, _every(wild), spoken, model).scale == 1.4
    assert reach_of(still, _every(still), spoken, model).scale == 1.0
    assert reach_of(wild, _every(wild), 16 * spoken, model).scale == 1.0, "a tenth of it is silence, too"


def test_few_frames_tell_little_of_a_manner(model: ShapeModel) -> None:
    spoken, lively = _speaking(model, 1.0), _motion(model, 2.0)
    few = _every(lively)
    few[20:] = False
    assert 1.0 <= reach_of(lively, few, spoken, model).scale < reach_of(lively, _every(lively), spoken, model).scale


def test_a_mouth_opens_little_further_than_it_was_seen(model: ShapeModel) -> None:
    spoken = _speaking(model, 1.5)
    for amount in (1.5, 3.0):
        motion = _motion(model, amount)
        limit = reach_of(motion, _every(motion), spoken, model).limit
        assert 1.0 < limit / motion.opening.max() < 1.45
    shut = replace(_motion(model, 0.0), opening=np.full(COUNT, 0.01, np.float32))
    assert reach_of(shut, _every(shut), spoken, model).limit == 0.12, "every mouth can be opened so far"


def test_only_what_may_be_looked_at_and_is_not_covered_counts(model: ShapeModel) -> None:
    spoken, motion = _speaking(model, 1.5), _motion(model, 1.5)
    usual = reach_of(motion, _every(motion), spoken, model)
    wrong = motion.opening.copy()
    wrong[:20] = 5.0
    covered = replace(motion, opening=wrong, covered=np.arange(COUNT) < 20)
    usable = np.arange(COUNT) >= 20
    for found in (
        reach_of(covered, _every(motion), spoken, model),
        reach_of(replace(covered, covered=motion.covered), usable, spoken, model),
    ):
        assert found.limit == pytest.approx(usual.limit, rel=0.05)
    assert reach_of(motion, ~_every(motion), spoken, model) == Reach()


def _reached(reach: Reach, shapes: np.ndarray, model: ShapeModel, rest: np.ndarray) -> np.ndarray:
    times = np.arange(len(shapes)) / 25
    return ReachedShapes(MouthShapes(times, shapes), reach, model, rest).at(times)


def test_shapes_within_reach_are_scaled_and_no_more(model: ShapeModel) -> None:
    rest, shapes = _motion(model, 1.0).rest, _speaking(model, 1.0)
    np.testing.assert_allclose(_reached(Reach(), shapes, model, rest), shapes, atol=1e-6)
    np.testing.assert_allclose(_reached(Reach(0.8, 2.0), shapes, model, rest), 0.8 * shapes, atol=1e-6)
    assert not _reached(Reach(0.0, 0.2), shapes, model, rest).any()


@pytest.mark.parametrize("limit", [0.12, 0.2])
def test_no_mouth_opens_beyond_the_limit_and_wider_ones_stay_wider(limit: float, model: ShapeModel) -> None:
    rest = _motion(model, 1.0).rest
    shapes = np.zeros((100, model.size), np.float32)
    shapes[:, 0] = np.linspace(0, -8, 100)
    shapes[:, 3] = 0.3
    reached = _reached(Reach(1.0, limit), shapes, model, rest)
    opening, asked = (inner_opening(model.mouths(each, rest)) for each in (reached, shapes))
    assert asked.max() > 2 * limit
    assert opening.max() <= limit + 1e-5
    assert opening.max() > 0.95 * limit
    assert (np.diff(opening) > -1e-4).all(), "a wider one is less open"
    assert np.abs(np.diff(opening)).max() < 2 * np.abs(np.diff(asked)).max(), "the opening jumps"
    within = asked < 0.75 * limit
    assert within.any()
    np.testing.assert_allclose(reached[within], shapes[within], atol=1e-6)


def test_a_person_whose_mouth_hangs_open_rests_as_ever(model: ShapeModel) -> None:
    """Their rest lies where the opening bends towards the limit already."""
    rest = model.mouths(np.array([[-1.5, *[0] * (model.size - 1)]]), _motion(model, 0.0).rest)[0]
    own = float(inner_opening(rest[None])[0])
    shapes = np.zeros((60, model.size), np.float32)
    shapes[:, 0] = np.linspace(0, -3, 60)
    reached = _reached(Reach(1.0, 1.1 * own), shapes, model, rest)
    opening = inner_opening(model.mouths(reached, rest))
    assert opening[0] == pytest.approx(own, abs=1e-6)
    assert opening.max() <= 1.1 * own + 1e-5
    assert (np.diff(opening) > -1e-4).all()


def test_times_may_have_any_shape(model: ShapeModel) -> None:
    rest, shapes = _motion(model, 1.0).rest, _speaking(model, 4.0)
    timed = ReachedShapes(MouthShapes(np.arange(COUNT) / 25, shapes), Reach(1.0, 0.15), model, rest)
    times = np.arange(6).reshape(2, 3) / 2
    np.testing.assert_array_equal(timed.at(times), timed.at(times.ravel()).reshape(2, 3, model.size))
