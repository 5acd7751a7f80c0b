"""Training on drawn mouths: what the network is given, and that a few steps teach it something."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from dubtool.engine.session import Session
from dubtool.errors import InputError, UsageError
from dubtool.face.crop import CropSize
from dubtool.face.references import sharpness
from dubtool.face.shape import MOUTH, split_mouth
from dubtool.face.topology import INNER_LIP, JAW, OUTER_LIP
from dubtool.networks.hdtr_fgff import ChannelFusion
from dubtool.training.clips import load_clips
from dubtool.training.hdtr import HdtrStage, HdtrTrainer, export_run, new_restorer, restored
from dubtool.training.hdtr_degrade import degrade, draw_recipe
from dubtool.training.hdtr_samples import TeethSampler

_SIZE, _PAD, _FRAMES = 96, 8, 16
STAGE = HdtrStage(side=64, width=8, batch=2, steps=6, learning_rate=2e-3, min_natural=0, judge_width=8, adversarial=0.1)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people's drawn mouths: closed in the first quarter of the frames, then open, with striped teeth."""
    folder = tmp_path_factory.mktemp("mouths")
    for number in range(2):
        _write_clip(folder / f"clip{number}", number)
    return folder


def _ring(points: tuple[int, ...], across: float, down: float) -> np.ndarray:
    """Lips in a unit crop, from the right corner over the top and back below, as the mesh names them."""
    angle = np.pi + np.arange(len(points)) * 2 * np.pi / len(points)
    return np.stack([across * np.cos(angle), 0.9 + down * np.sin(angle)], axis=1)


def _mouth(gap: float) -> np.ndarray:
    jaw = np.stack([np.linspace(-0.9, 0.9, len(JAW)), np.full(len(JAW), 1.8)], axis=1)
    jaw[JAW.index(152)] = (0.0, 1.85)
    return np.concatenate([_ring(OUTER_LIP, 0.5, 0.15 + gap), _ring(INNER_LIP, 0.38, gap), jaw])


