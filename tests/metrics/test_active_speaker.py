from __future__ import annotations

import numpy as np
import pytest

from dubtool.metrics.active_speaker import NOBODY, Evidence, active_speaker, stretches

LEFT, RIGHT = 0, 1
# How a mouth fits its own voice, another's, and how it does while nobody speaks.
_OWN, _STRANGE, _HUSH = 0.55, 0.05, 0.25


class Scene:
    """What two faces do, stretch by stretch, at 25 moments a second."""

    def __init__(self) -> None:
        self._rng = np.random.default_rng(0)
        self._parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self.truth: list[int] = []

    def add(
        self, count: int, speaker: int, heard: bool = True, moving: tuple[int, ...] = (), seen: tuple[int, ...] = (0, 1)
    ) -> Scene:
        usual = np.full(2, _STRANGE if heard else _HUSH)
        if speaker != NOBODY:
            usual[speaker] = _OWN
        fits = usual + self._rng.normal(0, 0.15, (count, 2))
        openings = self._rng.normal(0.1, 0.0005, (count, 2))
        for who in {speaker, *moving} - {NOBODY}:
            openings[:, who] += self._rng.normal(0, 0.03, count)
        gone = [who for who in (LEFT, RIGHT) if who not in seen]
        fits[:, gone], openings[:, gone] = np.nan, np.nan
        self._parts.append((fits, openings, np.full(count, heard)))
        self.truth += [speaker] * count
        return self

    @property
    def evidence(self) -> Evidence:
        fits, openings, voiced = (np.concatenate(each) for each in zip(*self._parts, strict=True))
        return Evidence(fits.astype(np.float32), openings.astype(np.float32), voiced)

    def right(self) -> float:
        """The share of moments that are told right."""
        return float((active_speaker(self.evidence) == np.array(self.truth)).mean())


def test_two_who_take_turns_are_told_apart() -> None:
    assert Scene().add(60, LEFT).add(75, RIGHT).add(50, LEFT).right() > 0.97


def test_nobody_speaks_in_silence_however_well_mouths_fit_it() -> None:
    scene = Scene().add(60, LEFT).add(40, NOBODY, heard=False).add(60, RIGHT)
    assert scene.right() > 0.97
    assert (active_speaker(scene.evidence)[65:95] == NOBODY).all()


@pytest.mark.parametrize("moving", [(), (LEFT, RIGHT)])
def test_a_voice_off_screen_is_nobodys_even_where_mouths_move(moving: tuple[int, ...]) -> None:
    assert Scene().add(60, LEFT).add(70, NOBODY, moving=moving).add(60, RIGHT).right() > 0.97


def test_a_turn_goes_on_over_a_short_pause_and_not_over_a_long_one() -> None:
    short = Scene().add(60, LEFT).add(10, NOBODY, heard=False).add(60, LEFT)
    assert (active_speaker(short.evidence) == LEFT).all()
    long = Scene().add(60, LEFT).add(40, NOBODY, heard=False).add(60, LEFT)
    assert (active_speaker(long.evidence)[62:98] == NOBODY).all()


def test_turns_begin_and_end_with_their_voice() -> None:
    scene = Scene().add(30, NOBODY, heard=False).add(60, RIGHT).add(30, NOBODY, heard=False)
    assert stretches(active_speaker(scene.evidence)) == [(0, 30, NOBODY), (30, 90, RIGHT), (90, 120, NOBODY)]


def test_a_face_that_is_not_seen_does_not_speak() -> None:
    scene = Scene().add(60, LEFT, seen=(LEFT,)).add(60, NOBODY, seen=(RIGHT,)).add(60, LEFT, seen=(LEFT,))
    told = active_speaker(scene.evidence)
    assert (told[:60] == LEFT).mean() > 0.95 and (told[60:120] == NOBODY).all()


def test_a_mouth_that_is_badly_seen_is_measured_by_itself() -> None:
    """One that never fits its own voice well is no stranger to it."""
    scene = Scene().add(100, LEFT).add(100, RIGHT).add(100, LEFT).add(100, RIGHT)
    evidence = scene.evidence
    evidence.fits[:, RIGHT] *= 0.5
    assert (active_speaker(evidence) == np.array(scene.truth)).mean() > 0.95


def test_nothing_to_tell() -> None:
    nothing = np.empty((5, 0), np.float32)
    assert active_speaker(Evidence(nothing, nothing, np.ones(5, bool))).tolist() == [NOBODY] * 5
    assert stretches(np.empty(0, int)) == []
