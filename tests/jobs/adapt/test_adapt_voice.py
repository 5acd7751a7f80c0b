"""The range of a person's mouth, heard in their own video."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dubtool.face.shape import MOUTH, ShapeModel, inner_opening
from dubtool.face.topology import INNER_LIP, OUTER_LIP
from dubtool.jobs.adapt import voice
from dubtool.jobs.adapt.material import Subject
from dubtool.jobs.shared import own_words

RATE, SECONDS = 25, 12
_TOP, _BOTTOM = len(OUTER_LIP) + INNER_LIP.index(13), len(OUTER_LIP) + INNER_LIP.index(14)


def _opening(times: np.ndarray) -> np.ndarray:
    """A mouth that speaks: never twice the same."""
    return 1.5 + np.sin(11 * times) + 0.4 * np.sin(4.7 * times + 1)


@pytest.fixture
def subject() -> Subject:
    """Somebody whose mouth opens as `_opening` says, in a video with sound."""
    basis = np.zeros((1, len(MOUTH), 3), np.float32)
    basis[0, _BOTTOM, 1] = 0.05
    times = np.arange(SECONDS * RATE) / RATE
    motion = SimpleNamespace(
        coefficients=_opening(times)[:, None].astype(np.float32),
        rest=np.zeros((len(MOUTH), 3), np.float32),
        covered=np.zeros(len(times), bool),
        opening_of=lambda model, shapes: inner_opening(model.mouths(shapes, np.zeros((len(MOUTH), 3), np.float32))),
    )
    info = SimpleNamespace(audio=("sound",), path=Path("video.mp4"), require_video=lambda: SimpleNamespace(start=0))
    model = ShapeModel(np.zeros((1, 3), np.float32), basis)
    return Subject(info, motion, times, model)  # type: ignore[arg-type]


@pytest.fixture
def hear(monkeypatch: pytest.MonkeyPatch) -> Any:
    """hear(function): what the predictor says of the sound at each moment."""

    def install(heard: Any) -> None:
        monkeypatch.setattr(own_words, "load_speech", lambda path, folder: SimpleNamespace(path=path))
        predicted = SimpleNamespace(at=lambda times: heard(times)[:, None].astype(np.float32))
        monkeypatch.setattr(own_words, "speech_shapes", lambda *arguments, **more: predicted)

    return install


def test_a_predictor_that_moves_too_little_is_made_to_move_more(subject: Subject, hear: Any) -> None:
    hear(lambda times: 0.75 * _opening(times))
    found = voice.fit_voice(subject, "cpu")
    assert found.used
    # 0.7 of what is missing.
    assert found.scale == pytest.approx(1 + 0.7 * (1 / 0.75 - 1), abs=0.02)
    assert found.after < found.before
    assert (found.lag, found.r) == (0, pytest.approx(1.0, abs=0.01))


def test_late_sound_is_found(subject: Subject, hear: Any) -> None:
    hear(lambda times: 0.75 * _opening(times - 3 / RATE))
    assert voice.fit_voice(subject, "cpu").lag == 3


def test_the_scale_is_bounded(subject: Subject, hear: Any) -> None:
    hear(lambda times: 0.1 * _opening(times))
    assert voice.fit_voice(subject, "cpu").scale == 1.4


def test_another_persons_speech_changes_nothing(subject: Subject, hear: Any) -> None:
    rng = np.random.default_rng(0)
    hear(lambda times: rng.normal(0, 1, len(times)))
    found = voice.fit_voice(subject, "cpu")
    assert (found.used, found.scale) == (False, 1.0)
    assert "not this face's speech" in found.why


def test_a_range_that_is_right_stays(subject: Subject, hear: Any) -> None:
    """One half wider, the other narrower: what one half tells makes the other worse."""
    middle = SECONDS / 2
    hear(lambda times: _opening(times) * np.where(times < middle, 1.25, 0.8))
    found = voice.fit_voice(subject, "cpu")
    assert (found.used, found.scale) == (False, 1.0)
    assert found.after > found.before
