from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from dubtool.errors import InputError
from dubtool.training.predictor import SpokenClip
from dubtool.training.syncnet import FRAMES, STEPS, SyncPairs, SyncStage, _neighbours, _sound, accuracy

STAGE = SyncStage(hidden=8, min_natural=0)


@pytest.fixture(scope="module")
def pairs(data: Path) -> SyncPairs:
    return SyncPairs(data / "clips", "train", STAGE, augment=False)


def test_a_batch_has_true_and_false_pairs_of_the_right_shapes(pairs: SyncPairs) -> None:
    batch = pairs.seeded(0, 1).batch(40)
    assert batch.mouths.shape == (40, 3 * FRAMES, 64, 64) and batch.mouths.max() <= 1
    assert batch.sounds.shape == (40, 6, STEPS)
    assert 8 < batch.true.sum() < 32


def test_true_sounds_are_those_of_the_mouth_and_false_ones_are_not(pairs: SyncPairs) -> None:
    batch = pairs.seeded(0, 2).batch(40)
    for mouths, sound, true in zip(batch.mouths, batch.sounds, batch.true, strict=True):
        # The grey of the middle picture tells the row, the sound must be that of some clip at that row.
        row = round((float(mouths[3 * (FRAMES // 2)].mean()) * 255 - 50) / 4)
        own = [_sound(clip, 0, clip.times[row]) for clip in pairs.spoken.values()]
        fits = any(np.allclose(sound.numpy(), each) for each in own)
        assert fits == bool(true)


def test_neighbours_are_a_25th_apart_at_any_rate() -> None:
    assert _neighbours(np.arange(40) / 25, 10) == [8, 9, 10, 11, 12]
    assert _neighbours(np.arange(40) / 50, 10) == [6, 8, 10, 12, 14]
    assert _neighbours(np.arange(40) / 25, 0) == [0, 0, 0, 1, 2]


def test_a_stretched_voice_is_heard_where_it_speaks() -> None:
    """Version 1 is slower by a tenth and starts later; at the same moment both must say the same."""
    tone = np.random.default_rng(0).normal(0, 1, (400, 5))
    clean = tone[:200]
    places = np.arange(240) / 50
    # Vector j of version 1 stands at video time (j / 50 + 0.1) * 0.9.
    source = (places + 0.1) * 0.9 * 50
    slower = np.stack([np.interp(source, np.arange(400), column) for column in tone.T], axis=1)
    clip = SpokenClip("a", "a", ((clean, 0.0, 1.0), (slower, 0.1, 0.9)), np.arange(80) / 25, np.empty(0), np.empty(0))
    middle = STEPS // 2
    for time in (0.99, 1.44, 1.98):
        assert np.allclose(_sound(clip, 0, time)[:, middle], _sound(clip, 1, time)[:, middle], atol=1e-6)


class _Oracle(torch.nn.Module):
    """Scores a sound by its distance from the one in sync, which comes first."""

    def __init__(self, sign: float) -> None:
        super().__init__()
        self.sign = torch.nn.Parameter(torch.tensor(sign))

    def forward(self, mouths: Tensor, sounds: Tensor) -> Tensor:
        return -self.sign * (sounds - sounds[:1]).square().sum((1, 2))[:, None, None, None]


def test_accuracy_of_cases_whose_answer_is_known(pairs: SyncPairs) -> None:
    assert accuracy(_Oracle(1.0), pairs, 20) == 1.0  # type: ignore[arg-type]
    assert accuracy(_Oracle(-1.0), pairs, 20) == 0.0  # type: ignore[arg-type]


def test_no_clips_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="train prepare"):
        SyncPairs(tmp_path, "train", STAGE, augment=False)
