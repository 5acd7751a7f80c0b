from __future__ import annotations

import numpy as np
import pytest

from dubtool.tracking.head_look import (
    CELLS,
    MeanLook,
    dark_rows,
    head_look,
    look_likeness,
    mean_look,
    moved_likeness,
    relit_rows,
    unusual_chins,
)

# A scene of soft stains.
SCENE = np.kron(np.random.default_rng(0).integers(30, 220, (12, 16, 3)), np.ones((20, 20, 1))).astype(np.uint8)


def looks(rgb: np.ndarray, x: float = 160.0, y: float = 120.0, size: float = 60.0) -> MeanLook:
    return mean_look(head_look(rgb, x, y, size)[None])


def test_all_around_a_head_is_seen_in_cells() -> None:
    look = head_look(SCENE, 160, 120, 60)
    assert look.shape == (CELLS, CELLS, 3) and look.dtype == np.uint8 and (look > 0).all()


def test_what_lies_beyond_the_picture_is_not_known() -> None:
    known = np.asarray((head_look(SCENE, 20, 120, 60) > 0).all(axis=-1))
    # The square begins 70 px beyond the left edge, and a cell is 22.5 px wide.
    assert known[0].tolist() == [False] * 3 + [True] * 5
    assert (known == known[0]).all()


@pytest.mark.parametrize("factor", [0.5, 2, 4])
def test_a_larger_picture_of_the_same_looks_the_same(factor: float) -> None:
    column = (np.arange(int(320 * factor)) / factor).astype(int)
    row = (np.arange(int(240 * factor)) / factor).astype(int)
    larger = head_look(SCENE[row][:, column], 160.5 * factor - 0.5, 120.5 * factor - 0.5, 60 * factor)
    assert look_likeness(looks(SCENE), mean_look(larger[None])) == pytest.approx(1, abs=0.01)


def test_light_and_contrast_are_no_matter() -> None:
    look = look_likeness(looks(SCENE), looks((SCENE * 0.4 + 60).astype(np.uint8)))
    assert look is not None and look > 0.97


def test_another_scene_looks_otherwise() -> None:
    look = look_likeness(looks(SCENE), looks(SCENE[::-1].copy()))
    assert look is not None and look < 0.5


def test_rows_that_were_not_looked_at_do_not_count() -> None:
    some = np.concatenate([head_look(SCENE, 160, 120, 60)[None], np.zeros((3, CELLS, CELLS, 3), np.uint8)])
    assert look_likeness(mean_look(some), looks(SCENE)) == pytest.approx(1)
    assert look_likeness(mean_look(some[1:]), looks(SCENE)) is None
    assert moved_likeness(mean_look(some[1:]), looks(SCENE)) is None


def test_a_look_that_moved_is_known_again_and_another_is_not() -> None:
    moved = looks(SCENE, 160 + 0.75 * 22.5, 120 - 0.5 * 22.5)
    still, fitted = look_likeness(looks(SCENE), moved), moved_likeness(looks(SCENE), moved)
    assert still is not None and fitted is not None
    assert still < 0.8 and fitted > still + 0.1
    other = moved_likeness(looks(SCENE), looks(SCENE[::-1].copy()))
    assert other is not None and other < 0.6


def test_a_flat_picture_is_like_nothing() -> None:
    flat = np.full((240, 320, 3), 90, np.uint8)
    assert look_likeness(looks(flat), looks(SCENE)) == pytest.approx(0, abs=0.01)


def test_a_face_in_the_dark_is_told_from_the_rows_that_were_looked_at() -> None:
    looks = np.zeros((7, CELLS, CELLS, 3), np.uint8)
    looks[0], looks[3], looks[6] = 128, 20, 128
    looks[3, 0, 0] = 255  # a lamp beside it
    assert dark_rows(looks).tolist() == [False, False, True, True, True, False, False]
    assert not dark_rows(np.zeros((4, CELLS, CELLS, 3), np.uint8)).any()


def test_what_comes_before_a_chin_is_unusual() -> None:
    rng = np.random.default_rng(2)
    looks = (128 + rng.integers(-4, 5, (40, CELLS, CELLS, 3))).astype(np.uint8)
    looks[1::2] = 0  # one look in two frames
    assert not unusual_chins(looks).any()
    looks[20:24:2, 5, 3] += 30
    assert np.flatnonzero(unusual_chins(looks)).tolist() == [19, 20, 21, 22, 23]
    looks[:, 0, 0] += 60
    assert unusual_chins(looks).sum() == 5, "what is beside the head tells nothing"
    moving = (128 + rng.integers(-40, 41, (40, CELLS, CELLS, 3))).astype(np.uint8)
    assert unusual_chins(moving).mean() < 0.1, "of somebody who turns about it takes more"
    assert not unusual_chins(np.zeros((5, CELLS, CELLS, 3), np.uint8)).any()


def test_a_fade_and_another_light_are_told_from_a_cover() -> None:
    looks = np.random.default_rng(2).integers(40, 200, (1, CELLS, CELLS, 3)).repeat(30, axis=0).astype(np.float32)
    share = np.zeros(30, np.float32)
    share[20:] = np.linspace(0.1, 1, 10)
    for colour in (255, 1):
        faded = looks + share[:, None, None, None] * (colour - looks)
        found = relit_rows(faded.astype(np.uint8))
        assert found[23:].all() and not found[:19].any()
    lit = looks.copy()
    lit[12:15] = np.clip(lit[12:15] + np.array([0, -30, 30]), 1, 255)
    assert np.flatnonzero(relit_rows(lit.astype(np.uint8))).tolist() == [11, 12, 13, 14, 15]
    looks[10:20, 4:6, 2:6] = 20
    looks[1::2] = 0
    assert not relit_rows(looks.astype(np.uint8)).any()
    assert not relit_rows(np.zeros((5, CELLS, CELLS, 3), np.uint8)).any()
