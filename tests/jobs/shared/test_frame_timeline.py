from __future__ import annotations

from fractions import Fraction
from itertools import accumulate, pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dubtool.errors import InputError
from dubtool.jobs.shared.frame_timeline import FrameTimeline, ease, plan_timeline

# The machine that runs the tests may be busy.
UNHURRIED = settings(deadline=None)
STEPS = st.lists(st.integers(128, 4000).map(lambda ticks: Fraction(ticks, 12800)), min_size=1, max_size=12)
SECONDS = st.fractions(Fraction(1, 100), Fraction(6), max_denominator=48000)
LOOPS = st.sampled_from(["pingpong", "repeat", "hold"])
LENGTHS = st.sampled_from(["speech", "video", "shortest"])


def plan(steps: list[Fraction], speech: Fraction, length: str = "speech", loop: str = "pingpong") -> FrameTimeline:
    times = list(accumulate(steps[:-1], initial=Fraction(0)))
    return plan_timeline(times, steps, speech, length=length, loop=loop)  # type: ignore[arg-type]


def sources(steps: list[Fraction], speech: Fraction, **how: str) -> list[int]:
    return plan(steps, speech, **how).source.tolist()


@UNHURRIED
@given(STEPS, SECONDS, LENGTHS, LOOPS)
def test_frames_follow_each_other_without_gap_to_the_very_end(
    steps: list[Fraction], speech: Fraction, length: str, loop: str
) -> None:
    timeline = plan(steps, speech, length, loop)
    assert timeline.duration == {"speech": speech, "video": sum(steps), "shortest": min(speech, sum(steps))}[length]
    assert timeline.times[0] == 0
    ends = [time + duration for time, duration in zip(timeline.times, timeline.durations, strict=True)]
    assert ends == [*timeline.times[1:], timeline.duration]
    assert min(timeline.durations) > 0
    assert len(timeline.source) == len(timeline) == len(timeline.durations)
    assert timeline.source.dtype == np.int32


@UNHURRIED
@given(STEPS, SECONDS, LOOPS)
def test_the_first_pass_keeps_the_source_s_own_times(steps: list[Fraction], speech: Fraction, loop: str) -> None:
    timeline = plan(steps, speech, "shortest", loop)
    assert timeline.source.tolist() == list(range(len(timeline)))
    assert timeline.times == list(accumulate(steps[:-1], initial=Fraction(0)))[: len(timeline)]
    assert timeline.durations[:-1] == steps[: len(timeline) - 1]


@UNHURRIED
@given(STEPS.filter(lambda steps: len(steps) > 1), SECONDS)
def test_pingpong_steps_by_one_and_keeps_each_frame_s_duration(steps: list[Fraction], speech: Fraction) -> None:
    timeline = plan(steps, speech)
    assert all(abs(after - before) == 1 for before, after in pairwise(timeline.source.tolist()))
    assert timeline.durations[:-1] == [steps[index] for index in timeline.source[:-1]]


def test_pingpong_turns_at_both_ends_without_doubling() -> None:
    assert sources([Fraction(1)] * 4, Fraction(12)) == [0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1]


def test_two_frames_alternate() -> None:
    assert sources([Fraction(1)] * 2, Fraction(5)) == [0, 1, 0, 1, 0]


def test_repeat_starts_again() -> None:
    assert sources([Fraction(1), Fraction(2), Fraction(1)], Fraction(9), loop="repeat") == [0, 1, 2, 0, 1, 2, 0]


def test_hold_repeats_the_last_frame_at_the_video_s_usual_step() -> None:
    timeline = plan([Fraction(1, 25), Fraction(1, 25), Fraction(1, 25), Fraction(3)], Fraction(25, 8), loop="hold")
    # The last frame stands for its own three seconds first.
    assert timeline.source.tolist() == [0, 1, 2, 3, 3]
    assert timeline.durations == [Fraction(1, 25), Fraction(1, 25), Fraction(1, 25), Fraction(3), Fraction(1, 200)]
    timeline = plan([Fraction(1, 25)] * 3, Fraction(1), loop="hold")
    assert timeline.source.tolist() == [0, 1] + [2] * 23
    assert set(timeline.durations) == {Fraction(1, 25)}


def test_one_long_gap_does_not_make_the_usual_step() -> None:
    timeline = plan([Fraction(1, 25), Fraction(1, 25), Fraction(3), Fraction(1, 25)], Fraction(4), loop="hold")
    assert set(timeline.durations[3:]) == {Fraction(1, 25)}


@pytest.mark.parametrize("loop", ["pingpong", "repeat", "hold"])
def test_a_single_frame_is_repeated(loop: str) -> None:
    timeline = plan([Fraction(1, 10)], Fraction(1, 4), loop=loop)
    assert timeline.source.tolist() == [0, 0, 0]
    assert timeline.durations == [Fraction(1, 10), Fraction(1, 10), Fraction(1, 20)]


