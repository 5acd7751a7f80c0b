from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile
import torch

from dubtool.face.shape import ShapeModel
from dubtool.networks.whisper import WhisperEncoder
from dubtool.speech.shapes import Closing, speech_shapes
from dubtool.training.core.encoder import read_encoder
from dubtool.training.data.sounds import SoundClip, load_sounds
from dubtool.training.data.spoken import load_spoken
from dubtool.training.predictor.export import export_predictor
from dubtool.training.predictor.stage import PredictorStage
from dubtool.training.predictor.trainer import PredictorTrainer, new_predictor, predicted_shapes, score
from dubtool.weights.locate import find

STAGE = PredictorStage(
    members=1,
    hidden=24,
    dilations=(1,),
    mel_channels=16,
    input_dropout=0.0,
    mel_dropout=0.0,
    dropout=0.0,
    steps=150,
    batch=6,
    window=75,
    weight_decay=0.0,
    silence=0.1,
    average=0.9,
)


def _speaker(name: str, model: ShapeModel, seed: int) -> SoundClip:
    """Six seconds of noise whose loudness tells the first shape, and so the chin."""
    rng = np.random.default_rng(seed)
    loudness = np.interp(np.arange(6 * 16000) / 16000, np.arange(0, 7, 0.15), rng.uniform(-2.5, -0.5, 47))
    samples = (32768 * 0.5 * 10**loudness * rng.uniform(-1, 1, len(loudness))).astype(np.int16)
    times = np.arange(145) / 25
    shapes = np.zeros((len(times), model.size), np.float32)
    shapes[:, 0] = 2 * loudness[(times * 16000).astype(int)] + 3
    return SoundClip(name, name, samples, times, shapes, np.zeros((model.basis.shape[1], 3)))


def test_it_learns_a_mapping_and_carries_it_to_a_stranger(shape_model: ShapeModel, encoder: WhisperEncoder) -> None:
    speakers = [_speaker(f"speaker{seed}", shape_model, seed) for seed in range(4)]
    trainer = PredictorTrainer(STAGE, speakers, shape_model, encoder, None)
    trainer.train()
    net = trainer.averaged()
    stranger = _speaker("stranger", shape_model, 9)
    found = score(net, encoder, stranger, shape_model)
    assert found.chin > 0.8
    assert abs(found.lag) <= 1
    # Another speech says nothing about these shapes.
    deaf = replace(stranger, samples=_speaker("other", shape_model, 10).samples)
    assert score(net, encoder, deaf, shape_model).chin < 0.4


def test_what_is_scored_is_heard_as_at_work(shape_model: ShapeModel, tmp_path: Path) -> None:
    """Longer than a piece of the extractor, so that pieces must fit together."""
    sound = _speaker("ann", shape_model, 3).sound
    sound = np.concatenate([sound, sound[::-1]])
    soundfile.write(tmp_path / "speech.wav", sound, 16000, subtype="FLOAT")
    torch.manual_seed(0)
    net = new_predictor(replace(STAGE, members=2), shape_model.size).eval()
    export_predictor(net, STAGE, shape_model, tmp_path / "speech_shapes.onnx")
    at_work = speech_shapes(tmp_path / "speech.wav", find("whisper"), tmp_path / "speech_shapes.onnx", device="cpu")
    seconds, shapes = predicted_shapes(net, read_encoder(find("whisper")), sound)
    inside = (seconds > 0) & (seconds < len(sound) / 16000)
    wanted = Closing(STAGE.closing, shape_model.opening).close(shapes.T[inside] * STAGE.gain)
    # Weights are stored in half precision.
    assert np.abs(at_work.at(seconds[inside]) - wanted).max() < 0.02 * np.abs(wanted).max()


def test_only_clips_in_sync_are_spoken(data: Path, tmp_path: Path) -> None:
    assert {clip.name for clip in load_spoken(data / "clips", "train", augmented=True)} == {"clip0", "clip1", "clip2"}
    assert {clip.name for clip in load_sounds(data / "clips", "train")} == {"clip0", "clip1", "clip2"}
    folder = tmp_path / "clips" / "silent"
    folder.mkdir(parents=True)
    with np.load(data / "clips" / "clip0" / "meta.npz") as meta, np.load(data / "clips/clip0/states.npz") as states:
        np.savez(folder / "meta.npz", **(dict(meta) | {"use": "face"}))
        np.savez(folder / "states.npz", **dict(states))
    (folder / "sound.npz").write_bytes((data / "clips" / "clip0" / "sound.npz").read_bytes())
    assert load_spoken(tmp_path / "clips", "train", augmented=True) == []
    assert load_sounds(tmp_path / "clips", "train") == []
