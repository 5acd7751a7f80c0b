from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubtool.engine.pipeline import Background, batched, prefetched


def _wait_for(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + 5.0
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return condition()


def _threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("dubtool-")]


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    assert _threads() == []


def test_prefetched_gives_the_same_items_in_order() -> None:
    assert list(prefetched(range(100), 3)) == list(range(100))


def test_prefetched_is_at_most_its_depth_ahead() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(50):
            made.append(number)
            yield number

    ahead = prefetched(items(), 4)
    assert next(ahead) == 0
    # One taken, four in the queue, and one in the producer's hand.
    assert _wait_for(lambda: len(made) == 6)
    time.sleep(0.05)
    assert len(made) == 6
    ahead.close()


def test_an_error_of_the_producer_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    got = []
    with pytest.raises(OSError, match="gone"):
        for item in prefetched(items(), 2):
            got.append(item)
    assert got == [1]


def test_closing_ends_a_producer_that_is_blocked() -> None:
    ahead = prefetched(iter(int, 1), 2)
    next(ahead)
    ahead.close()
    assert _threads() == []


def test_background_takes_every_item_in_order_before_the_block_ends() -> None:
    got: list[int] = []
    with Background(got.append, 2) as sink:
        for number in range(50):
            sink.put(number)
    assert got == list(range(50))


def test_background_blocks_when_it_is_too_far_behind() -> None:
    go = threading.Event()
    put = 0
    with Background(lambda item: bool(go.wait(5.0)), 2) as sink:

        def fill() -> None:
            nonlocal put
            for number in range(10):
                sink.put(number)
                put += 1

        filler = threading.Thread(target=fill)
        filler.start()
        # One in the consumer's hand, two in the queue.
        assert _wait_for(lambda: put == 3)
        time.sleep(0.05)
        assert put == 3
        go.set()
        filler.join()


def test_an_error_of_the_consumer_reaches_the_next_put() -> None:
    def fail(item: int) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"), Background(fail, 1) as sink:
        for number in range(1000):
            sink.put(number)
            time.sleep(0.001)
        pytest.fail("no put raised")


def test_an_error_on_the_last_item_reaches_the_end_of_the_block() -> None:
    def fail(item: int) -> None:
        time.sleep(0.05)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"), Background(fail, 4) as sink:
        sink.put(1)


def test_an_error_of_the_block_wins_and_drops_what_is_queued() -> None:
    go, got = threading.Event(), []

    def slow(item: int) -> None:
        go.wait(5.0)
        got.append(item)

    with pytest.raises(KeyboardInterrupt), Background(slow, 4) as sink:
        for number in range(4):
            sink.put(number)
        threading.Timer(0.1, go.set).start()
        raise KeyboardInterrupt
    assert got == [0]


@given(st.lists(st.integers(), max_size=20), st.integers(1, 6))
def test_batches_hold_all_items_and_only_the_last_is_shorter(items: list[int], size: int) -> None:
    batches = list(batched(items, size))
    assert [item for batch in batches for item in batch] == items
    assert all(len(batch) == size for batch in batches[:-1])
    assert all(batches)
