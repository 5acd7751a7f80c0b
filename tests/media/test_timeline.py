from __future__ import annotations

from fractions import Fraction

from dubtool.media.timeline import Timeline


def _ticks(stamps: list[int | None]) -> list[int]:
    line = Timeline(Fraction(1, 1000), Fraction(40, 1000))
    for stamp in stamps:
        line.append(stamp, key=False, duration=None)
    return [int(line.time(index) * 1000) for index in range(len(line))]


def test_times_count_from_the_first_stamp() -> None:
    assert _ticks([1400, 1440, 1500]) == [0, 40, 100]


def test_missing_stamps_follow_at_the_nominal_rate() -> None:
    assert _ticks([None, None, 80, None]) == [0, 40, 80, 120]


def test_a_repeated_stamp_does_not_push_later_frames_away() -> None:
    assert _ticks([0, 40, 40, 80]) == [0, 40, 41, 80]


def test_a_fall_back_to_zero_starts_a_new_count() -> None:
    assert _ticks([5000, 9000, 0, 40]) == [0, 4000, 4040, 4080]


def test_the_last_frame_lasts_as_long_as_its_packet_says() -> None:
    line = Timeline(Fraction(1, 1000), Fraction(40, 1000))
    line.append(0, key=True, duration=40)
    line.append(30, key=False, duration=70)
    assert (line.duration(0), line.duration(1)) == (Fraction(30, 1000), Fraction(70, 1000))


def test_restarts_name_the_keyframes_before_and_then_the_start() -> None:
    line = Timeline(Fraction(1), Fraction(1))
    for stamp in range(10):
        line.append(stamp + 5, key=stamp % 3 == 0, duration=1)
    assert line.restarts(7) == [11, 8, None]
    assert line.restarts(2) == [None]


def test_unreliable_stamps_are_never_sought() -> None:
    line = Timeline(Fraction(1), Fraction(1))
    for stamp in (0, 3, 3, 6):
        line.append(stamp, key=True, duration=1)
    assert line.restarts(3) == [None]
