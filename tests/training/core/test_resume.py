"""A training that is killed and resumed ends with the very weights of one that was not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from dubtool.errors import DubtoolError, InputError
from dubtool.face.shape import ShapeModel
from dubtool.networks.whisper import WhisperEncoder
from dubtool.training.core.trainer import LOG, Trainer, read_rows
from dubtool.training.data.sounds import load_sounds
from dubtool.training.data.spoken import SECOND, load_spoken
from dubtool.training.generator.stage import GeneratorStage
from dubtool.training.generator.trainer import GeneratorTrainer
from dubtool.training.predictor.stage import PredictorStage
from dubtool.training.predictor.trainer import PredictorTrainer
from dubtool.training.shapesync.stage import ShapeSyncStage
from dubtool.training.shapesync.trainer import ShapeSyncTrainer
from dubtool.training.syncnet.stage import SyncStage
from dubtool.training.syncnet.trainer import SyncTrainer

pytestmark = pytest.mark.usefixtures("one_thread")

Make = Callable[[Path], Trainer[Any, Any]]

STEPS, CUT = 6, 3


@pytest.fixture(params=["generator", "clip", "predictor", "syncnet", "light syncnet", "shapesync"])
def make(
    request: pytest.FixtureRequest, data: Path, shape_model: ShapeModel, encoder: WhisperEncoder, tmp_path: Path
) -> Make:
    clips = data / "clips"
    if request.param == "generator":
        stage = GeneratorStage(
            mouth=64, width=8, modes=3, batch=2, steps=STEPS, min_natural=0, adversarial=0.1, judge_width=8
        )
        return lambda run: GeneratorTrainer(stage, clips, None, run)
    if request.param == "clip":
        expert = tmp_path / "expert"
        SyncTrainer(SyncStage(hidden=8, batch=2, moments=2, steps=1, min_natural=0), clips, expert).train()
        stage = GeneratorStage(
            mouth=64,
            width=8,
            modes=3,
            batch=1,
            frames=5,
            steps=STEPS,
            min_natural=0,
            adversarial_clip=0.1,
            sync=0.1,
            judge_width=8,
        )
        return lambda run: GeneratorTrainer(stage, clips, None, run, sync=expert)
    if request.param == "shapesync":
        spoken = load_spoken(clips, "train", augmented=True, layer=SECOND)
        judge = ShapeSyncStage(hidden=8, size=4, clips=2, moments=3, steps=STEPS)
        return lambda run: ShapeSyncTrainer(judge, spoken, run)
    if request.param == "predictor":
        sounds = load_sounds(clips, "train")
        small = PredictorStage(hidden=8, dilations=(1,), mel_channels=4, batch=2, window=75, steps=STEPS)
        return lambda run: PredictorTrainer(small, sounds, shape_model, encoder, run)
    light = request.param == "light syncnet"
    expert_stage = SyncStage(light=light, hidden=8, batch=2, moments=2, steps=STEPS, min_natural=0)
    return lambda run: SyncTrainer(expert_stage, clips, run)


class _Killed(BaseException):
    pass


def test_killed_and_resumed_is_as_never_killed(make: Make, tmp_path: Path) -> None:
    whole = make(tmp_path / "whole")
    whole.train(report_every=2)

    first = make(tmp_path / "cut")
    learn = first.learn

    def learn_until_killed(batch: Any) -> dict[str, Tensor]:
        if first.step == CUT + 1:
            raise _Killed
        return learn(batch)

    first.learn = learn_until_killed  # type: ignore[method-assign]
    save = first.save

    def save_at_cut() -> None:
        if first.step == CUT:
            save()

    first.save = save_at_cut  # type: ignore[method-assign]
    with pytest.raises(_Killed):
        first.train(save_every=0, report_every=2)
    assert first.step == CUT + 1

    # What else drew chances meanwhile must not matter, nor whether batches are made ahead.
    torch.manual_seed(99)
    second = make(tmp_path / "cut")
    assert second.resume()
    assert second.step == CUT
    second.train(report_every=2, workers=2)
    assert second.step == STEPS
    assert _differences(whole.state(), second.state()) == []
    assert [row["step"] for row in read_rows(tmp_path / "cut" / LOG)] == [2, 4, 6]


def test_stopping_after_every_step_loses_nothing(make: Make, tmp_path: Path) -> None:
    whole = make(tmp_path / "whole")
    whole.train()
    for _ in range(STEPS):
        piece = make(tmp_path / "pieces")
        piece.resume()
        _stop_after_a_step(piece)
        piece.train()
    assert piece.step == STEPS
    assert _differences(whole.state(), piece.state()) == []


def _stop_after_a_step(trainer: Trainer[Any, Any]) -> None:
    learn = trainer.learn

    def learn_once(batch: Any) -> dict[str, Tensor]:
        losses = learn(batch)
        trainer.stage = replace(trainer.stage, steps=trainer.step + 1)
        return losses

    trainer.learn = learn_once  # type: ignore[method-assign]


def _differences(one: Any, other: Any, where: str = "") -> list[str]:
    """Places where two nested states are not the same to the last bit."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        return [found for key in one for found in _differences(one[key], other[key], f"{where}.{key}")]
    if isinstance(one, list | tuple):
        assert len(one) == len(other)
        pairs = enumerate(zip(one, other, strict=True))
        return [found for place, (a, b) in pairs for found in _differences(a, b, f"{where}[{place}]")]
    if isinstance(one, Tensor):
        return [] if torch.equal(one, other) else [where]
    return [] if one == other else [where]


def test_a_loss_that_is_no_number_stops_and_keeps_the_good_checkpoint(data: Path, tmp_path: Path) -> None:
    trainer = SyncTrainer(SyncStage(hidden=8, batch=2, moments=2, steps=4, min_natural=0), data / "clips", tmp_path)
    trainer.train()
    good = trainer.checkpoint.read_bytes() if trainer.checkpoint else b""
    longer = SyncTrainer(SyncStage(hidden=8, batch=2, moments=2, steps=8, min_natural=0), data / "clips", tmp_path)
    longer.resume()
    longer.learn = lambda batch: {"sync": torch.tensor(float("nan"))}  # type: ignore[method-assign]
    with pytest.raises(DubtoolError, match="no number at step"):
        longer.train(save_every=0)
    assert longer.checkpoint is not None and longer.checkpoint.read_bytes() == good


def test_a_damaged_checkpoint_is_named(data: Path, tmp_path: Path) -> None:
    trainer = SyncTrainer(SyncStage(hidden=8, min_natural=0), data / "clips", tmp_path)
    (tmp_path / "checkpoint.pt").write_bytes(b"half of it")
    with pytest.raises(InputError, match="not a readable checkpoint"):
        trainer.resume()


def test_a_log_cut_inside_a_line_is_read(tmp_path: Path) -> None:
    (tmp_path / LOG).write_text(json.dumps({"step": 1, "loss": 2.0}) + '\n{"step": 2, "lo')
    assert read_rows(tmp_path / LOG) == [{"step": 1, "loss": 2.0}]
