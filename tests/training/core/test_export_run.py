"""What a run has learned, exported and run by ONNX Runtime, equals the torch network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dubtool.engine.session import Session
from dubtool.errors import UsageError
from dubtool.face.shape import ShapeModel
from dubtool.jobs.dub.conditioning import drivers
from dubtool.models.registry import open_generator
from dubtool.networks.whisper import WhisperEncoder
from dubtool.training.core.export import export_run
from dubtool.training.core.export_job import ExportJob
from dubtool.training.data.sounds import load_sounds
from dubtool.training.generator.stage import GeneratorStage
from dubtool.training.generator.trainer import GeneratorTrainer, new_generator
from dubtool.training.predictor.stage import PredictorStage
from dubtool.training.predictor.trainer import PredictorTrainer
from dubtool.training.syncnet.stage import SyncStage
from dubtool.training.syncnet.trainer import SyncTrainer
from dubtool.weights.locate import find

# Weights are stored in half precision.
TOLERANCE = 4e-3


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DUBTOOL_WEIGHTS", str(tmp_path / "out"))
    return tmp_path / "out"


def test_a_generator(data: Path, tmp_path: Path, out: Path) -> None:
    stage = GeneratorStage(mouth=64, width=8, modes=3, batch=2, steps=2, min_natural=0)
    run = tmp_path / "run"
    GeneratorTrainer(stage, data / "clips", None, run).train()
    with pytest.raises(UsageError, match=r"dinet_shape_once\.onnx is what dubtool calls dinet-shape_once"):
        export_run(run, out, "dinet_shape")
    once, frame = export_run(run, out, "mine", sharpen=0.3)
    assert open_generator(once, frame, device="cpu").spec.sharpen == 0.3
    # Registered: found by name, and verified.
    assert find("mine_once") == once and find("mine_frame") == frame
    torch.manual_seed(0)
    reference, source, shape = torch.rand(1, 15, 104, 80), torch.rand(2, 6, 104, 80), torch.rand(2, 3, 5)
    net = ExportJob(run, stage, out, "mine").averaged(new_generator(stage))
    with torch.no_grad():
        wanted = net.generate(source, shape, *net.encode_reference(reference), mouth_only=True).numpy()
    given = Session(once, "cpu").run({"reference": reference.numpy()})
    session = Session(frame, "cpu")
    got = session.run({"source": source.numpy(), "audio": shape.numpy(), **given})["mouth"]
    assert np.abs(got - wanted).max() < TOLERANCE
    assert session.metadata["conditioning"] == "shape" and session.metadata["steps"] == 2


def test_a_generator_that_hears_the_speech_itself(data: Path, tmp_path: Path, out: Path) -> None:
    stage = GeneratorStage(
        mouth=64, width=8, modes=6, conditioning="whisper", mask=(0.0, 2.0, -1.0, 1.0), batch=2, steps=1, min_natural=0
    )
    GeneratorTrainer(stage, data / "clips", None, tmp_path / "run").train()
    once, frame = export_run(tmp_path / "run", out, "mine")
    spec = open_generator(once, frame, device="cpu").spec
    assert (spec.conditioning, spec.drawing, spec.steps, spec.sharpen) == ("whisper", False, 5, 0.0)
    assert drivers(spec) == ["whisper"]
    # The whole mouth box of 64 px.
    assert spec.hidden_box == (slice(32, 96), slice(8, 72))


def test_a_predictor_and_the_shape_model_of_its_own(
    data: Path, shape_model: ShapeModel, encoder: WhisperEncoder, tmp_path: Path, out: Path
) -> None:
    stage = PredictorStage(hidden=8, dilations=(1,), mel_channels=4, batch=2, window=75, steps=2, gain=1.5)
    run = tmp_path / "run"
    trainer = PredictorTrainer(stage, load_sounds(data / "clips", "train"), shape_model, encoder, run)
    trainer.train()
    with pytest.raises(UsageError, match="only what draws mouths"):
        export_run(run, out, "own", sharpen=0.3)
    (run / "face_shape.npz").write_bytes((data / "face_shape.npz").read_bytes())
    paths = export_run(run, out, "mine")
    assert [path.name for path in paths] == ["speech_shapes.onnx", "face_shape.npz"]
    assert find("speech_shapes") == paths[0] and find("face_shape") == paths[1]
    # The averaged weights count.
    net = trainer.averaged()
    states, mel = torch.randn(1, 4, 16, 40), torch.randn(1, 2, 80, 40)
    with torch.no_grad():
        wanted = net(states, mel).numpy()
        assert np.abs(trainer.net.eval()(states, mel).numpy() - wanted).max() > 0
    session = Session(paths[0], "cpu")
    got = session.run({"states": states.numpy(), "mel": mel.numpy()})["shapes"]
    assert np.abs(got - wanted).max() < TOLERANCE * max(1.0, np.abs(wanted).max())
    assert session.metadata["gain"] == 1.5 and session.metadata["reach"] == 7


@pytest.mark.parametrize("light", [False, True])
def test_a_sync_expert(light: bool, data: Path, tmp_path: Path, out: Path) -> None:
    run = tmp_path / "run"
    trainer = SyncTrainer(
        SyncStage(light=light, hidden=8, batch=2, moments=2, steps=2, min_natural=0), data / "clips", run
    )
    trainer.train()
    (path,) = export_run(run, out, "mine")
    batch = trainer.make(7)
    with torch.no_grad():
        wanted = trainer.net.eval()(batch.mouths, batch.sounds).numpy()
    got = Session(path, "cpu").run({"image": batch.mouths.numpy(), "audio": batch.sounds.numpy()})["score"]
    # Without normalisation layers, rounding adds up over twenty of them.
    assert np.abs(got - wanted).max() < 4 * TOLERANCE and wanted.std() > 8 * TOLERANCE
