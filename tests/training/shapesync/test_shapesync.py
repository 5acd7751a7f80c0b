from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dubtool.engine.session import Session
from dubtool.errors import InputError
from dubtool.training.core.export import export_run
from dubtool.training.data.spoken import SECOND, SpokenClip, load_spoken
from dubtool.training.shapesync.stage import ShapeSyncStage
from dubtool.training.shapesync.trainer import ShapeSyncTrainer, new_shapesync, sound_windows, told_apart

STAGE = ShapeSyncStage(hidden=32, size=16, clips=4, moments=8, steps=200, input_dropout=0.0, dropout=0.0)


def _speaker(seed: int) -> SpokenClip:
    """Four seconds in which the first numbers of the states are the shapes."""
    rng = np.random.default_rng(seed)
    states = np.repeat(rng.normal(0, 1, (67, 6)), 3, axis=0)[:200].astype(np.float32)
    times = np.arange(90) / 25
    shapes = np.stack([np.interp(times, np.arange(200) / 50, column) for column in states[:, :3].T], axis=1)
    versions = ((states.astype(np.float16), 0.0, 1.0),)
    return SpokenClip(f"clip{seed}", f"person{seed}", versions, times, shapes.astype(np.float32), np.zeros((55, 3)))


def test_it_learns_to_tell_early_and_late_from_in_time_on_strangers() -> None:
    trainer = ShapeSyncTrainer(STAGE, [_speaker(seed) for seed in range(6)], None)
    strangers = [_speaker(seed) for seed in (20, 21)]
    before = told_apart(new_shapesync(STAGE, 3, 6), strangers)
    trainer.train()
    assert before < 0.7 and told_apart(trainer.net, strangers) > 0.85


def test_moments_that_are_too_close_are_not_held_against_each_other() -> None:
    """The loss of two batches whose only false pairs are near ones is that of no false pairs at all."""
    trainer = ShapeSyncTrainer(replace(STAGE, clips=1, moments=2), [_speaker(0)], None)
    batch = trainer.make(0)
    batch.times = torch.tensor([1.0, 1.05])
    assert trainer.learn(batch)["sync"] == 0
    batch.times = torch.tensor([1.0, 1.5])
    assert trainer.learn(batch)["sync"] > 0


def test_a_stretched_voice_is_heard_where_it_speaks() -> None:
    clip = _speaker(0)
    clean = clip.versions[0][0].astype(np.float32)
    # Vector j of version 1 stands at video time (j / 50 + 0.1) * 0.9.
    source = (np.arange(215) / 50 + 0.1) * 0.9 * 50
    slower = np.stack([np.interp(source, np.arange(200), column) for column in clean.T], axis=1)
    clip = replace(clip, versions=(clip.versions[0], (slower, 0.1, 0.9)))
    when = np.array([0.9, 1.44, 2.18])
    clean_at, slow_at = (sound_windows(clip, version, when, 21) for version in (0, 1))
    assert clean_at.shape == (3, 6, 21)
    np.testing.assert_allclose(clean_at[:, :, 10], slow_at[:, :, 10], atol=0.15)


def test_exported_it_gives_the_same_vectors(data: Path, tmp_path: Path) -> None:
    clips = load_spoken(data / "clips", "train", augmented=True, layer=SECOND)
    trainer = ShapeSyncTrainer(replace(STAGE, steps=2), clips, tmp_path / "run")
    trainer.train()
    (path,) = export_run(tmp_path / "run", tmp_path / "out", "mine")
    session, batch = Session(path, "cpu"), trainer.make(5)
    assert (session.metadata["frames"], session.metadata["steps"]) == (9, 21)
    with torch.no_grad():
        wanted = trainer.net.eval()(batch.shapes[:4], batch.states)
    got = session.run({"shapes": batch.shapes[:4].numpy(), "states": batch.states.numpy()})
    for name, vectors in zip(("mouth", "sound"), wanted, strict=True):
        assert np.abs(got[name] - vectors.numpy()).max() < 4e-3
        np.testing.assert_allclose(np.linalg.norm(got[name], axis=1), 1, atol=1e-4)


def test_no_clips_are_named() -> None:
    with pytest.raises(InputError, match="train prepare"):
        ShapeSyncTrainer(STAGE, [], None)
