from __future__ import annotations

import numpy as np
import pytest

from dubtool.metrics.closures import Closures, closures, hits_at

SHUT, OPEN = 0.01, 0.12


def mouth(*shut: int, size: int = 60) -> np.ndarray:
    """Open, but for two frames from each of `shut` on."""
    opening = np.full(size, OPEN)
    for start in shut:
        opening[start : start + 2] = SHUT
    return opening


def test_a_closure_two_frames_late_is_met_and_one_of_three_is_not() -> None:
    assert closures(mouth(14), mouth(11)) == Closures(real=1, dub=1, met=1, justified=1)
    assert closures(mouth(16), mouth(11)) == Closures(real=1, dub=1, met=0, justified=0)


def test_precision_and_recall_of_known_counts() -> None:
    found = closures(mouth(10, 30, 40, 50), mouth(10, 20, 30))
    assert (found.precision, found.recall) == (0.5, pytest.approx(2 / 3))
    assert found.f1 == pytest.approx(2 * 2 / (4 + 3))


def test_a_long_pause_is_one_closure() -> None:
    real = mouth(10)
    real[30:55] = SHUT
    assert closures(mouth(10), real).recall == 0.5


def test_a_mouth_that_never_shuts_scores_nothing_and_one_with_nothing_to_shut_for_is_not_scored() -> None:
    assert closures(mouth(), mouth(10)).f1 == 0.0
    assert np.isnan(closures(mouth(10), mouth()).f1)


def test_unseen_frames_are_no_closures_of_either() -> None:
    dub = mouth(20)
    dub[9:13] = np.nan
    assert closures(dub, mouth(10, 20)) == Closures(real=1, dub=1, met=1, justified=1)


def test_lips_meet_at_phones_within_two_frames() -> None:
    times = np.arange(60) / 25
    phones = [(10 / 25, 12 / 25), (26 / 25, 28 / 25), (40 / 25, 42 / 25)]
    assert hits_at(mouth(10, 22), times, phones) == (1, 3)
    assert hits_at(mouth(10, 23), times, phones) == (2, 3)