def _write_clip(folder: Path, seed: int) -> None:
    folder.mkdir()
    size = CropSize(_SIZE)
    gaps = np.where(np.arange(_FRAMES) < _FRAMES // 4, 0.0, 0.2)
    mouths = np.stack([_mouth(gap) for gap in gaps]).astype(np.float32)
    crops = np.full((_FRAMES, size.height + 2 * _PAD, size.width + 2 * _PAD, 3), (200, 150, 120 + 9 * seed), np.uint8)
    origin = np.array([size.width / 2 - 0.5, _SIZE / 2 - 0.5]) + _PAD
    stripes = np.where(np.arange(crops.shape[2]) // 3 % 2, 250, 90).astype(np.uint8)
    for crop, mouth, gap in zip(crops, mouths, gaps, strict=True):
        outer, inner, _ = split_mouth(np.rint(mouth * (_SIZE / 2) + origin).astype(np.int32))
        cv2.fillPoly(crop, [outer], (180, 60, 60))
        teeth = np.zeros(crop.shape[:2], np.uint8)
        cv2.fillPoly(teeth, [inner], int(gap > 0))
        crop[teeth > 0] = np.broadcast_to(stripes[None, :, None], crop.shape)[teeth > 0]
    np.save(folder / "crops.npy", crops)
    np.savez(
        folder / "meta.npz",
        mouth=mouths,
        coef=np.zeros((_FRAMES, 3), np.float32),
        rest=np.zeros((len(MOUTH), 3)),
        frames=np.arange(_FRAMES, dtype=np.int32),
        angles=np.zeros((_FRAMES, 3)),
        size=_SIZE,
        pad=_PAD,
        natural=np.full(_FRAMES, 120.0),
        identity=f"person{seed}",
        split="train",
    )


def test_a_recipe_makes_poor_and_is_the_same_every_time() -> None:
    crop = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    for seed in range(20):
        recipe = draw_recipe(np.random.default_rng(seed))
        assert 1 <= len(recipe) <= 2
        poor = degrade(crop, recipe)
        assert poor.shape == crop.shape and poor.dtype == np.uint8
        assert sharpness(poor) < 0.5 * sharpness(crop)
        np.testing.assert_array_equal(poor, degrade(crop, draw_recipe(np.random.default_rng(seed))))


def test_colours_shift_below_the_seam_alone() -> None:
    grey = np.full((100, 100, 3), 128, np.uint8)
    (first, *_) = draw_recipe(np.random.default_rng(1))
    shifted = degrade(
        grey, (replace(first, gain=np.array([1.2, 1.0, 1.0]), offset=np.zeros(3), seam=0.3, quality=100),)
    )
    assert np.abs(shifted[:20].astype(int) - 128).max() <= 2
    assert np.abs(shifted[50:, :, 0].astype(int) - 154).max() <= 3


def test_samples_show_open_mouths_and_poor_copies(clips: Path) -> None:
    sampler = TeethSampler(load_clips(clips, "train"), 64, own=0.0, seed=0)
    for step in range(8):
        sample = sampler.seeded(0, step).draw()
        again = sampler.seeded(0, step).draw()
        for one, other in zip(vars(sample).values(), vars(again).values(), strict=True):
            np.testing.assert_array_equal(one, other)
        black = (sample.hidden == 0).all(axis=2)
        assert 0.05 < black.mean() < 0.5
        # Stripes of teeth are within what is hidden, and nowhere else.
        bright = sample.true.min(axis=2) > 235
        assert bright.sum() > 20 and black[bright].all()
        assert sharpness(sample.reference) < 0.7 * sharpness(sample.true)
        assert (sample.contour.reshape(-1, 3).any(axis=1)).mean() < 0.5


def test_a_frame_may_be_its_own_reference(clips: Path) -> None:
    sample = TeethSampler(load_clips(clips, "train"), 64, own=1.0, seed=0).seeded(3).draw()
    seen = (sample.hidden > 0).all(axis=2)
    np.testing.assert_array_equal(sample.hidden[seen], sample.reference[seen])


def test_a_few_steps_teach_something(clips: Path, tmp_path: Path) -> None:
    trainer = HdtrTrainer(STAGE, clips, None, tmp_path)
    held = trainer.make(1000)

    def error() -> float:
        trainer.net.train()
        torch.manual_seed(0)
        with torch.no_grad():
            made = restored(trainer.net, STAGE, held.hidden, held.contour, held.reference)
        return float((made - held.true).abs().mean())

    before = error()
    trainer.train(report_every=2)
    assert error() < 0.85 * before
    assert set(trainer.learn(trainer.make(6))) == {"pixel", "judge", "fooled"}


def test_killed_and_resumed_is_as_never_killed(clips: Path, tmp_path: Path) -> None:
    stage = replace(STAGE, steps=3)
    whole = HdtrTrainer(stage, clips, None, tmp_path / "whole")
    whole.train()
    HdtrTrainer(replace(stage, steps=1), clips, None, tmp_path / "cut").train()
    torch.manual_seed(99)
    second = HdtrTrainer(stage, clips, None, tmp_path / "cut")
    assert second.resume()
    second.train(workers=1)
    for (name, one), other in zip(whole.net.state_dict().items(), second.net.state_dict().values(), strict=True):
        assert torch.equal(one, other), name


@pytest.mark.parametrize("switch", ["fusion", "reference"])
def test_ablations_leave_out_what_they_say(switch: str, clips: Path, tmp_path: Path) -> None:
    stage = replace(STAGE, steps=1, adversarial=0.0, **{switch: False})
    trainer = HdtrTrainer(stage, clips, None, tmp_path)
    assert set(trainer.learn(trainer.make(0))) == {"pixel"}
    fusions = sum(isinstance(module, ChannelFusion) for module in trainer.net.modules())
    assert (fusions == 0) == (switch == "fusion")
    untouched = [name for name, p in trainer.net.named_parameters() if p.grad is None]
    assert any(name.startswith("encoder.ref_model") for name in untouched) == (switch == "reference")
    trainer.save()
    if switch == "reference":
        with pytest.raises(UsageError, match="without a reference branch"):
            export_run(tmp_path, stage, tmp_path / "once.onnx", tmp_path / "frame.onnx")


@pytest.mark.slow
def test_a_run_becomes_two_graphs(clips: Path, tmp_path: Path) -> None:
    trainer = HdtrTrainer(replace(STAGE, steps=1), clips, None, tmp_path)
    trainer.train()
    export_run(tmp_path, trainer.stage, tmp_path / "once.onnx", tmp_path / "frame.onnx")
    told = Session(tmp_path / "frame.onnx", "cpu", threads=1).metadata
    assert (told["network"], told["side"], told["steps"]) == ("hdtr", 64, 1)


def test_without_open_mouths_or_clips_one_line_says_so(clips: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no training clip with a mouth of 500 px"):
        HdtrTrainer(replace(STAGE, min_natural=500), clips, None, None)
    few = [replace(clip, frontal=clip.frontal[:4]) for clip in load_clips(clips, "train")]
    with pytest.raises(InputError, match="no prepared clip shows an open mouth"):
        TeethSampler(few, 64, 0.5, 0)


def test_the_full_network_is_the_authors_own() -> None:
    assert new_restorer(replace(STAGE, width=16)).state_dict().keys() == new_restorer(STAGE).state_dict().keys()


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Sums over several threads may differ in their last bits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
