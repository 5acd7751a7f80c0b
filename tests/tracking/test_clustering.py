from __future__ import annotations

import numpy as np

from dubtool.tracking.clustering import clusters


def _around(directions: list[int], spread: float = 0.1) -> np.ndarray:
    """Unit vectors near axes."""
    vectors = np.eye(8)[directions] + spread * np.random.default_rng(0).normal(size=(len(directions), 8))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def _nobody_apart(count: int) -> np.ndarray:
    return np.zeros((count, count), bool)


def test_faces_that_are_alike_are_one_person() -> None:
    owners = [2, 0, 2, 1, 0, 1, 2, 0]
    found = clusters(_around(owners), _nobody_apart(8), 0.5)
    assert found == [[0, 2, 6], [1, 4, 7], [3, 5]]


def test_two_that_are_seen_at_once_are_two_however_alike() -> None:
    apart = _nobody_apart(4)
    apart[0, 1] = apart[1, 0] = True
    found = clusters(_around([0, 0, 0, 0], 0.05), apart, 0.5)
    assert len(found) == 2 and all(len({0, 1} & set(group)) == 1 for group in found)


def test_groups_are_joined_by_their_mean_and_not_by_their_nearest_faces() -> None:
    angles = np.radians([0, 40, 80, 120])
    chain = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    assert len(clusters(chain, _nobody_apart(4), 0.5)) == 2


def test_nobody_and_one() -> None:
    assert clusters(np.empty((0, 8), np.float32), _nobody_apart(0), 0.5) == []
    assert clusters(_around([3]), _nobody_apart(1), 0.5) == [[0]]
