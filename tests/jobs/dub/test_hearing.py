from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dubbing_place import Cut

from dubtool.engine.side_by_side import SideBySide
from dubtool.errors import InputError, WeightsError
from dubtool.jobs.dub import hearing
from dubtool.jobs.dub.hearing import Hearing
from dubtool.media.audio import load_speech
from dubtool.media.probe import probe
from dubtool.weights.locate import find

TIMES = np.arange(0, 0.4, 0.04)


def test_what_is_heard_beforehand_is_what_is_heard_later(tmp_path: Path, speech: Path) -> None:
    sound = load_speech(speech, tmp_path).path
    with SideBySide(2) as threads:
        early, late = Hearing(threads, "cpu", 1), Hearing(threads, "cpu", 1)
        early.begin(sound)
        np.testing.assert_array_equal(early.shapes(sound).at(TIMES), late.shapes(sound).at(TIMES))


def test_two_sounds_share_their_networks_until_these_are_let_go(
    tmp_path: Path, speech: Path, cut: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(hearing, "find", lambda name: opened.append(name) or find(name))
    other = load_speech(cut("other.wav", "-ss", 1.5, "-t", 0.4, source="speech.wav"), tmp_path).path
    with SideBySide(2) as threads:
        both = Hearing(threads, "cpu", 1)
        both.begin(load_speech(speech, tmp_path).path)
        both.begin(other)
        both.shapes(other)
        both.forget()
        assert len(opened) == 2
        both.shapes(other)
        assert len(opened) == 4


def test_errors_come_when_the_shapes_are_asked_for(
    tmp_path: Path, clip: Path, speech: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound, silent = load_speech(speech, tmp_path).path, probe(clip)
    with SideBySide(2) as threads:
        heard = Hearing(threads, "cpu", 1)
        monkeypatch.setattr(hearing, "find", lambda name: tmp_path / name)
        heard.begin(sound)
        heard.begin_film(silent, tmp_path)
        with pytest.raises(WeightsError, match="weights verify"):
            heard.shapes(sound)
        if not silent.audio:
            with pytest.raises(InputError):
                heard.film_shapes(silent, tmp_path)
