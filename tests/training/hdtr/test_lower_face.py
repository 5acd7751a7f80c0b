"""Lower faces as tools generate them, and samples of drawn ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from dubtool.errors import InputError
from dubtool.face.reference_warp import CONTROL, MOUTH_POINTS, RIM, Reference
from dubtool.face.shape import MOUTH
from dubtool.face.topology import INNER_LIP, JAW, OUTER_LIP
from dubtool.jobs.shared.references import sharpness
from dubtool.training.data.cutouts import CutoutClip
from dubtool.training.hdtr.generated import Generated, draw_generated, generate
from dubtool.training.hdtr.lower_face import LowerFaceSampler
from dubtool.training.hdtr.stage import HdtrStage
from dubtool.training.hdtr.trainer import collate, new_restorer, restored

SIDE = 64
STAGE = HdtrStage(side=SIDE, width=8, detail=8, deep=True, shrink=2, lower_face=True, reach=1.35, batch=2, steps=2)
_RADIUS, _ROWS = 60, 24


def _recipe(**changes: object) -> Generated:
    return replace(
        draw_generated(np.random.default_rng(0), SIDE),
        **{"gain": np.ones(3), "offset": np.zeros(3), "ghost": 0.0, "wax": 0.0, "again": 0, "quality": 100}
        | {"top": -1.0, "bottom": 2.0, "left": -1.0, "right": 2.0}
        | changes,
    )


def _noise(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(60, 200, (SIDE, SIDE, 3), np.uint8)


def test_nothing_is_done_without_a_tool() -> None:
    assert generate(_noise(), _noise(1), None) is not None
    np.testing.assert_array_equal(generate(_noise(), _noise(1), None), _noise())


def test_a_tool_blurs_within_its_box_alone() -> None:
    # Grey, since compression keeps less of colour.
    crop = np.repeat(_noise()[..., :1], 3, axis=2)
    made = generate(crop, None, _recipe(shrink=4.0, top=0.5, feather=0.01)).astype(int)
    assert np.abs(made[:28] - crop[:28]).max() <= 8, "above the box all but compression is the camera's"
    assert sharpness(made[36:].astype(np.uint8)) < 0.2 * sharpness(crop[36:])


def test_a_ghost_shines_through_by_its_share() -> None:
    crop, ghost = (np.full((SIDE, SIDE, 3), level, np.uint8) for level in (100, 200))
    made = generate(crop, ghost, _recipe(ghost=0.3))
    assert abs(int(made[32, 32, 0]) - 130) <= 2
    assert abs(int(generate(crop, ghost, _recipe(ghost=0.0))[32, 32, 0]) - 100) <= 2


def test_the_smaller_the_tool_the_softer_its_face() -> None:
    crop = _noise()
    soft = [sharpness(generate(crop, None, _recipe(shrink=shrink, blur=0.0))) for shrink in (1.5, 3.0, 6.0)]
    assert soft[0] > soft[1] > soft[2]


def test_tools_of_chance_are_the_same_every_time() -> None:
    one, other = (draw_generated(np.random.default_rng(5), SIDE) for _ in range(2))
    np.testing.assert_array_equal(generate(_noise(), _noise(1), one), generate(_noise(), _noise(1), other))


def _ring(points: tuple[int, ...], across: float, down: float) -> np.ndarray:
    angle = np.pi + np.arange(len(points)) * 2 * np.pi / len(points)
    return np.stack([across * np.cos(angle), 0.9 + down * np.sin(angle)], axis=1)


@pytest.fixture(scope="module")
def clip() -> CutoutClip:
    """One person in grain, whose mouth opens row by row."""
    rng = np.random.default_rng(3)
    size = round(2.6 * _RADIUS)
    from_unit = np.array([[_RADIUS, 0, 1.3 * _RADIUS], [0, _RADIUS, 0.1 * _RADIUS]], np.float64)
    jaw = np.stack([np.linspace(-0.9, 0.9, len(JAW)), np.full(len(JAW), 1.7)], axis=1)
    rim = np.stack([np.linspace(-0.9, 0.9, len(RIM)), np.full(len(RIM), 0.1)], axis=1)
    references = []
    for row in range(_ROWS):
        mouth = np.concatenate([_ring(OUTER_LIP, 0.5, 0.2), _ring(INNER_LIP, 0.35, 0.005 * row), jaw])
        control = np.concatenate([mouth, rim]).astype(np.float32)
        picture = rng.integers(60, 200, (size, size, 3), np.uint8)
        references.append(Reference(picture, from_unit, control, control[:MOUTH_POINTS], 2))
    assert len(references[0].control) == len(CONTROL) and len(references[0].modelled) == len(MOUTH)
    shapes = np.arange(_ROWS, dtype=np.float32)[:, None]
    return CutoutClip("one", "person", references, shapes, np.zeros((_ROWS, 3), np.float32), np.arange(_ROWS))


def test_samples_are_of_the_lower_face(clip: CutoutClip) -> None:
    sampler = LowerFaceSampler([clip], STAGE, own=0.0, seed=0)
    softer, sharp_references, untouched = 0, 0, 0
    for step in range(24):
        sample, again = (sampler.seeded(0, step).draw() for _ in range(2))
        for one, other in zip(vars(sample).values(), vars(again).values(), strict=True):
            np.testing.assert_array_equal(one, other)
        black = (sample.hidden == 0).all(axis=2)
        assert 0.02 < black.mean() < 0.4
        assert sample.mask[black].min() > 0.9 and sample.mask[0].max() == 0 and sample.mask.mean() > black.mean()
        softer += sharpness(sample.poor) < 0.7 * sharpness(sample.true)
        sharp_references += sharpness(sample.reference) > 0.7 * sharpness(sample.true)
        untouched += np.array_equal(sample.poor, sample.true)
    assert softer >= 12 and untouched >= 1
    assert 6 <= sharp_references <= 20, "about every other reference is as it was filmed"


def test_a_frame_may_be_its_own_reference(clip: CutoutClip) -> None:
    sample = LowerFaceSampler([clip], STAGE, own=1.0, seed=0).seeded(2).draw()
    np.testing.assert_array_equal(sample.poor, sample.reference)


def test_without_drawing_the_head_sees_none(clip: CutoutClip) -> None:
    sample = LowerFaceSampler([clip], STAGE, own=1.0, seed=0).seeded(2).draw()
    other = replace(sample, contour=sample.contour[::-1].copy())
    results = {}
    for drawing in (True, False):
        stage = replace(STAGE, drawing=drawing)
        torch.manual_seed(0)
        net = new_restorer(stage).eval()
        assert net.detail is not None
        torch.nn.init.normal_(net.detail.leave.weight)
        with torch.no_grad():
            made = [restored(net, stage, collate([each], 0))[1] for each in (sample, other)]
        results[drawing] = torch.equal(*made)
    assert results == {True: False, False: True}


def test_nobody_to_learn_from_is_told() -> None:
    with pytest.raises(InputError, match="train prepare --cutouts"):
        LowerFaceSampler([], STAGE, own=1.0, seed=0)
