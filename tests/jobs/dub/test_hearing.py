from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dubbing_place import Cut

from dubtool.engine.side_by_side import SideBySide
from dubtool.errors import InputError, WeightsError
from dubtool.jobs.dub import hearing, kept_hearing
from dubtool.jobs.dub.hearing import Hearing
from dubtool.jobs.dub.kept_hearing import KeptExtractor
from dubtool.media.audio import load_speech
from dubtool.media.probe import probe
from dubtool.speech.features import SpeechFeatures
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


def test_what_was_heard_before_is_not_heard_again(
    tmp_path: Path, speech: Path, cut: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    sound = load_speech(speech, tmp_path).path
    film = probe(cut("heard.mp4", "-t", 1, "-preset", "ultrafast"))
    folder = tmp_path / "film"
    folder.mkdir()
    opened: list[str] = []
    monkeypatch.setattr(hearing, "find", lambda name: opened.append(name) or find(name))

    def heard(of: Path, *, cache: bool = True) -> list[np.ndarray]:
        with SideBySide(2) as threads:
            one = Hearing(threads, "cpu", 1, cache=cache)
            one.begin(of)
            found = [one.shapes(of).at(TIMES), one.film_shapes(film, folder).at(TIMES)]
            one.forget()
        return found

    first = heard(sound)
    assert len(opened) == 2
    for cache, networks in ((True, 2), (False, 4)):
        again = heard(sound, cache=cache)
        assert len(opened) == networks
        for before, now in zip(first, again, strict=True):
            np.testing.assert_array_equal(before, now)

    # Another sound is heard, and a file that is damaged counts for nothing.
    heard(load_speech(cut("shorter.wav", "-t", 0.7, source="speech.wav"), folder).path)
    assert len(opened) == 6
    for kept in (tmp_path / "cache").rglob("*.heard.npz"):
        kept.write_bytes(kept.read_bytes()[:200])
    np.testing.assert_array_equal(heard(sound)[0], first[0])
    assert len(opened) == 8


def test_what_is_kept_grows_with_what_is_asked(tmp_path: Path, speech: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a long sound one command may have asked for the beginning alone."""

    class Slow:
        first, last, chunk, dimension = -2, 30, 10, 1

        def __init__(self) -> None:
            self.computed = list[int]()

        def compute(self, first: int, count: int) -> np.ndarray:
            self.computed.append(first)
            return np.arange(first, first + count, dtype=np.float32)[:, None]

    made: list[Slow] = []

    def make() -> Slow:
        made.append(Slow())
        return made[-1]

    for wanted, computed in (([0], [-2]), ([0, 9], [8]), ([0, 9, 30], [28]), ([3, 30], None)):
        kept = KeptExtractor(tmp_path / "kept.npz", make)  # type: ignore[arg-type]
        found = SpeechFeatures(kept).at(np.array(wanted) / kept.rate)
        kept.keep()
        assert found[:, 0].tolist() == pytest.approx(wanted)
        assert (made.pop().computed if made else None) == computed


def test_nothing_is_kept_of_networks_that_are_not_known(
    tmp_path: Path, speech: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(kept_hearing, "digests", lambda names: {})
    with SideBySide(2) as threads:
        heard = Hearing(threads, "cpu", 1, cache=True)
        heard.shapes(load_speech(speech, tmp_path).path).at(TIMES)
        heard.forget()
    assert not list((tmp_path / "cache").rglob("*.npz"))
