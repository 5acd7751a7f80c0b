"""Training the painter over deformed references, from a video to a graph: cut-outs, samples, steps, pictures."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from dubtool.cli.app import main
from dubtool.engine.session import Session
from dubtool.errors import InputError, UsageError
from dubtool.face.reference_warp import MOUTH_POINTS, Picks, Reference
from dubtool.face.shape import ShapeModel, split_mouth
from dubtool.models.registry import open_warp_painter
from dubtool.training.core.config import stage_of_run
from dubtool.training.core.export import export_run
from dubtool.training.core.precision import mixed_precision
from dubtool.training.core.runs import Effort, train
from dubtool.training.core.trainer import VALIDATION, read_checkpoint, read_rows
from dubtool.training.data.cutouts import CUTOUTS, CutoutClip, load_cutouts, prepare_cutouts
from dubtool.training.warp_painter.data import WarpSample, WarpSampler
from dubtool.training.warp_painter.stage import WarpPainterStage
from dubtool.training.warp_painter.trainer import WarpPainterTrainer, collate, new_warp_painter
from dubtool.training.warp_painter.validation import validate_warps, validation_warps
from dubtool.weights.locate import find

pytestmark = pytest.mark.usefixtures("one_thread")

FRAMES = 44
SIDE = 64
STAGE = WarpPainterStage(side=SIDE, width=8, batch=2, steps=4, learning_rate=2e-3, feature=0.0, judge_width=8)


@pytest.fixture(scope="module")
def data(cut: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepared data of one person to train on and one for validation, of whom the same video was made; and of one whose
    face is too small."""
    corpus, out = tmp_path_factory.mktemp("corpus"), tmp_path_factory.mktemp("data")
    video = cut("speaks.mp4", "-ss", 1, "-frames:v", FRAMES, "-an", "-preset", "ultrafast", "-crf", 16)
    (out / "people.txt").write_text("kept\n")
    shutil.copy(video, corpus / "taught.mp4")
    (corpus / "torn.mp4").write_bytes(b"no video")
    assert prepare_cutouts(corpus, out, validation=out / "people.txt") == 1
    # The other's face is the same, and need not be looked for again.
    shutil.copy(video, corpus / "kept.mp4")
    shutil.copy(out / "tracks" / "taught.npz", out / "tracks" / "kept.npz")
    first = (out / CUTOUTS / "taught.npz").stat().st_mtime_ns
    assert prepare_cutouts(corpus, out, validation=out / "people.txt") == 2
    assert (out / CUTOUTS / "taught.npz").stat().st_mtime_ns == first, "what is there already is kept"
    shutil.copyfile(find("face_shape"), out / "face_shape.npz")
    return out


@pytest.fixture(scope="module")
def clip(data: Path) -> CutoutClip:
    (clip,) = load_cutouts(data / CUTOUTS, "train")
    return clip


def test_cut_outs_are_what_was_filmed(data: Path, clip: CutoutClip) -> None:
    assert (clip.name, clip.person, clip.frames.tolist()) == ("taught", "taught", list(range(FRAMES)))
    assert len(clip.references) == FRAMES == len(clip.shapes) == len(clip.angles)
    assert [each.name for each in load_cutouts(data / CUTOUTS, "val")] == ["kept"]
    assert sorted(path.name for path in data.iterdir() if "cut" in path.name) == [CUTOUTS]
    # Lips are redder than the skin around them, where the landmarks say that they are.
    for reference in clip.references[::20]:
        outer, inner, jaw = split_mouth(reference.control[:MOUTH_POINTS])
        lips, skin = (_redness(reference, each) for each in ((outer + inner) / 2, (jaw + outer.mean(axis=0)) / 2))
        assert lips > skin + 0.05
        assert np.abs(reference.control[:MOUTH_POINTS] - reference.modelled).mean() < 0.05


def _redness(reference: Reference, points: np.ndarray) -> float:
    """Red over green where points of the unit crop lie in a reference."""
    places = np.rint(points @ reference.from_unit[:, :2].T + reference.from_unit[:, 2]).astype(int)
    seen = reference.picture[places[:, 1], places[:, 0]].astype(float)
    return float((seen[:, 0] / (seen[:, 1] + 1)).mean())


def test_small_faces_can_be_left_out(data: Path, clip: CutoutClip) -> None:
    radius = float(np.median([np.sqrt(np.linalg.det(each.from_unit[:, :2])) for each in clip.references]))
    assert len(load_cutouts(data / CUTOUTS, "train", radius - 1)) == 1
    assert load_cutouts(data / CUTOUTS, "train", radius + 1) == []


