"""What a generator's stages are given, and what their losses ask for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from dubtool.errors import InputError, UsageError
from dubtool.training.core.adversary import stacked
from dubtool.training.data.clips import REFERENCES, Clip, Sampler, compressed, load_clips
from dubtool.training.generator.data import collate, open_sampler
from dubtool.training.generator.stage import GeneratorStage
from dubtool.training.generator.trainer import GeneratorTrainer
from dubtool.training.syncnet.stage import SyncStage
from dubtool.training.syncnet.trainer import SyncTrainer, load_syncnet

pytestmark = pytest.mark.usefixtures("one_thread")

SHAPE = GeneratorStage(mouth=64, width=8, modes=3, batch=2, steps=2, min_natural=0, judge_width=8)
CLIP = replace(SHAPE, frames=5, adversarial=0.1, adversarial_clip=0.1, sync=0.1)
SPEECH = replace(SHAPE, conditioning="whisper", modes=6, mask=(0.0, 2.0, -1.0, 1.0))


@pytest.fixture(scope="module")
def expert(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of a sync expert that has hardly learned anything."""
    run = tmp_path_factory.mktemp("expert")
    SyncTrainer(
        SyncStage(light=True, hidden=8, batch=2, moments=2, steps=1, min_natural=0), data / "clips", run
    ).train()
    return run


def _row(crop: np.ndarray) -> int:
    return round((float(crop[20:60, 20:60].mean()) - 50) / 4)


# Compression


def test_jpeg_takes_detail_away_and_keeps_the_colours() -> None:
    noise = np.random.default_rng(0).integers(0, 60, (64, 64, 1), np.uint8)
    picture = np.repeat(noise, 3, axis=2) + np.array([150, 20, 60], np.uint8)
    poor, fair = compressed(picture, 10), compressed(picture, 95)
    assert poor.shape == picture.shape and poor.dtype == np.uint8
    assert np.abs(poor.mean((0, 1)) - picture.mean((0, 1))).max() < 4
    lost = [np.abs(each.astype(int) - picture).mean() for each in (poor, fair)]
    assert lost[0] > 2 * lost[1] > 0


def test_inputs_are_compressed_at_times_and_targets_never(data: Path) -> None:
    clips = load_clips(data / "clips", "train")
    textured = replace(clips[0], crops=np.random.default_rng(0).integers(0, 255, clips[0].crops.shape, np.uint8))
    sampler = Sampler([textured], 64, np.random.default_rng(0))
    samples = [sampler.seeded(step).draw() for step in range(40)]
    changed = [not np.array_equal(sample.crop, sample.source) for sample in samples]
    assert 4 <= sum(changed) <= 22
    sampler.augment = False
    plain = [sampler.seeded(step).draw() for step in range(10)]
    assert all(np.array_equal(sample.crop, sample.source) for sample in plain)

    def grain(picture: np.ndarray) -> float:
        return float(cv2.Laplacian(picture, cv2.CV_32F).var())

    poor = next(sample for sample, is_changed in zip(samples, changed, strict=True) if is_changed)
    assert grain(poor.source) < grain(poor.crop)
    # What the network sees of the frame comes from the compressed one, what is asked for from the clean one.
    batch = collate([poor], SHAPE)
    assert np.allclose(batch.picture[0].permute(1, 2, 0).numpy() * 255, poor.crop, atol=1e-3)
    assert np.allclose(batch.source[0, :3, 0].T.numpy() * 255, poor.source[0], atol=1e-3)


# Speech as the condition


def test_speech_conditions_with_the_states_of_the_frame_and_its_neighbours(data: Path) -> None:
    sampler = open_sampler(data / "clips", "val", SPEECH, augment=False)
    clip = sampler.clips[0]
    with np.load(data / "clips" / clip.name / "states.npz") as stored:
        states = stored["states0"][:, 1].astype(np.float32)
    sample = sampler.sample(clip, 12)
    # A step of 1/25 s is two vectors of 1/50 s.
    np.testing.assert_allclose(sample.condition, states[[20, 22, 24, 26, 28]].T, atol=1e-5)


def test_speech_needs_no_drawing_and_hides_the_whole_mouth_box(data: Path) -> None:
    trainer = GeneratorTrainer(SPEECH, data / "clips", None, None)
    batch = trainer.make(0)
    assert batch.source.shape[1] == 3 and trainer.net.source_channels == 3
    assert (batch.source[:, :, 32:96, 8:72] == 0).all() and (batch.source[:, :, :32] > 0).all()
    assert set(trainer.learn(batch)) == {"pixel"}


def test_speech_is_learned_from_clips_in_sync_alone(data: Path, silent: Path) -> None:
    def names(stage: GeneratorStage) -> set[str]:
        return {clip.name for clip in open_sampler(silent, "train", stage, augment=True).clips}

    assert names(SHAPE) == {"clip0", "clip1", "clip2"}
    assert names(SPEECH) == names(replace(SHAPE, speaking=True)) == {"clip1", "clip2"}


