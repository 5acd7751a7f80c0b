"""Finding the moments of a video in a longer, scaled or recut source, by the upper face's landmarks alone."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from dubtool.face.topology import TRACKED
from dubtool.jobs.restore_teeth.same_moment import Footage, same_moments

RATE = 25.0


def _head(count: int, seed: int = 0) -> np.ndarray:
    """Landmarks float32 [count, P, 3] of a head that sways, px of a picture of 400 x 300."""
    rng = np.random.default_rng(seed)
    face = rng.uniform((120, 80, 0), (280, 240, 10), (len(TRACKED), 3))
    sway = np.cumsum(rng.normal(0, 2.0, (count, 1, 3)), axis=0)
    return (face + sway).astype(np.float32)


def _footage(points: np.ndarray, *, start: float = 0.0, scale: float = 1.0, shots: list[int] | None = None) -> Footage:
    lengths = shots or [len(points)]
    parts = np.split(points * np.float32(scale), np.cumsum(lengths)[:-1])
    tracks = [SimpleNamespace(points=lambda part=part: part) for part in parts]
    chosen = SimpleNamespace(person=SimpleNamespace(tracks=tracks), shots=np.repeat(np.arange(len(lengths)), lengths))
    return Footage(chosen, start + np.arange(len(points)) / RATE, (round(400 * scale), round(300 * scale)))  # type: ignore[arg-type]


def test_a_part_of_a_longer_scaled_source_is_found() -> None:
    film = _head(120)
    jitter = np.random.default_rng(1).normal(0, 0.3, (50, len(TRACKED), 3)).astype(np.float32)
    found = same_moments(_footage(film[30:80] + jitter), _footage(film, scale=2.5))
    assert found.tolist() == list(range(30, 80))


def test_every_shot_is_looked_for_by_itself() -> None:
    film = _head(120)
    recut = np.concatenate([film[80:110], film[10:40]])
    assert same_moments(_footage(recut, shots=[30, 30]), _footage(film)).tolist() == [*range(80, 110), *range(10, 40)]


def test_a_source_of_half_the_rate_gives_each_moment_its_nearest_frame() -> None:
    film = _head(60)
    still = film * np.float32(0) + film[:1]
    half = _footage(still[::2])
    half = Footage(half.chosen, np.arange(30) * 2 / RATE, half.size)
    found = same_moments(_footage(still), half)
    assert found[10] in (4, 5, 6) and (found >= 0).mean() > 0.9


def test_other_moments_of_the_person_are_none_of_these() -> None:
    assert (same_moments(_footage(_head(50)), _footage(_head(90, seed=5))) == -1).all()


def test_frames_in_which_the_head_was_moved_are_left_out() -> None:
    film = _head(60)
    moved = film.copy()
    moved[20:24] += 60
    found = same_moments(_footage(moved), _footage(film))
    assert (found[20:24] == -1).all()
    assert np.delete(found, np.s_[20:24]).tolist() == [*range(20), *range(24, 60)]
