"""Training on drawn heads: what the network is given, that some steps teach it, and that a resumed run is the same."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from dubtool.errors import InputError, UsageError
from dubtool.face.portrait_points import KEYPOINTS, LEFT_EYE, RIGHT_EYE, keypoints
from dubtool.face.topology import FACE_OVAL, INNER_LIP, OUTER_LIP
from dubtool.training.adasr.data import PortraitSampler, collate
from dubtool.training.adasr.stage import AdasrStage
from dubtool.training.adasr.trainer import AdasrTrainer, fine_parts, new_network
from dubtool.training.adasr.validation import validate_portraits
from dubtool.training.core.config import load_stage, stage_of_run
from dubtool.training.data.faces import load_faces

STAGE = AdasrStage(
    side=64,
    width=8,
    middle=1,
    high_frequency=2,
    batch=2,
    steps=6,
    learning_rate=2e-3,
    adversarial=0.1,
    matching=1.0,
    judge_width=8,
)
_SIDE, _PAD, _FRAMES = 80, 8, 6


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people who are trained on and one who is not, whose heads nod and whose mouths open."""
    folder = tmp_path_factory.mktemp("faces")
    for number in range(3):
        _write_clip(folder / f"clip{number}", number)
    return folder


def landmarks(row: int) -> np.ndarray:
    whole = _SIDE + 2 * _PAD
    points = np.zeros((478, 3), np.float32)
    points[:, :2] = np.random.default_rng(4).uniform(0.4, 0.6, (478, 2)) * whole

    def ring(indices: tuple[int, ...], across: float, down: float, at: tuple[float, float]) -> None:
        angle = np.linspace(0, 2 * np.pi, len(indices), endpoint=False)
        points[list(indices), 0] = (at[0] + across * np.cos(angle)) * whole
        points[list(indices), 1] = (at[1] + down * np.sin(angle)) * whole

    ring(FACE_OVAL, 0.2, 0.25, (0.5, 0.53))
    ring(OUTER_LIP, 0.08, 0.03 + 0.005 * row, (0.5, 0.66))
    ring(INNER_LIP, 0.06, 0.005 + 0.005 * row, (0.5, 0.66))
    ring(RIGHT_EYE, 0.05, 0.02, (0.4, 0.45))
    ring(LEFT_EYE, 0.05, 0.02, (0.6, 0.45))
    points[:, 0] += row
    return points


def _write_clip(folder: Path, number: int) -> None:
    folder.mkdir()
    pictures, points = [], []
    for row in range(_FRAMES):
        face = landmarks(row)
        picture = np.full((_SIDE + 2 * _PAD,) * 2 + (3,), 40 + 30 * number, np.uint8)
        for ring, colour in ((FACE_OVAL, (120, 150, 200)), (OUTER_LIP, (60, 60, 180)), (INNER_LIP, (250, 250, 250))):
            cv2.fillPoly(picture, [np.rint(face[list(ring), :2]).astype(np.int32)], colour)
        pictures.append(cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, 95))[1].ravel())
        points.append(face)
    np.save(folder / "pictures.npy", np.concatenate(pictures))
    np.save(folder / "landmarks.npy", np.stack(points))
    split = "val" if number == 2 else "train"
    offsets = np.cumsum([0, *map(len, pictures)])
    np.savez(folder / "meta.npz", side=_SIDE, pad=_PAD, offsets=offsets, identity=f"person{number}", split=split)


def sampler(faces: Path, **settings: float) -> PortraitSampler:
    return PortraitSampler(load_faces(faces, "train"), STAGE.side, 0, **settings)


def test_clips_are_read_by_split_with_red_first(faces: Path) -> None:
    assert [clip.person for clip in load_faces(faces, "train")] == ["person0", "person1"]
    (clip,) = load_faces(faces, "val")
    face = clip.picture(0)[_PAD + 40, _PAD + 40].astype(int)
    assert face[0] > face[1] > face[2]


def test_points_lie_where_the_sampled_picture_shows_them(faces: Path) -> None:
    chosen = sampler(faces)
    for number in range(8):
        sample = chosen.seeded(number).draw()
        # Light and colour change, but teeth stay the brightest thing.
        light = sample.target.astype(int).sum(axis=2)
        teeth = np.argwhere(light > 0.9 * light.max()).mean(axis=0)[::-1]
        drawn = np.argwhere(sample.target_drawing[0] > 128).mean(axis=0)[::-1]
        lips = sample.target_points[[KEYPOINTS.index(each) for each in (78, 308)]].mean(axis=0)
        assert np.abs(drawn - teeth).max() < 1.5
        assert np.abs(((lips + 1) * STAGE.side - 1) / 2 - teeth).max() < 1.5