@pytest.fixture(scope="module")
def silent(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clips, of which the first one's speech does not belong to it."""
    folder = tmp_path_factory.mktemp("silent")
    for clip in (data / "clips").iterdir():
        (folder / clip.name).mkdir()
        for file in clip.iterdir():
            if not (clip.name == "clip0" and file.name == "states.npz"):
                (folder / clip.name / file.name).symlink_to(file)
    return folder


def test_an_unknown_condition_is_refused() -> None:
    with pytest.raises(UsageError, match="conditioning 'smell' is unknown; use shape, whisper"):
        GeneratorStage(conditioning="smell")


# Five frames


def test_five_frames_in_a_row_share_references_light_and_place(data: Path) -> None:
    sampler = Sampler(load_clips(data / "clips", "train"), 64, np.random.default_rng(0), augment=False)
    clip = sampler.clips[0]
    samples = sampler.sequence(clip, 20, 5)
    assert [_row(sample.crop) for sample in samples] == [18, 19, 20, 21, 22] == [sample.row for sample in samples]
    for sample in samples:
        assert np.array_equal(sample.references, samples[0].references)
    shown = [_row(reference) for reference in samples[0].references]
    assert len(shown) == REFERENCES and min(abs(row - own) for row in shown for own in range(18, 23)) >= 5
    sampler.augment = True
    lit = [sampler.seeded(step).sequence(_flat(clip), 20, 5) for step in range(6)]
    assert all(np.array_equal(group[0].crop, sample.crop) for group in lit for sample in group)


def _flat(clip: Clip) -> Clip:
    """The clip with the same picture in every frame."""
    return replace(clip, crops=np.broadcast_to(clip.crops[:1], clip.crops.shape))


def test_a_batch_of_five_has_one_set_of_references_each(data: Path, expert: Path) -> None:
    trainer = GeneratorTrainer(CLIP, data / "clips", None, None, sync=expert)
    batch = trainer.make(0)
    assert len(batch.picture) == len(batch.source) == len(batch.condition) == 10 and len(batch.reference) == 2
    assert batch.sounds is not None and batch.sounds.shape == (2, 6, 11)
    assert set(trainer.learn(batch)) == {"pixel", "judge", "fooled", "clip_judge", "clip_fooled", "sync"}
    stacks = stacked(batch.picture)
    assert stacks.shape == (2, 15, 104, 80)
    assert torch.equal(stacks[1, 3:6], batch.picture[6])


def test_the_expert_hears_only_what_belongs_to_the_picture(silent: Path, expert: Path) -> None:
    trainer = GeneratorTrainer(replace(CLIP, batch=12), silent, None, None, sync=expert)
    batch = trainer.make(3)
    groups = trainer.sampler.seeded(CLIP.seed, 3)
    names = [groups.draw_sequence(5)[2].clip.name for _ in range(12)]
    assert batch.heard is not None and batch.sounds is not None
    assert batch.heard.tolist() == [number for number, name in enumerate(names) if name != "clip0"]
    assert 0 < len(batch.heard) < 12 and len(batch.sounds) == len(batch.heard)


def test_the_sync_loss_moves_the_generator_and_not_the_expert(data: Path, expert: Path) -> None:
    given = dict(load_syncnet(expert)[0].state_dict())
    only = replace(CLIP, pixel=0.0, adversarial=0.0, adversarial_clip=0.0)
    trainer = GeneratorTrainer(only, data / "clips", None, None, sync=expert)
    trainer.learn(trainer.make(0))
    assert sum(float(p.grad.abs().sum()) for p in trainer.net.parameters() if p.grad is not None) > 0
    assert trainer.expert is not None
    for name, value in trainer.expert.net.state_dict().items():
        assert torch.equal(value, given[name]), name


def test_a_sync_loss_without_an_expert_and_stacks_of_other_sizes_are_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="name the run of a sync expert with --sync"):
        GeneratorTrainer(CLIP, data / "clips", None, None)
    with pytest.raises(InputError, match="no run of 'dubtool train syncnet'"):
        GeneratorTrainer(CLIP, data / "clips", None, None, sync=tmp_path)
    with pytest.raises(UsageError, match="set frames = 5"):
        replace(CLIP, frames=3)


# From stage to stage


def test_the_next_stage_begins_with_generator_and_judges(data: Path, tmp_path: Path, expert: Path) -> None:
    before = GeneratorTrainer(replace(SHAPE, adversarial=0.1, steps=1), data / "clips", None, tmp_path)
    before.train()
    after = GeneratorTrainer(replace(CLIP, seed=5), data / "clips", None, None, sync=expert)
    untaught = {name: value.clone() for name, value in after.judges[1][0].net.state_dict().items()}
    after.start_from(tmp_path / "checkpoint.pt")
    for name, value in after.net.state_dict().items():
        assert torch.equal(value, before.average[name]), name
    judge, clip_judge = (each for each, _ in after.judges)
    for name, value in judge.net.state_dict().items():
        assert torch.equal(value, before.judges[0][0].net.state_dict()[name]), name
    for name, value in clip_judge.net.state_dict().items():
        assert torch.equal(value, untaught[name]), name


def test_a_judge_of_another_size_begins_afresh(data: Path, tmp_path: Path) -> None:
    GeneratorTrainer(replace(SHAPE, adversarial=0.1, steps=1), data / "clips", None, tmp_path).train()
    wider = GeneratorTrainer(replace(SHAPE, adversarial=0.1, judge_width=16), data / "clips", None, None)
    wider.start_from(tmp_path / "checkpoint.pt")
    wider.learn(wider.make(0))
