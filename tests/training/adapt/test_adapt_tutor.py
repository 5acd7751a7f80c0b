"""Teaching a generator one person: a tiny network, for seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dubtool.engine.session import Session
from dubtool.errors import WeightsError
from dubtool.face.crop import CropSize
from dubtool.face.draw import draw_mouth
from dubtool.face.shape import MOUTH
from dubtool.jobs.shared.adapted import CHECKPOINT, FILES, FRAME, FRAME_INT8, ONCE
from dubtool.jobs.shared.examples import Examples
from dubtool.models.registry import open_generator
from dubtool.networks.discriminator import Discriminator
from dubtool.training.adapt.tutor import FineTuner, Tuning
from dubtool.training.core import time_budget as bounded
from dubtool.training.core.lpips import load_shipped_lpips
from dubtool.training.generator.stage import GeneratorStage
from dubtool.training.generator.trainer import new_generator
from dubtool.weights.locate import find

STAGE = GeneratorStage(mouth=64, width=8, modes=3, judge_width=8)
DESCRIBED = {
    "network": "dinet",
    "graph": "frame",
    "mouth": 64,
    "width": 8,
    "audio_channels": 3,
    "audio_steps": 5,
    "conditioning": "shape",
    "hidden": list(STAGE.mask),
    "sharpen": 0.5,
    "stage": {"judge_width": 8, "a field of a later version": 1},
}
SIZE = CropSize(64)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untaught generator and its judge, in half precision as they are shipped."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("checkpoint") / "checkpoint.pt"
    nets = {"average": new_generator(STAGE), "judge": Discriminator(3, 8)}
    states = {
        name: {key: value.half() if value.is_floating_point() else value for key, value in net.state_dict().items()}
        for name, net in nets.items()
    }
    torch.save({"step": 10, **states}, path)
    return path


@pytest.fixture(scope="module")
def examples() -> Examples:
    """A flat face of one colour."""
    rng = np.random.default_rng(0)
    crops = np.full((8, SIZE.height, SIZE.width, 3), (200, 120, 90), np.uint8)
    angle = np.linspace(0, 2 * np.pi, len(MOUTH), endpoint=False)
    mouth = np.stack([0.4 * np.cos(angle), 1.2 + 0.2 * np.sin(angle)], axis=1).astype(np.float32)
    corner = np.array([SIZE.width / 2 - 0.5, SIZE.mouth / 2 - 0.5])
    drawing = draw_mouth(mouth * (SIZE.mouth / 2) + corner, SIZE.width, SIZE.height)
    shapes = rng.normal(0, 1, (8, 3, 5)).astype(np.float32)
    return Examples(crops, np.stack([drawing] * 8), shapes, np.stack([mouth] * 8))


def _tutor(checkpoint: Path) -> FineTuner:
    return FineTuner(checkpoint, DESCRIBED, device="cpu", tuning=Tuning(batch=2, learning_rate=2e-3))


class Ticking:
    """A clock on which every step takes a second; `share` of it is the processor's."""

    def __init__(self, share: float = 1.0) -> None:
        self.now, self.share = 0.0, share

    def monotonic(self) -> float:
        return self.now

    def process_time(self) -> float:
        return self.share * self.now

    def tick(self, done: float, total: float | None) -> None:
        self.now += 1.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Ticking:
    clock = Ticking()
    monkeypatch.setattr(bounded, "time", clock)
    return clock


def test_the_face_is_learned_and_written_as_it_was_learned(
    checkpoint: Path, examples: Examples, tmp_path: Path, clock: Ticking
) -> None:
    references = examples.crops[:5]
    tutor = _tutor(checkpoint)
    steps = tutor.teach(examples, references, 52.0, clock.tick)
    # Twelve seconds are left to write the files in.
    assert steps == 40

    tutor.write(tmp_path, examples, references)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)
    error = {}
    for frame in (FRAME, FRAME_INT8):
        generator = open_generator(tmp_path / ONCE, tmp_path / frame, device="cpu")
        assert generator.spec.sharpen == 0.5
        generator.set_references(references)
        made = generator.generate(examples.crops, examples.shapes, examples.drawings)
        error[frame] = np.abs(made - examples.crops[:, *SIZE.box]).mean()
    untaught = tmp_path / "untaught"
    untaught.mkdir()
    _tutor(checkpoint).write(untaught, examples, references)
    generator = open_generator(untaught / ONCE, untaught / FRAME, device="cpu")
    generator.set_references(references)
    made = generator.generate(examples.crops, examples.shapes, examples.drawings)
    assert error[FRAME] < 0.7 * np.abs(made - examples.crops[:, *SIZE.box]).mean()
    assert abs(error[FRAME_INT8] - error[FRAME]) < 4

    stored = torch.load(tmp_path / CHECKPOINT, weights_only=True)
    assert stored["step"] == 10 + steps
    assert stored["average"].keys() == new_generator(STAGE).state_dict().keys()
    _tutor(tmp_path / CHECKPOINT)


def test_where_the_processor_is_shared_writing_gets_more_time(
    checkpoint: Path, examples: Examples, clock: Ticking
) -> None:
    clock.share = 0.5
    assert _tutor(checkpoint).teach(examples, examples.crops[:5], 30.0, clock.tick) == 6


def test_batch_statistics_stay_as_they_are_at_work(checkpoint: Path, examples: Examples, clock: Ticking) -> None:
    tutor = _tutor(checkpoint)
    tutor.teach(examples, examples.crops[:5], 14.0, clock.tick)
    fresh = new_generator(STAGE).state_dict()
    for name, value in tutor.net.state_dict().items():
        if "running" in name:
            assert torch.equal(value, fresh[name]), name


def test_a_checkpoint_of_other_sizes_is_refused(checkpoint: Path) -> None:
    with pytest.raises(WeightsError, match="another generator"):
        FineTuner(checkpoint, DESCRIBED | {"width": 16}, device="cpu")


def test_the_loss_and_the_measure_are_the_same_lpips() -> None:
    one, other = np.random.default_rng(0).uniform(-1, 1, (2, 1, 3, 64, 64)).astype(np.float32)
    measured = Session(find("lpips"), "cpu").run({"image": one, "truth": other})["distance"]
    learned = load_shipped_lpips(find("lpips"))(torch.from_numpy(one), torch.from_numpy(other))
    assert learned.numpy() == pytest.approx(measured, rel=1e-3)


def test_another_file_is_no_lpips() -> None:
    with pytest.raises(WeightsError, match="not the LPIPS"):
        load_shipped_lpips(find("speech_shapes"))
