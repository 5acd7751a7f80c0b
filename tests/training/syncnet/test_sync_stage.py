from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from dubtool.errors import InputError
from dubtool.training.core.stage import FRAMES
from dubtool.training.data.spoken import SpokenClip
from dubtool.training.syncnet.stage import STEPS, SyncStage
from dubtool.training.syncnet.trainer import (
    SyncPairs,
    SyncTrainer,
    accuracy,
    load_syncnet,
    new_syncnet,
    settle,
    sound_window,
)

STAGE = SyncStage(hidden=8, min_natural=0)


@pytest.fixture(scope="module")
def pairs(data: Path) -> SyncPairs:
    return SyncPairs(data / "clips", "train", STAGE, augment=False)


def test_a_batch_has_moments_of_clips_of_the_right_shapes(pairs: SyncPairs) -> None:
    batch = pairs.seeded(0, 1).batch(3, 4)
    assert batch.mouths.shape == (12, 3 * FRAMES, 64, 64) and batch.mouths.max() <= 1
    assert batch.sounds.shape == (12, 6, STEPS) and batch.shapes.shape == (12, 3, FRAMES)
    assert batch.near.shape == (12, 12) and not batch.near.diagonal().any()


def test_sounds_and_shapes_are_those_of_their_mouth(pairs: SyncPairs) -> None:
    batch = pairs.seeded(0, 2).batch(5, 4)
    rows = []
    for mouths, sound in zip(batch.mouths, batch.sounds, strict=True):
        # The grey of the middle picture tells the row, the sound must be that of some clip at that row.
        rows.append(round((float(mouths[3 * (FRAMES // 2)].mean()) * 255 - 50) / 4))
        own = [sound_window(clip, 0, clip.times[rows[-1]]) for clip in pairs.spoken.values()]
        assert any(np.allclose(sound.numpy(), each) for each in own)
    # Two frames are 0.08 s: too near to be told apart. Groups of four are of one clip.
    for one in range(20):
        for other in range(20):
            near = one != other and one // 4 == other // 4 and abs(rows[one] - rows[other]) <= 2
            assert bool(batch.near[one, other]) == near


@pytest.mark.parametrize("light", [False, True])
def test_a_few_steps_teach_the_encoders(data: Path, light: bool) -> None:
    stage = SyncStage(light=light, hidden=16, batch=3, moments=4, steps=60, learning_rate=3e-3, min_natural=0)
    trainer = SyncTrainer(stage, data / "clips", None)
    held = trainer.make(1000)
    first = {name: float(value) for name, value in trainer.learn(held).items()}
    for step in range(20):
        trainer.step = 30 + step
        last = trainer.learn(held)
    assert float(last["contrast"]) < first["contrast"] and float(last["sync"]) < first["sync"]


def test_the_papers_network_begins_with_numbers_spread_alike(pairs: SyncPairs) -> None:
    net = new_syncnet(STAGE, 6)
    settle(net, pairs.seeded(0).batch(4, 4))  # type: ignore[arg-type]
    batch = pairs.seeded(1).batch(4, 4)
    with torch.no_grad():
        face, scores = net.face_encoder(batch.mouths), net(batch.mouths, batch.sounds)
    assert 0.2 < float(face.std()) < 2
    assert abs(float(scores.mean()) - 0.5) < 0.1 and 0 < float(scores.std()) < 0.3


def test_an_expert_is_found_again_in_its_run(data: Path, tmp_path: Path) -> None:
    for light in (False, True):
        stage = SyncStage(light=light, hidden=8, batch=2, moments=2, steps=1, min_natural=0)
        trainer = SyncTrainer(stage, data / "clips", tmp_path / str(light))
        trainer.train()
        net, side = load_syncnet(tmp_path / str(light))
        assert side == 64 and not net.training
        batch = trainer.make(3)
        with torch.no_grad():
            scores = trainer.net.eval()(batch.mouths, batch.sounds)
            assert torch.equal(net(batch.mouths, batch.sounds), scores)
            # Scoring every pair at once is scoring each of them.
            face, sound = net.face_encoder(batch.mouths), net.audio_encoder(batch.sounds)
            torch.testing.assert_close(net.merge(face, sound), scores)


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
        assert np.allclose(sound_window(clip, 0, time)[:, middle], sound_window(clip, 1, time)[:, middle], atol=1e-6)


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
