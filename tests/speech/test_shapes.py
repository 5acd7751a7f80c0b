from __future__ import annotations

import numpy as np
import pytest

from dubtool.speech.shapes import Closing

# Two coefficients open, the third is another matter.
OPENING = np.array([0.06, -0.08, 0.0], np.float32)


def _shapes(openings: list[float]) -> np.ndarray:
    """Shapes that open so far, all with the same third coefficient."""
    along = np.outer(openings, OPENING / (OPENING @ OPENING))
    return (along + np.array([0.0, 0.0, 0.7])).astype(np.float32)


def test_lips_that_nearly_meet_are_made_to_and_wide_ones_stay_wide() -> None:
    closed = Closing(0.025, OPENING).close(_shapes([0.02, 0.025, 0.1, 0.3]))
    assert closed @ OPENING == pytest.approx([0.0078, 0.0125, 0.0941, 0.2979], abs=1e-4)


def test_nothing_but_the_opening_changes() -> None:
    shapes = _shapes([0.03, 0.2]) + np.array([0.8, 0.6, 0.0], np.float32)
    change = Closing(0.025, OPENING).close(shapes) - shapes
    assert np.abs(change @ np.array([0.8, 0.6, 0.0])).max() < 1e-6
    assert np.abs(change[:, 2]).max() == 0


def test_what_is_shut_already_stays_as_it_is() -> None:
    shapes = _shapes([0.0, -0.04])
    assert Closing(0.025, OPENING).close(shapes) == pytest.approx(shapes)


def test_wider_mouths_stay_wider() -> None:
    openings = np.linspace(0, 0.4, 200)
    assert (np.diff(Closing(0.025, OPENING).close(_shapes(list(openings))) @ OPENING) > -1e-7).all()
