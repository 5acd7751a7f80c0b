from __future__ import annotations

import numpy as np
import pytest
import torch

from dubtool.speech.mel import WHISPER_WINDOW, log_mel
from dubtool.training.data.sounds import SoundClip
from dubtool.training.predictor.plan import NOWHERE, SpeechPlan, SpeechPlanner
from dubtool.training.predictor.windows import SpeechWindowMaker

VECTORS, RATE = 60, 16000


def _clip(number: int, person: str, seconds: float = 1.5) -> SoundClip:
    rng = np.random.default_rng(number)
    samples = (rng.normal(0, 0.1, int(seconds * RATE)) * 32768).astype(np.int16)
    times = np.arange(int(seconds * 25)) / 25
    shapes = np.stack([times + 10 * number, np.sin(9 * times)], axis=1).astype(np.float32)
    return SoundClip(f"clip{number}", person, samples, times, shapes, np.zeros((55, 3)))


def _plan(*pieces: tuple[int, int, int, int], hop: int = 160, pitch: int = -1, quiet: bool = False) -> SpeechPlan:
    columns = np.array([(-NOWHERE, pieces[0][0] if pieces else NOWHERE, -1, 0), *pieces], np.int64).T[:, None]
    return SpeechPlan(*map(np.ascontiguousarray, columns), np.array([hop]), np.array([pitch]), np.array([quiet]), 0)


def test_an_unchanged_window_is_what_is_heard_at_work() -> None:
    clip = _clip(1, "ann")
    maker = SpeechWindowMaker([clip], VECTORS, changed=False)
    made = maker(_plan((0, len(clip.samples), 0, 0)))
    # Frame 0 is centred half a window after the window's first sample; near the ends the clip fades.
    wanted = log_mel(clip.sound[WHISPER_WINDOW // 2 :])[:, 4 : 2 * VECTORS]
    np.testing.assert_allclose(made.mel[0, :, 4:].numpy(), wanted, atol=2e-3)
    seconds = (np.arange(VECTORS) * 320 + WHISPER_WINDOW // 2) / RATE
    np.testing.assert_allclose(made.shapes[0, 0].numpy(), 10 + seconds, atol=1e-3)
    # The last frame is seen at 1.44 s; the window ends before.
    assert made.known[0, 0, 3:].min() == 1


def test_a_faster_tempo_moves_sound_and_shapes_alike() -> None:
    clip = _clip(1, "ann", seconds=1.3)
    made = SpeechWindowMaker([clip], VECTORS, changed=False)(_plan((0, len(clip.samples), 0, 0), hop=184))
    seconds = (np.arange(VECTORS) * 368 + WHISPER_WINDOW // 2) / RATE
    seen = seconds < 1.24
    np.testing.assert_allclose(made.shapes[0, 0, seen].numpy(), 10 + seconds[seen], atol=1e-3)
    # What lies behind the last frame is not known.
    assert made.known[0, 0, seconds > 1.26].max() == 0


def test_a_higher_pitch_moves_a_tone_up() -> None:
    tone = (np.sin(2 * np.pi * 1000 * np.arange(2 * RATE) / RATE) * 9000).astype(np.int16)
    clip = SoundClip("tone", "ann", tone, np.arange(50) / 25, np.zeros((50, 2), np.float32), np.zeros((55, 3)))
    maker = SpeechWindowMaker([clip], VECTORS, changed=False)
    loudest = [int(maker(_plan((0, len(tone), 0, 0), pitch=pitch)).mel[0, :, 30].argmax()) for pitch in (0, -1, 31)]
    assert loudest[0] < loudest[1] < loudest[2]


def test_silence_between_pieces_is_unknown_and_a_longer_one_rests() -> None:
    clip = _clip(1, "ann")
    short = _plan((0, 6400, 0, 0), (6400, 9600, -1, 0), (9600, NOWHERE, 0, 0))
    maker = SpeechWindowMaker([clip], VECTORS, changed=False)
    known = maker(short).known[0, 0]
    assert known[21:29].max() == 0 and known[3:18].min() == 1
    made = maker(_plan((0, 3200, 0, 0), (3200, NOWHERE, -1, 0)))
    assert 0 < float(made.known[0, 0, 40]) < 1
    assert made.shapes[0, :, 40].abs().max() == 0
    quiet = maker(_plan(quiet=True))
    assert quiet.known.min() == 1 and quiet.shapes.abs().max() == 0


def test_a_window_holds_one_persons_clips() -> None:
    clips = [_clip(number, "ann" if number < 3 else "bob") for number in range(5)]
    planner = SpeechPlanner(clips, np.random.default_rng(0), vectors=200, balance=0.5, silence=0.2)
    plan = planner.draw(40)
    assert 0 < plan.quiet.sum() < 20
    for row in range(40):
        spoken = plan.source[row] >= 0
        assert spoken.any() != plan.quiet[row]
        people = {clips[number].person for number in plan.clip[row, spoken]}
        assert len(people) <= 1
        assert (np.diff(plan.start[row]) >= 0).all()
        # Pieces follow one another without a hole.
        used = np.flatnonzero(plan.start[row] < NOWHERE)
        np.testing.assert_array_equal(plan.stop[row, used[:-1]], plan.start[row, used[1:]])
    again = planner.seeded(3).draw(4)
    np.testing.assert_array_equal(again.start, planner.seeded(3).draw(4).start)


@pytest.mark.parametrize("quiet", [False, True])
def test_changed_windows_are_finite_and_differ(quiet: bool) -> None:
    clip = _clip(1, "ann")
    pieces = () if quiet else ((0, len(clip.samples), 0, 0),)
    maker = SpeechWindowMaker([clip], VECTORS)
    torch.manual_seed(0)
    first, second = (maker(_plan(*pieces, quiet=quiet)).mel for _ in range(2))
    assert torch.isfinite(first).all() and torch.isfinite(second).all()
    assert (first - second).abs().max() > 0.1
