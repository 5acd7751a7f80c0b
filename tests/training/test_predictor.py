from __future__ import annotations

from pathlib import Path

import numpy as np

from dubtool.face.shape import ShapeModel
from dubtool.training.predictor import Examples, PredictorStage, score, train_predictor
from dubtool.training.spoken import SpokenClip, load_spoken


def _speaker(name: str, model: ShapeModel, seed: int) -> SpokenClip:
    """Ten seconds in which the shapes are a fixed linear mapping of the states."""
    rng = np.random.default_rng(seed)
    steps = np.arange(500)
    states = np.stack([np.interp(steps / 5, np.arange(100), column) for column in rng.normal(0, 1, (16, 100))], axis=1)
    mapping = np.random.default_rng(0).normal(0, 0.5, (16, model.size))
    times = np.arange(240) / 25
    shapes = (states @ mapping)[::2][:240].astype(np.float32)
    layers = np.repeat(states[:, None], 4, axis=1).astype(np.float16)
    rest = np.zeros((model.basis.shape[1], 3))
    return SpokenClip(name, name, ((layers, 0.0, 1.0),), times, shapes, rest)


def test_it_learns_a_mapping_and_carries_it_to_a_stranger(shape_model: ShapeModel) -> None:
    speakers = [_speaker(f"speaker{seed}", shape_model, seed) for seed in range(4)]
    stage = PredictorStage(
        hidden=24, dilations=(1,), input_dropout=0.0, dropout=0.0, steps=120, batch=8, weight_decay=0.0
    )
    net = train_predictor(speakers, shape_model, stage)
    stranger = _speaker("stranger", shape_model, 9)
    states = stranger.versions[0][0].astype(np.float32)
    found = score(net, stranger, shape_model)
    assert found.chin > 0.8
    assert abs(found.lag) <= 1
    # The same states in another order say nothing about the shapes.
    shuffled = np.random.default_rng(1).permutation(states)
    deaf = SpokenClip("deaf", "deaf", ((shuffled, 0.0, 1.0),), stranger.times, stranger.coefficients, stranger.rest)
    assert score(net, deaf, shape_model).chin < 0.4


def test_only_clips_in_sync_are_spoken(data: Path, tmp_path: Path) -> None:
    assert {clip.name for clip in load_spoken(data / "clips", "train", augmented=True)} == {"clip0", "clip1", "clip2"}
    folder = tmp_path / "clips" / "silent"
    folder.mkdir(parents=True)
    with np.load(data / "clips" / "clip0" / "meta.npz") as meta, np.load(data / "clips/clip0/states.npz") as states:
        np.savez(folder / "meta.npz", **(dict(meta) | {"use": "face"}))
        np.savez(folder / "states.npz", **dict(states))
    assert load_spoken(tmp_path / "clips", "train", augmented=True) == []


def test_silence_is_learned_as_a_mouth_at_rest(shape_model: ShapeModel) -> None:
    speakers = [_speaker(f"speaker{seed}", shape_model, seed) for seed in range(2)]
    stage = PredictorStage(batch=8, window=20, silence=0.5)
    layers, channels = speakers[0].versions[0][0].shape[1:]
    quiet = np.full((2, 60, layers, channels), 9.0, np.float16)
    states, shapes, known = Examples(speakers, stage, np.random.default_rng(0), quiet).batch()
    silent = (states == 9.0).flatten(1).all(dim=1)
    assert 0 < int(silent.sum()) < 8
    assert shapes[silent].abs().max() == 0
    assert known[silent].min() == 1
    spoken_only, _, _ = Examples(speakers, stage, np.random.default_rng(0)).batch()
    assert not (spoken_only == 9.0).flatten(1).all(dim=1).any()
