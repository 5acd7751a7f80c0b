"""Which of a person's frames are kept as references: as many as fit, those that are needed, the same every time."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_person import DrawnPerson

from dubtool.face.retrieval import Looks, MouthCosts
from dubtool.face.shape import ShapeModel
from dubtool.jobs.shared.cutout import cutout_bytes
from dubtool.jobs.shared.dictionary import capacity, chosen_rows, looks_of

COUNT = 400


@pytest.fixture(scope="module")
def person(model: ShapeModel) -> DrawnPerson:
    """Opens and shuts the mouth eight times, wider each time."""
    time = np.arange(COUNT) / COUNT
    shapes = np.zeros((COUNT, model.size))
    shapes[:, 0] = -3 * time * (1 - np.cos(2 * np.pi * 8 * time))
    return DrawnPerson(model, shapes)


def _wanted(person: DrawnPerson, rows: np.ndarray) -> Looks:
    return looks_of(person.chosen, rows)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 30, 99])
@pytest.mark.parametrize("usable", [3, 10, 400])
def test_at_most_so_many_are_chosen_and_only_usable_ones(
    count: int, usable: int, person: DrawnPerson, model: ShapeModel
) -> None:
    rows = np.arange(COUNT)[:: COUNT // usable][:usable]
    chosen = chosen_rows(person.chosen, rows, _wanted(person, np.arange(50)), MouthCosts(model), count)
    assert 1 <= len(chosen) <= count
    assert len(chosen) > min(count, usable) - 4
    assert set(chosen.tolist()) <= set(rows.tolist()) and (np.diff(chosen) > 0).all()


def test_the_choice_is_the_same_every_time(person: DrawnPerson, model: ShapeModel) -> None:
    choices = [
        chosen_rows(person.chosen, np.arange(COUNT), _wanted(person, np.arange(COUNT)), MouthCosts(model), 40)
        for _ in range(2)
    ]
    assert choices[0].tolist() == choices[1].tolist()


def test_all_are_kept_where_they_fit(person: DrawnPerson, model: ShapeModel) -> None:
    rows = np.arange(0, 21)
    chosen = chosen_rows(person.chosen, rows, _wanted(person, np.arange(5)), MouthCosts(model), 21)
    assert chosen.tolist() == rows.tolist()


def test_those_are_chosen_that_are_needed(person: DrawnPerson, model: ShapeModel) -> None:
    """A speech that only opens wide needs the end of the film; one that mumbles needs its shut mouths."""
    costs, every = MouthCosts(model), np.arange(COUNT)
    opening = person.motion.opening
    for rows in (
        np.flatnonzero(opening > np.quantile(opening, 0.9)),
        np.flatnonzero(opening < np.quantile(opening, 0.15)),
    ):
        wanted = _wanted(person, rows)
        chosen = chosen_rows(person.chosen, every, wanted, costs, 12)
        evenly = every[:: COUNT // 12][:12]
        needed, blind = (costs(wanted, looks_of(person.chosen, each)).min(axis=1).mean() for each in (chosen, evenly))
        assert needed < 0.6 * blind


def test_memory_bounds_how_many_fit(person: DrawnPerson) -> None:
    each = cutout_bytes(person.motion)
    assert capacity(person.motion, int(10.5 * each)) == 10
    assert capacity(person.motion, 1) == 1, "one is needed"
    usual = capacity(person.motion, None)
    assert usual > 200
    assert usual * each < 256 * 2**20


def test_long_films_are_weighed_in_parts(person: DrawnPerson, model: ShapeModel) -> None:
    """All costs at once of a film of minutes would take tens of megabytes more than those of a short one."""
    sizes = []

    class Watched(MouthCosts):
        def __call__(self, wanted: Looks, candidates: Looks) -> np.ndarray:
            found = super().__call__(wanted, candidates)
            sizes.append(found.nbytes)
            return found

    wanted = _wanted(person, np.arange(5000) % COUNT)
    chosen_rows(person.chosen, np.arange(COUNT), wanted, Watched(model), 40)
    assert len(sizes) > 1 and max(sizes) <= 2**20
