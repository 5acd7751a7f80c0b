"""Choosing a person's own frames: what looks cost, and that the way over time is the cheapest there is."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest

from dubtool.face.retrieval import Looks, MouthCosts, cheapest_path, nearest_apart
from dubtool.face.shape import ShapeModel


def _looks(model: ShapeModel, count: int, seed: int) -> Looks:
    rng = np.random.default_rng(seed)
    shapes = rng.normal(0, 1, (count, model.size)).astype(np.float32)
    return Looks(shapes, rng.normal(0, 10, (count, 3)).astype(np.float32), rng.integers(0, 3, count))


def test_the_same_look_costs_nothing_and_costs_are_symmetric(model: ShapeModel) -> None:
    costs = MouthCosts(model)
    one, other = _looks(model, 12, 0), _looks(model, 9, 1)
    assert np.abs(np.diag(costs(one, one))).max() < 2e-3
    there, back = costs(one, other), costs(other, one)
    assert there.shape == (12, 9) and there.dtype == np.float32 and (there > 0.01).all()
    np.testing.assert_allclose(there, back.T, atol=1e-5)


def test_the_cost_of_a_shape_is_a_distance_of_lips_in_eye_distances(model: ShapeModel) -> None:
    """A mode as large as another one by what the lips do costs as much; twice the shape costs twice as much."""
    zero = Looks(np.zeros((1, model.size), np.float32), np.zeros((1, 3), np.float32), np.zeros(1, int))
    shapes = np.eye(model.size, dtype=np.float32)
    single = MouthCosts(model)(zero, replace(_alike(zero, model.size), shapes=shapes))[0]
    double = MouthCosts(model)(zero, replace(_alike(zero, model.size), shapes=2 * shapes))[0]
    np.testing.assert_allclose(double, 2 * single, rtol=1e-4)
    moved = np.sqrt(np.square(model.basis).sum(axis=2))
    assert (single > moved.min(axis=1)).all() and (single < moved.max(axis=1)).all()


def test_pose_and_shot_add_to_the_cost(model: ShapeModel) -> None:
    costs = MouthCosts(model)
    own = _looks(model, 1, 2)
    other = replace(own, shapes=own.shapes + 0.5)
    plain = costs(own, other)[0, 0]
    for axis in (0, 1):
        turned = [replace(other, angles=other.angles + d * np.eye(3, dtype=np.float32)[axis]) for d in (10, -10, 20)]
        near, back, far = (costs(own, each)[0, 0] - plain for each in turned)
        assert near > 0.01 and back == pytest.approx(near, rel=1e-3) and far == pytest.approx(2 * near, rel=1e-3)
    rolled = replace(other, angles=other.angles + np.array([0, 0, 20], np.float32))
    assert costs(own, rolled)[0, 0] == pytest.approx(plain, abs=1e-6), "crops turn with the head's roll"
    assert costs(own, replace(other, shots=own.shots + 1))[0, 0] > plain + 0.01
    here, coarser, finer = (np.array([size]) for size in (200.0, 100.0, 400.0))
    known = [replace(other, sizes=sizes) for sizes in (here, coarser, finer)]
    same, blurred, sharp = (costs(replace(own, sizes=here), each)[0, 0] - plain for each in known)
    assert blurred > 0.02 and same == sharp == 0, "a face that is seen from farther away has less to show"
    assert costs(replace(own, sizes=here), other)[0, 0] == plain


def _alike(looks: Looks, count: int) -> Looks:
    return looks[np.zeros(count, int)]


@pytest.fixture(scope="module")
def change_cost() -> float:
    """What a change costs, found by trying: between two frames far apart, the second of which is better later on."""
    low, high = 0.0, 10.0
    for _ in range(40):
        middle = (low + high) / 2
        costs = np.array([[0, 99], [middle, 0]], np.float64)
        changed = cheapest_path(costs, np.array([0, 10]))[1] == 1
        low, high = (low, middle) if changed else (middle, high)
    assert 0.01 < high < 5, "a change costs something"
    return high


def _total(path: tuple[int, ...], costs: np.ndarray, frames: np.ndarray, start: int | None, change: float) -> float:
    steps = path if start is None else (start, *path)
    changes = sum(abs(int(frames[a]) - int(frames[b])) > 1 for a, b in pairwise(steps))
    return float(sum(costs[moment, each] for moment, each in enumerate(path))) + change * changes


@pytest.mark.parametrize("seed", range(24))
def test_no_path_is_cheaper(seed: int, change_cost: float) -> None:
    rng = np.random.default_rng(seed)
    moments, count = int(rng.integers(1, 6)), int(rng.integers(1, 6))
    frames = np.sort(rng.choice(8, count, replace=False))
    costs = rng.uniform(0, 4 * change_cost, (moments, count))
    for start in (None, *range(count)):
        path = tuple(cheapest_path(costs, frames, start).tolist())
        found = _total(path, costs, frames, start, change_cost)
        best = min(_total(each, costs, frames, start, change_cost) for each in product(range(count), repeat=moments))
        assert found == pytest.approx(best, abs=1e-9), (start, path)


def test_what_was_filmed_goes_on_as_it_was_filmed() -> None:
    costs = np.full((5, 6), 0.01)
    costs[np.arange(5), np.arange(5)] = 0.0
    assert cheapest_path(costs, np.arange(6)).tolist() == [0, 1, 2, 3, 4]
    assert cheapest_path(costs[:, ::-1], np.arange(6)).tolist() == [5, 4, 3, 2, 1]
    # The same candidates with holes between them: each step would be a change.
    assert len(set(cheapest_path(costs, 2 * np.arange(6)).tolist())) == 1


def test_the_nearest_ones_keep_their_distance() -> None:
    rng = np.random.default_rng(4)
    costs, frames = rng.uniform(0, 1, (50, 40)), np.sort(rng.choice(90, 40, replace=False))
    found = nearest_apart(costs, frames, 4, 5)
    assert found.shape == (50, 4) and found.dtype == np.int32
    for moment, row in enumerate(found):
        wanted: list[int] = []
        for each in np.argsort(costs[moment]):
            if len(wanted) < 4 and all(abs(frames[each] - frames[other]) >= 5 for other in wanted):
                wanted.append(int(each))
        assert row.tolist() == wanted


def test_where_there_are_no_more_candidates_minus_one_says_so() -> None:
    found = nearest_apart(np.array([[0.3, 0.1, 0.2, 0.4]]), np.array([0, 1, 2, 9]), 4, 3)
    assert found.tolist() == [[1, 3, -1, -1]]
    assert nearest_apart(np.array([[0.5]]), np.array([7]), 3, 3).tolist() == [[0, -1, -1]]