def test_a_sample_shows_the_frame_by_other_frames(clip: CutoutClip, model: ShapeModel) -> None:
    # About as large as in the video.
    sampler = WarpSampler([clip], model, 144, seed=0)
    near = sampler.made(clip, 20, Picks(20, 20, 0.0, ()))
    assert near.given.shape == (13, 144, 144) and near.true.shape == (3, 144, 144) and near.mask.shape == (144, 144)
    for each in (near.given, near.true, near.mask):
        assert each.dtype == np.float32 and each.min() >= 0 and each.max() < 1.001
    # Made of the frame itself, the warp is the truth.
    assert np.abs(near.given[:3] - near.true).mean() < 0.01
    picks = sampler.nearest(clip, 20, gap=12)
    assert all(abs(each - 20) >= 12 for each in (picks.shown, picks.next, *picks.voters)) and picks.voters
    far = sampler.made(clip, 20, picks)
    np.testing.assert_array_equal(far.true, near.true)
    np.testing.assert_array_equal(far.mask, near.mask)
    assert 0.004 < np.abs(far.given[:3] - far.true)[:, far.mask > 0.5].mean() < 0.15


def test_in_other_light_the_truth_is_brighter_and_the_warp_follows(clip: CutoutClip, model: ShapeModel) -> None:
    sampler = WarpSampler([clip], model, SIDE, seed=0)
    picks = sampler.nearest(clip, 20, gap=12)
    usual, bright = (
        sampler.made(clip, 20, picks, None if gain == 1 else np.full(3, gain, np.float32)) for gain in (1, 1.1)
    )
    inside = usual.mask > 0.9
    true, warped = ((bright.true - usual.true)[:, inside].mean(), (bright.given - usual.given)[:3, inside].mean())
    assert true > 0.03 and 0.5 * true < warped < 1.2 * true


def _equal(one: WarpSample, other: WarpSample) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("given", "true", "mask"))


def test_samples_depend_on_seed_and_step_alone(clip: CutoutClip, model: ShapeModel) -> None:
    sampler = WarpSampler([clip], model, SIDE, seed=0)
    wanted = sampler.seeded(0, 5).draw()
    sampler.draw()
    sampler.seeded(0, 6).draw()
    assert _equal(sampler.seeded(0, 5).draw(), wanted)
    assert _equal(WarpSampler([clip], model, SIDE, seed=9).seeded(0, 5).draw(), wanted)
    assert not _equal(sampler.seeded(0, 6).draw(), wanted) and not _equal(sampler.seeded(1, 5).draw(), wanted)


