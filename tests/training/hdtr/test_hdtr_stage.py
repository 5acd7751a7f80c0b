"""Training on drawn mouths: what the network is given, and that a few steps teach it something."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from dubtool.engine.session import Session
from dubtool.errors import InputError, UsageError
from dubtool.face.crop import CropSize
from dubtool.face.shape import MOUTH, ShapeModel, split_mouth
from dubtool.face.topology import INNER_LIP, JAW, OUTER_LIP
from dubtool.jobs.shared.references import sharpness
from dubtool.networks.hdtr_fgff import ChannelFusion
from dubtool.training.core.config import stage_of_run
from dubtool.training.core.export import export_run
from dubtool.training.core.export_job import ExportJob
from dubtool.training.core.runs import Effort, train
from dubtool.training.core.trainer import VALIDATION, read_checkpoint, read_rows
from dubtool.training.data.clips import load_clips
from dubtool.training.hdtr.data import TeethSampler
from dubtool.training.hdtr.degradation import degrade, draw_recipe
from dubtool.training.hdtr.export import export
from dubtool.training.hdtr.stage import HdtrStage
from dubtool.training.hdtr.trainer import HdtrTrainer, collate, new_restorer, restored
from dubtool.training.hdtr.validation import validate_teeth, validation_samples
from dubtool.weights.locate import find

pytestmark = pytest.mark.usefixtures("one_thread")

_SIZE, _PAD, _FRAMES = 96, 8, 16
STAGE = HdtrStage(
    side=64,
    width=8,
    detail=8,
    batch=2,
    steps=6,
    learning_rate=2e-3,
    min_natural=0,
    min_sharpness=0,
    judge_width=8,
    adversarial=0.1,
)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn mouths of two people to train on and one for validation: closed in the first quarter of the frames, then
    open, with striped teeth."""
    folder = tmp_path_factory.mktemp("mouths") / "clips"
    for number in range(3):
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
    folder.mkdir(parents=True)
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
        times=np.arange(_FRAMES) / 25,
        angles=np.zeros((_FRAMES, 3)),
        size=_SIZE,
        pad=_PAD,
        natural=np.full(_FRAMES, 120.0),
        identity=f"person{seed}",
        split="val" if seed == 2 else "train",
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
    softer: list[bool] = []
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
        softer.append(sharpness(sample.reference) < 0.7 * sharpness(sample.true))
        # The mask covers what is hidden and a rim, and ends before the crop does.
        assert sample.mask[black].min() > 0.3 and sample.mask[0].max() == 0
        assert (sample.contour.reshape(-1, 3).any(axis=1)).mean() < 0.5
    assert sum(softer) >= 5


def test_some_mouths_stay_as_sharp_as_they_are(clips: Path) -> None:
    sampler = TeethSampler(load_clips(clips, "train"), 64, own=1.0, seed=0)
    samples = [sampler.seeded(1, step).draw() for step in range(40)]
    untouched = [np.array_equal(sample.true, sample.poor) for sample in samples]
    assert 1 <= sum(untouched) <= 14


def test_soft_clips_are_no_targets(clips: Path) -> None:
    sharp, soft = load_clips(clips, "train")
    soft = replace(soft, crops=np.stack([cv2.GaussianBlur(crop, (0, 0), 2) for crop in soft.crops]))
    sampler = TeethSampler([sharp, soft], 64, own=1.0, seed=0, min_sharpness=0.3)
    # People differ by a colour that cropping keeps.
    blues = {int(np.median(sampler.seeded(step).draw().true[:8, :, 2])) for step in range(6)}
    assert blues == {120}
    with pytest.raises(InputError, match="lower min_sharpness"):
        TeethSampler([soft], 64, own=1.0, seed=0, min_sharpness=0.3)


