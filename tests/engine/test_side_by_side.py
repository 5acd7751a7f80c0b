from __future__ import annotations

import threading
import time

import pytest

from dubtool.engine.side_by_side import SideBySide


def _here() -> int:
    return threading.get_ident()


def test_results_come_in_order_however_long_each_takes() -> None:
    def slow(number: int) -> int:
        time.sleep(0.02 if number % 2 == 0 else 0.0)
        return number

    with SideBySide(3) as threads:
        assert list(threads.each(slow, ((number,) for number in range(12)))) == list(range(12))


def test_calls_really_are_under_way_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=5)
    with SideBySide(2) as threads:
        first, second = threads.start(both.wait), threads.start(both.wait)
        assert sorted([first(), second()]) == [0, 1]


def test_one_thread_is_the_caller_s_own_and_calls_once_when_asked() -> None:
    called: list[int] = []

    def call(number: int) -> int:
        called.append(number)
        return _here()

    with SideBySide(1) as threads:
        waiting, never = threads.start(call, 1), threads.start(call, 2)
        assert called == []
        assert waiting() == waiting() == _here()
        assert called == [1]
        assert threads.ahead == 0
        del never


def test_an_error_is_raised_where_the_result_is_asked_for_and_drops_what_has_not_begun() -> None:
    begun: list[int] = []

    def fail(number: int) -> None:
        begun.append(number)
        time.sleep(0.02)
        raise OSError(f"call {number}")

    with pytest.raises(OSError, match="call 0"), SideBySide(2) as threads:
        waiting = [threads.start(fail, number) for number in range(20)]
        waiting[0]()
    assert len(begun) < 20
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("dubtool-worker")]


def test_no_more_than_its_share_is_taken_ahead() -> None:
    taken: list[int] = []

    def numbers() -> object:
        for number in range(50):
            taken.append(number)
            yield (number,)

    with SideBySide(2) as threads:
        results = threads.each(lambda number: number, numbers())  # type: ignore[arg-type]
        assert next(results) == 0
        assert len(taken) == threads.ahead + 1
