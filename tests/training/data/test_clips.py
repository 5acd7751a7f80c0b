from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dubtool.training.data.clips import REFERENCES, Sampler, load_clips, neighbours
from dubtool.training.generator.data import collate
from dubtool.training.generator.stage import GeneratorStage


@pytest.fixture(scope="module")
def sampler(data: Path) -> Sampler:
    return Sampler(load_clips(data / "clips", "train"), 64, np.random.default_rng(0), augment=False)


def _row(crop: np.ndarray) -> int:
    """Which frame a crop shows: the synthetic clips' grey says so."""
    return round((float(crop[20:60, 20:60].mean()) - 50) / 4)


def test_only_people_of_the_split_are_loaded(data: Path) -> None:
    assert {clip.person for clip in load_clips(data / "clips", "train")} == {"person0", "person1", "person2"}
    assert {clip.person for clip in load_clips(data / "clips", "val")} == {"person3"}


@pytest.mark.parametrize("augment", [False, True])
def test_five_references_never_show_the_target(sampler: Sampler, augment: bool) -> None:
    chosen = sampler.seeded(3)
    chosen.augment = augment
    clip = chosen.clips[0]
    for row in range(len(clip.frames)):
        rows = chosen.references_of(clip, [row])
        assert len(rows) == REFERENCES
        assert np.abs(clip.frames[rows] - clip.frames[row]).min() >= 5


def test_references_are_the_pictures_of_their_rows(sampler: Sampler) -> None:
    sample = sampler.sample(sampler.clips[0], 12)
    assert _row(sample.crop) == 12
    shown = [_row(reference) for reference in sample.references]
    assert sorted(shown) == sorted(sampler.references_of(sampler.clips[0], [12]).tolist())


def test_what_is_drawn_depends_on_the_seed_alone(sampler: Sampler) -> None:
    sampler.augment = True
    try:
        one, other, again = (sampler.seeded(5, step).draw() for step in (1, 2, 1))
    finally:
        sampler.augment = False
    assert np.array_equal(one.references, again.references) and np.array_equal(one.drawing, again.drawing)
    assert not np.array_equal(one.references, other.references)


def test_collate_hides_exactly_the_hidden_part(sampler: Sampler) -> None:
    stage = GeneratorStage(mouth=64, mask=(0.5, 2.0, -0.9, 0.9))
    batch = collate([sampler.sample(sampler.clips[0], 12)], stage)
    hidden = np.zeros((104, 80), bool)
    # The unit crop's origin is at (40, 32) in px, and a radius is 32 px.
    hidden[32 + 16 : 32 + 64, 40 - 29 : 40 + 29] = True
    shown = batch.source[0, :3].numpy()
    assert (shown[:, hidden] == 0).all()
    assert np.array_equal(shown[:, ~hidden], batch.picture[0].numpy()[:, ~hidden])
    assert (shown[:, ~hidden] > 0).all()


def test_mouth_boxes_share_one_light_and_place(sampler: Sampler) -> None:
    boxes = sampler.mouths(sampler.clips[0], [3, 4, 5])
    assert boxes.shape == (3, 64, 64, 3)
    assert [_row(box) for box in boxes] == [3, 4, 5]


@pytest.mark.parametrize("rate", [24, 25, 30, 50, 60])
def test_shapes_around_a_frame_are_a_25th_apart_at_any_rate(sampler: Sampler, rate: int) -> None:
    """As dubbing asks for them; at 30 frames a second the next frames' own would teach slower lips."""
    clip = sampler.clips[0]
    times = np.arange(len(clip.times)) / rate
    ramp = np.repeat(times[:, None], clip.coefficients.shape[1], axis=1).astype(np.float32)
    condition = sampler.sample(replace(clip, times=times, coefficients=ramp), 12).condition
    assert condition.shape == (clip.coefficients.shape[1], 5) and condition.dtype == np.float32
    np.testing.assert_allclose(condition[0], 12 / rate + np.arange(-2, 3) / 25, atol=1e-5)


def test_neighbours_are_a_25th_apart_at_any_rate() -> None:
    assert neighbours(np.arange(40) / 25, 10, 5) == [8, 9, 10, 11, 12]
    assert neighbours(np.arange(40) / 50, 10, 5) == [6, 8, 10, 12, 14]
    assert neighbours(np.arange(40) / 25, 0, 5) == [0, 0, 0, 1, 2]