def test_sources_are_degraded_and_targets_never(faces: Path) -> None:
    clean, poor = (sampler(faces, clean=share) for share in (1.0, 0.0))
    clip = clean.clips[0]
    sample = clean.sample(clip, 2, 2)
    assert np.array_equal(sample.source, sample.target)
    for number in range(4):
        sharp, soft = clean.seeded(number).draw(), poor.seeded(number).draw()
        assert cv2.Laplacian(soft.target, cv2.CV_32F).var() > 0
        assert soft.source.shape == sharp.source.shape
        assert np.abs(soft.source.astype(int) - soft.target).mean() > 0.5


def test_what_is_given_is_the_degraded_source_moved_to_the_target(faces: Path) -> None:
    for number in range(8):
        sample = sampler(faces, clean=0.0).seeded(number).draw()
        sharpness = [cv2.Laplacian(each, cv2.CV_32F).var() for each in (sample.warped, sample.target)]
        assert sharpness[0] < sharpness[1]
    still, moved = (sampler(faces).sample(sampler(faces).clips[0], 0, target) for target in (0, 5))
    assert np.abs(still.warped.astype(int) - still.source).mean() < 1
    away = [np.abs(each.astype(int) - moved.target).mean() for each in (moved.warped, moved.source)]
    assert away[0] < 0.8 * away[1]


def test_a_step_draws_the_same_batch_again(faces: Path) -> None:
    trainer = AdasrTrainer(STAGE, faces, None, None)
    first, again, other = trainer.make(3), trainer.make(3), trainer.make(4)
    assert torch.equal(first.source, again.source) and torch.equal(first.target_points, again.target_points)
    assert not torch.equal(first.source, other.source)


def test_mouth_and_eyes_weigh_more(faces: Path) -> None:
    chosen = sampler(faces)
    sample = chosen.sample(chosen.clips[0], 0, 5)
    weight = fine_parts(collate([sample]).target_drawing)[0, 0]
    points = keypoints(np.stack([landmarks(0)]), 1)
    assert points.shape[1] == len(KEYPOINTS)
    ys, xs = np.nonzero(sample.target_drawing[0])
    assert weight[ys, xs].min() > 0.4 and weight[0, 0] == 0


def test_some_steps_teach_it(faces: Path) -> None:
    trainer = AdasrTrainer(replace(STAGE, steps=40, adversarial=0.0, clean=1.0, final_rate=2e-3), faces, None, None)
    batch = trainer.make(0)
    losses = []
    for _ in range(40):
        losses.append(float(trainer.learn(batch)["pixel"]))
        trainer.step += 1
    assert losses[-1] < 0.9 * losses[0]


def test_a_resumed_run_ends_with_the_same_weights(faces: Path, tmp_path: Path) -> None:
    whole = AdasrTrainer(STAGE, faces, None, tmp_path / "whole")
    whole.train()
    part = AdasrTrainer(STAGE, faces, None, tmp_path / "part")
    part.train(limit=0.0)
    for _ in range(3):
        part.learn(part.make(part.step))
        part.step += 1
    part.save()
    resumed = AdasrTrainer(STAGE, faces, None, tmp_path / "part")
    assert resumed.resume() and resumed.step == 3
    resumed.train()
    for name, value in whole.average.items():
        assert torch.equal(value, resumed.average[name]), name
    assert stage_of_run(tmp_path / "whole") == STAGE


def test_a_finer_stage_begins_with_the_coarser_ones_average(faces: Path, tmp_path: Path) -> None:
    coarse = AdasrTrainer(STAGE, faces, None, tmp_path / "coarse")
    coarse.train()
    fine = AdasrTrainer(replace(STAGE, side=128), faces, None, None)
    fine.start_from(tmp_path / "coarse" / "checkpoint.pt")
    assert all(torch.equal(value, fine.average[name]) for name, value in coarse.average.items())
    with pytest.raises(UsageError, match="no AdaSR of width 16"):
        AdasrTrainer(replace(STAGE, width=16), faces, None, None).start_from(tmp_path / "coarse" / "checkpoint.pt")


def test_validation_compares_with_the_warp_that_is_given(faces: Path, tmp_path: Path) -> None:
    people = PortraitSampler(load_faces(faces, "val"), 128, 0)
    scores = validate_portraits(new_network(STAGE), people, tmp_path / "sheet.png")
    assert scores["psnr"] == pytest.approx(scores["warp_psnr"], abs=0.5)
    assert 0 < scores["ssim"] <= 1 and scores["lpips"] >= 0
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet is not None and sheet.shape == (4 * 128, 128, 3)


def test_without_faces_it_says_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="prepare --faces"):
        AdasrTrainer(STAGE, tmp_path, None, None)


@pytest.mark.parametrize(("name", "side"), [("adasr_128", 128), ("adasr_256", 256)])
def test_our_stages_can_be_read(name: str, side: int) -> None:
    stage = load_stage(name, AdasrStage)
    assert stage.side == side
    # A finer stage takes over the coarser one's network.
    same = ("width", "middle", "high_frequency")
    assert [asdict(stage)[each] for each in same] == [asdict(AdasrStage())[each] for each in same]