def test_a_single_frame_of_unknown_duration_stands_for_a_twenty_fifth() -> None:
    timeline = plan([Fraction(0)], Fraction(1))
    assert len(timeline) == 25
    assert plan([Fraction(0)], Fraction(1), "video").duration == Fraction(1, 25)


def test_an_unknown_last_duration_is_the_usual_step() -> None:
    assert plan([Fraction(1, 30), Fraction(1, 30), Fraction(0)], Fraction(9), "video").duration == Fraction(1, 10)


@UNHURRIED
@given(st.lists(STEPS.map(lambda steps: steps[0]), min_size=1, max_size=8), SECONDS, LENGTHS, LOOPS)
def test_fields_come_by_turns_and_fill_whole_frames(
    steps: list[Fraction], speech: Fraction, length: str, loop: str
) -> None:
    halves = [step / 2 for step in steps for _ in range(2)]
    times = list(accumulate(halves[:-1], initial=Fraction(0)))
    timeline = plan_timeline(times, halves, speech, length=length, loop=loop, pictures=2)  # type: ignore[arg-type]
    assert (timeline.source % 2 == np.arange(len(timeline)) % 2).all()
    assert all(before < after for before, after in pairwise(timeline.times))
    assert sum(timeline.durations) == timeline.duration
    frames = timeline.by_frames(2)
    assert 2 * len(frames) == len(timeline) and frames.duration == timeline.duration
    assert min(frames.durations) > 0
    ends = [time + duration for time, duration in zip(frames.times, frames.durations, strict=True)]
    assert ends == [*frames.times[1:], frames.duration]


def test_fields_move_backward_one_by_one_and_a_held_frame_keeps_both() -> None:
    halves, times = [Fraction(1, 50)] * 6, [Fraction(n, 50) for n in range(6)]

    def fields(loop: str, seconds: Fraction) -> list[int]:
        return plan_timeline(times, halves, seconds, length="speech", loop=loop, pictures=2).source.tolist()  # type: ignore[arg-type]

    assert fields("pingpong", Fraction(12, 50)) == [0, 1, 2, 3, 4, 5, 4, 3, 2, 1, 0, 1]
    assert fields("hold", Fraction(9, 50)) == [0, 1, 2, 3, 4, 5, 4, 5, 4, 5]


def test_no_frames_are_refused() -> None:
    with pytest.raises(InputError, match="no frame"):
        plan_timeline([], [], Fraction(1), length="speech", loop="hold")


USABLE = st.lists(st.booleans(), min_size=1, max_size=40)


def at_25(usable: list[bool]) -> np.ndarray:
    return ease(np.array(usable), [Fraction(index, 25) for index in range(len(usable))])


@UNHURRIED
@given(USABLE)
@example([True] * 8)
def test_untouched_frames_stay_untouched_and_the_rest_is_between_0_and_1(usable: list[bool]) -> None:
    weight = at_25(usable)
    assert weight.dtype == np.float32
    assert np.all(weight[~np.array(usable)] == 0)
    assert weight.min() >= 0 and weight.max() <= 1
    if all(usable):
        assert np.all(weight == 1)


@UNHURRIED
@given(USABLE)
def test_easing_is_the_same_backward(usable: list[bool]) -> None:
    np.testing.assert_allclose(at_25(usable[::-1]), at_25(usable)[::-1], atol=1e-6)


@UNHURRIED
@given(USABLE)
def test_neighbours_never_jump_except_around_runs_too_short_to_ease(usable: list[bool]) -> None:
    # The steepest step of a raised cosine of 0.12 s at 25 frames a second: from a quarter to three quarters.
    assert np.abs(np.diff(at_25(usable))).max(initial=0) <= 0.5 + 1e-6


def test_a_run_rises_and_falls_as_a_raised_cosine() -> None:
    weight = at_25([False] + [True] * 7 + [False])
    np.testing.assert_allclose(weight, [0, 0.25, 0.75, 1, 1, 1, 0.75, 0.25, 0], atol=1e-6)


def test_the_take_s_own_ends_do_not_ramp() -> None:
    np.testing.assert_allclose(at_25([True] * 5 + [False]), [1, 1, 1, 0.75, 0.25, 0], atol=1e-6)
    np.testing.assert_allclose(at_25([False] + [True] * 5), [0, 0.25, 0.75, 1, 1, 1], atol=1e-6)


@pytest.mark.parametrize("usable", [[False, True, False], [False, True, True, False], [True, True, False, False]])
def test_runs_of_one_or_two_frames_are_left_alone(usable: list[bool]) -> None:
    assert np.all(at_25(usable) == 0)


@pytest.mark.parametrize("count", [1, 2])
def test_a_short_video_that_is_usable_throughout_is_not_left_alone(count: int) -> None:
    assert np.all(at_25([True] * count) == 1)


def test_ramps_are_measured_in_seconds() -> None:
    usable = np.array([False] + [True] * 20)
    at_100 = ease(usable, [Fraction(index, 100) for index in range(21)])
    assert at_100[6] == pytest.approx(0.5, abs=1e-6)
    assert at_100[11] < 1 and at_100[12] == 1