def test_an_untrained_head_changes_nothing(clips: Path) -> None:
    sample = TeethSampler(load_clips(clips, "train"), 64, own=1.0, seed=0).seeded(3).draw()
    batch = collate([sample], 0)
    drawn, made = restored(new_restorer(STAGE).eval(), STAGE, batch)
    assert torch.equal(made, batch.poor) and not torch.equal(drawn, batch.poor)
    paper = replace(STAGE, detail=0)
    drawn, made = restored(new_restorer(paper).eval(), paper, batch)
    assert made is drawn


def test_a_frame_may_be_its_own_reference(clips: Path) -> None:
    sample = TeethSampler(load_clips(clips, "train"), 64, own=1.0, seed=0).seeded(3).draw()
    seen = (sample.hidden > 0).all(axis=2)
    np.testing.assert_array_equal(sample.hidden[seen], sample.reference[seen])


def test_a_few_steps_teach_something(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The rate begins with next to nothing.
    monkeypatch.setattr("dubtool.training.core.gan_trainer.falling_rate", lambda *_: 2e-3)
    trainer = HdtrTrainer(STAGE, clips.parent, None, tmp_path)
    held = trainer.make(1000)

    def error() -> float:
        trainer.net.train()
        torch.manual_seed(0)
        with torch.no_grad():
            drawn, _ = restored(trainer.net, STAGE, held)
        return float((drawn - held.true).abs().mean())

    before = error()
    trainer.train(report_every=2)
    assert error() < 0.85 * before
    assert set(trainer.learn(trainer.make(6))) == {"pixel", "drawn", "judge", "fooled"}


def test_the_average_lags_behind_and_a_new_run_begins_with_it(clips: Path, tmp_path: Path) -> None:
    trainer = HdtrTrainer(replace(STAGE, steps=2), clips.parent, None, tmp_path / "one")
    trainer.train()
    name = "decoder.conv4_2.weight"
    assert not torch.equal(trainer.average[name], trainer.net.state_dict()[name])
    second = HdtrTrainer(STAGE, clips.parent, None, tmp_path / "two")
    second.start_from(tmp_path / "one" / "checkpoint.pt")
    assert torch.equal(second.net.state_dict()[name], trainer.average[name]) and second.step == 0
    wider = HdtrTrainer(replace(STAGE, width=16), clips.parent, None, None)
    with pytest.raises(UsageError, match="no network of this stage's sizes"):
        wider.start_from(tmp_path / "one" / "checkpoint.pt")


def test_looking_at_people_scores_before_and_after(clips: Path, tmp_path: Path) -> None:
    sampler = TeethSampler(load_clips(clips, "train"), 64, own=1.0, seed=0)
    samples = [sampler.seeded(step).draw() for step in range(4)]
    sheet = tmp_path / "sheet.png"
    scores = validate_teeth(new_restorer(STAGE), samples, STAGE, sheet)
    # An untrained head gives the poor mouth back.
    assert scores["psnr"] == pytest.approx(scores["psnr_before"], abs=0.01)
    assert scores["lpips"] == pytest.approx(scores["lpips_before"], abs=1e-3)
    assert scores["sharpness"] < 1
    assert cv2.imread(str(sheet)).shape == (3 * 64, 4 * 64, 3)


def test_killed_and_resumed_is_as_never_killed(clips: Path, tmp_path: Path) -> None:
    stage = replace(STAGE, steps=3)
    whole = HdtrTrainer(stage, clips.parent, None, tmp_path / "whole")
    whole.train()
    HdtrTrainer(replace(stage, steps=1), clips.parent, None, tmp_path / "cut").train()
    torch.manual_seed(99)
    second = HdtrTrainer(stage, clips.parent, None, tmp_path / "cut")
    assert second.resume()
    second.train(workers=1)
    for (name, one), other in zip(whole.net.state_dict().items(), second.net.state_dict().values(), strict=True):
        assert torch.equal(one, other), name


@pytest.mark.parametrize("switch", ["fusion", "reference"])
def test_ablations_leave_out_what_they_say(switch: str, clips: Path, tmp_path: Path) -> None:
    stage = replace(STAGE, steps=1, adversarial=0.0, **{switch: False})
    trainer = HdtrTrainer(stage, clips.parent, None, tmp_path)
    assert set(trainer.learn(trainer.make(0))) == {"pixel", "drawn"}
    fusions = sum(isinstance(module, ChannelFusion) for module in trainer.net.modules())
    assert (fusions == 0) == (switch == "fusion")
    untouched = [name for name, p in trainer.net.named_parameters() if p.grad is None]
    assert any(name.startswith("encoder.ref_model") for name in untouched) == (switch == "reference")
    trainer.save()
    if switch == "reference":
        with pytest.raises(UsageError, match="without one of its branches"):
            export(ExportJob(tmp_path, stage, tmp_path, "own"))


def test_a_run_is_looked_at_gone_on_with_and_becomes_two_graphs(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUBTOOL_WEIGHTS", str(tmp_path / "out"))
    # Large steps, so that the average is far from the last weights, and the head from how it was born.
    monkeypatch.setattr("dubtool.training.core.gan_trainer.falling_rate", lambda *_: 2e-2)
    shutil.copyfile(find("face_shape"), clips.parent / "face_shape.npz")
    run, stage = tmp_path / "run", replace(STAGE, steps=3)
    for steps, minutes in ((1, 0.0001), (3, None)):
        effort = Effort(minutes=minutes, device="cpu")
        assert train(clips.parent, run, stage, effort, progress=lambda step, losses: None) == steps
    assert stage_of_run(run) == stage
    shapes = ShapeModel.load(run / "face_shape.npz")
    ShapeModel(shapes.mean, shapes.basis[::-1].copy()).save(clips.parent / "face_shape.npz")
    with pytest.raises(UsageError, match="another shape model"):
        train(clips.parent, run, stage, Effort(device="cpu"), progress=lambda step, losses: None)
    np.testing.assert_array_equal(ShapeModel.load(run / "face_shape.npz").basis, shapes.basis)
    assert [row["step"] for row in read_rows(run / VALIDATION)] == [1, 3]
    assert read_rows(run / VALIDATION)[-1]["lpips_before"] > 0
    assert [path.name for path in sorted((run / "pictures").iterdir())] == ["0000001.png", "0000003.png"]
    once, frame = export_run(run, tmp_path / "out", "mine")
    assert find("mine_once") == once and find("mine_frame") == frame
    told = Session(frame, "cpu", threads=1).metadata
    assert (told["network"], told["side"], told["steps"], told["corrects"]) == ("hdtr", 64, 3, True)
    sample = validation_samples(clips.parent, stage, 1)[0]
    net = new_restorer(stage).eval()
    net.load_state_dict(read_checkpoint(run / "checkpoint.pt")["average"])
    batch = collate([sample], 0)
    with torch.no_grad():
        wanted = restored(net, stage, batch)[1].clamp(0, 1).numpy()
    given = {"mask": batch.hidden, "contour": batch.contour, "crop": batch.poor}
    feeds = {name: tensor.numpy() for name, tensor in given.items()}
    features = Session(once, "cpu", threads=1).run({"reference": batch.reference.numpy()})
    got = Session(frame, "cpu", threads=1).run(feeds | features)["mouth"]
    assert np.abs(got - wanted).max() < 4e-3


def test_without_open_mouths_or_clips_one_line_says_so(clips: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no clip with a mouth of 500 px"):
        HdtrTrainer(replace(STAGE, min_natural=500), clips.parent, None, None)
    few = [replace(clip, frontal=clip.frontal[:4]) for clip in load_clips(clips, "train")]
    with pytest.raises(InputError, match="no prepared clip shows an open mouth"):
        TeethSampler(few, 64, 0.5, 0)


def test_the_full_network_is_the_authors_own() -> None:
    assert new_restorer(replace(STAGE, width=16)).state_dict().keys() == new_restorer(STAGE).state_dict().keys()
