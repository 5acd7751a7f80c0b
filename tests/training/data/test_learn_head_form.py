from __future__ import annotations

import numpy as np
import pytest

from dubtool.errors import InputError
from dubtool.face.topology import TRACKED, tracked
from dubtool.tracking.head_form import likeness
from dubtool.training.data.head_form import head_form_of

MOVING = tracked((13, 14, 17, 152))
FRAMES = 12


def people(count: int, seed: int) -> list[np.ndarray]:
    """People who differ a little everywhere, and who move their lips and chin far more."""
    common = np.random.default_rng(0).normal(size=(len(TRACKED), 3)) * 0.3
    common[tracked((33, 263))] = (-0.5, 0, 0), (0.5, 0, 0)
    random = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        head = common + 0.02 * random.normal(size=common.shape)
        frames = np.repeat(head[None], FRAMES, axis=0) + 0.004 * random.normal(size=(FRAMES, *head.shape))
        frames[:, MOVING] += 0.2 * random.normal(size=(FRAMES, 1, 3))
        found.append((100 * frames).astype(np.float32))
    return found


def test_what_people_differ_by_counts_and_what_they_do_does_not() -> None:
    form = head_form_of(people(40, 1), size=16)
    strangers = people(12, 2)
    forms = [form.vectors(points)[0] for points in strangers]
    first, second = (np.stack([each[half].mean(axis=0) for each in forms]) for half in (slice(0, 6), slice(6, None)))
    alike = likeness(first[:, None], second[None])
    apart = ~np.eye(len(strangers), dtype=bool)
    assert alike.diagonal().min() > 0.7 > alike[apart].max()
    mouth = np.abs(form.projection.reshape(len(TRACKED), 2, -1)[MOVING].mean(axis=0)).mean()
    assert mouth < 0.2 * np.abs(form.projection).mean(), "all of them moving together tells nothing"


def test_people_count_alike_however_often_they_are_seen() -> None:
    few, strangers = people(20, 1), np.stack([points[0] for points in people(12, 2)])
    often = [np.concatenate([few[0]] * 30), *few[1:]]
    found = []
    for learned_from in (few, often):
        forms = head_form_of(learned_from, 8).vectors(strangers)[0]
        found.append(likeness(forms[:, None], forms[None]))
    np.testing.assert_allclose(*found, atol=0.1)


def test_too_few_people_are_refused() -> None:
    with pytest.raises(InputError, match="more than 8 people, and here are 8"):
        head_form_of(people(8, 1), 8)
