from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from dubtool.metrics.sync import REACH, ShapeSyncJudge, mouth_windows, sync_of

# One random direction for every 25th of a second: what is seen then, and what is heard then.
_CODES = np.random.default_rng(0).normal(size=(400, 16)).astype(np.float32)
_CODES /= np.linalg.norm(_CODES, axis=1, keepdims=True)


def _run(feeds: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    """Stands for the network: the middle of a window tells its moment in 1/25 s."""
    mouths = feeds["shapes"][:, 0, 4]
    sounds = feeds["states"][:, 0, 10]
    return {name: _CODES[np.rint(each).astype(int) + 50] for name, each in (("mouth", mouths), ("sound", sounds))}


def _hear(late: float = 0.0):  # type: ignore[no-untyped-def]
    def states(times: np.ndarray) -> np.ndarray:
        return np.repeat(((times - late) * 25)[:, None, None], 21, axis=1).astype(np.float32)

    return states


def _shapes(times: np.ndarray) -> np.ndarray:
    return (times * 25)[:, None].astype(np.float32)


JUDGE = ShapeSyncJudge(_run, 9, 21)


@pytest.mark.parametrize("late", [0, 3, -7])
def test_a_sound_that_is_late_by_some_frames_is_found_there(late: int) -> None:
    times = np.arange(100) / 25
    found = sync_of(JUDGE.distances(times, _shapes(times), _hear(late / 25)))
    assert found.offset == late
    assert found.distance == pytest.approx(0, abs=1e-3) and found.confidence > 1


def test_a_sound_that_never_fits_gives_no_confidence() -> None:
    times = np.arange(100) / 25
    found = sync_of(JUDGE.distances(times, _shapes(times), _hear(-6.0)))
    assert found.confidence < 0.2 and found.distance > 1.2


@pytest.mark.parametrize("rate", [24, 30, 50])
def test_any_frame_rate_is_heard_on_the_same_grid(rate: int) -> None:
    times = np.arange(3 * rate) / rate
    distances = JUDGE.distances(times, _shapes(times), _hear())
    assert distances.shape == (int(times[-1] * 25 + 1e-6) + 1, 2 * REACH + 1)
    assert sync_of(distances).offset == 0


def test_moments_in_which_nobody_is_seen_do_not_count() -> None:
    times = np.concatenate([np.arange(40), np.arange(60, 100)]) / 25
    assert len(JUDGE.distances(times, _shapes(times), _hear())) == 80


def test_nothing_seen_is_no_number() -> None:
    found = sync_of(np.zeros((0, 2 * REACH + 1)))
    assert np.isnan(found.confidence) and np.isnan(found.distance)


def test_windows_are_a_25th_apart_and_repeat_the_edges() -> None:
    times = np.arange(50) / 50
    windows = mouth_windows(times, np.stack([times, -times], axis=1), np.array([0.0, 0.5]), 5)
    np.testing.assert_allclose(windows[1, 0], [0.42, 0.46, 0.5, 0.54, 0.58], atol=1e-6)
    np.testing.assert_allclose(windows[0, 1], [0, 0, 0, -0.04, -0.08], atol=1e-6)