def test_people_are_balanced(clip: CutoutClip, model: ShapeModel) -> None:
    """Nine clips of one, one clip of another, told by their light."""
    dark = replace(
        clip, person="dark", references=[replace(each, picture=each.picture // 3) for each in clip.references]
    )
    sampler = WarpSampler([clip] * 9 + [dark], model, 16, seed=0)
    bright = [sampler.seeded(0, step).draw().true.mean() > 0.3 for step in range(40)]
    assert 10 < sum(bright) < 30


def _trainer(data: Path, run: Path | None, stage: WarpPainterStage = STAGE) -> WarpPainterTrainer:
    torch.manual_seed(1)
    return WarpPainterTrainer(stage, data / CUTOUTS, ShapeModel.load(find("face_shape")), None, run)


def test_a_few_steps_bring_the_picture_nearer_to_the_truth(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dubtool.training.core.gan_trainer.falling_rate", lambda *_: 2e-3)
    trainer = _trainer(data, None)
    batch = trainer.make(0)
    assert batch.given.shape == (2, 13, SIDE, SIDE) and batch.mask.shape == (2, 1, SIDE, SIDE)
    losses = [trainer.learn(batch) for _ in range(24)]
    assert set(losses[0]) == {"pixel"}
    warped = (batch.mask * (batch.given[:, :3] - batch.true)).abs().sum() / (3 * batch.mask.sum())
    assert losses[0]["pixel"] == pytest.approx(float(warped), rel=0.02), "it begins with the warp"
    assert losses[-1]["pixel"] < 0.95 * losses[0]["pixel"]


def test_killed_and_resumed_is_as_never_killed(data: Path, tmp_path: Path) -> None:
    stage = replace(STAGE, adversarial=0.1)
    whole = _trainer(data, tmp_path / "whole", stage)
    whole.train()

    def kill(step: int, losses: dict[str, float]) -> None:
        assert {"pixel", "judge", "fooled"} <= set(losses)
        if step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _trainer(data, tmp_path / "cut", stage).train(save_every=0, report_every=1, progress=kill)
    torch.manual_seed(99)
    second = WarpPainterTrainer(stage, data / CUTOUTS, ShapeModel.load(find("face_shape")), None, tmp_path / "cut")
    assert second.resume() and second.step == 2
    second.train(workers=1)
    for part in ("net", "average"):
        one, other = (read_checkpoint(tmp_path / run / "checkpoint.pt")[part] for run in ("whole", "cut"))
        assert one.keys() == other.keys()
        for name in one:
            assert torch.equal(one[name], other[name]), (part, name)


def test_a_run_is_looked_at_and_becomes_a_graph_that_dubs(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DUBTOOL_WEIGHTS", str(tmp_path / "out"))
    monkeypatch.setattr("dubtool.training.core.gan_trainer.falling_rate", lambda *_: 2e-2)
    run = tmp_path / "run"
    assert train(data, run, replace(STAGE, steps=2), Effort(device="cpu"), progress=lambda step, losses: None) == 2
    row = read_rows(run / VALIDATION)[-1]
    assert row["step"] == 2
    assert {"psnr", "lpips", "sharpness", "psnr_before", "lpips_before", "sharpness_before"} <= set(row)
    # Four frames of one clip: warped, painted over, true.
    assert cv2.imread(str(run / "pictures" / "0000002.png")).shape == (3 * SIDE, 4 * SIDE, 3)
    assert stage_of_run(run) == replace(STAGE, steps=2)
    (graph,) = export_run(run, tmp_path / "out", "retrieval-warp")
    assert find("warp_painter") == graph, "the name under which a dub looks for it"
    told = Session(graph, "cpu", threads=1).metadata
    assert (told["network"], told["side"], told["steps"]) == ("warp-painter", SIDE, 2)
    net = new_warp_painter(STAGE).eval()
    net.load_state_dict(read_checkpoint(run / "checkpoint.pt")["average"])
    given = _trainer(data, None).make(3).given
    with torch.no_grad():
        wanted = 255 * net(given).permute(0, 2, 3, 1).numpy()
    assert np.abs(wanted).max() > 1
    np.testing.assert_allclose(
        open_warp_painter(graph, device="cpu", threads=1).changes(given.numpy()), wanted, atol=0.3
    )


def test_an_untaught_network_scores_as_the_warps_do(data: Path, model: ShapeModel, tmp_path: Path) -> None:
    clips = load_cutouts(data / CUTOUTS, "val")
    samples = validation_warps(clips, model, STAGE)
    assert len(samples) == 4
    assert all(_equal(*pair) for pair in zip(samples, validation_warps(clips, model, STAGE), strict=True))
    scores = validate_warps(new_warp_painter(STAGE), samples[:2], tmp_path / "sheet.png")
    for name in ("psnr", "lpips", "sharpness"):
        assert scores[name] == pytest.approx(scores[f"{name}_before"], rel=1e-4)
    assert 20 < scores["psnr"] < 60


def test_a_network_of_other_sizes_is_not_begun_with(data: Path, tmp_path: Path) -> None:
    _trainer(data, tmp_path / "one", replace(STAGE, steps=1)).train()
    same = _trainer(data, tmp_path / "two")
    same.start_from(tmp_path / "one" / "checkpoint.pt")
    average = read_checkpoint(tmp_path / "one" / "checkpoint.pt")["average"]
    assert all(torch.equal(value, average[name]) for name, value in same.net.state_dict().items())
    with pytest.raises(UsageError, match="painter over deformed references of this stage's sizes"):
        _trainer(data, None, replace(STAGE, width=12)).start_from(tmp_path / "one" / "checkpoint.pt")


def test_without_cut_outs_one_line_says_what_to_run(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match="train prepare --cutouts"):
        _trainer(tmp_path, None)
    shutil.copyfile(find("face_shape"), tmp_path / "face_shape.npz")
    assert main(["train", "warp-painter", str(tmp_path), str(tmp_path / "run"), "--device", "cpu"]) == 3
    out, err = capsys.readouterr()
    assert out == "" and err.splitlines()[-1].endswith("run 'dubtool train prepare --cutouts'")


def test_the_command_line_knows_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--help"]) == 0
    assert "warp-painter" in capsys.readouterr().out
    assert main(["train", "warp-painter", "--help"]) == 0
    told = capsys.readouterr().out
    assert "--vgg" in told and "--from" in told and "--sync" not in told
    assert main(["train", "prepare", "--help"]) == 0
    assert "--cutouts" in capsys.readouterr().out


def test_half_precision_stays_where_the_processor_knows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    known = bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    layer, picture = torch.nn.Conv2d(3, 3, 1), torch.rand(1, 3, 4, 4)
    with mixed_precision("cpu"):
        made = layer(picture)
    assert made.dtype == (torch.bfloat16 if known else torch.float32)
    assert layer(picture).dtype == torch.float32, "it ends with the block"
    assert collate([WarpSample(np.zeros((13, 8, 8)), np.zeros((3, 8, 8)), np.zeros((8, 8)))]).mask.shape == (1, 1, 8, 8)
