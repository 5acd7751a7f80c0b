"""The format of traces, and which threads are in them."""

from __future__ import annotations

import io
import json
import threading
from typing import Any

from dubtool.engine.pipeline import Background, prefetched
from dubtool.trace import span, spans, tracing


def _events(out: io.StringIO) -> list[dict[str, Any]]:
    return list(json.loads(out.getvalue())["traceEvents"])


def test_each_thread_of_a_pipeline_is_a_row_of_its_own() -> None:
    out = io.StringIO()
    with tracing(out), span("all"), Background(list[int]().append, 2) as sink:
        for item in prefetched(spans("make", range(3)), 2):
            sink.put(item)
    events = _events(out)
    names = {event["args"]["name"]: event["tid"] for event in events if event["name"] == "thread_name"}
    assert names == {"reader": names["reader"], "main": names["main"], "writer": names["writer"]}
    by_thread = {name: {event["name"] for event in events if event.get("tid") == tid} for name, tid in names.items()}
    # The reader's last `make` is what tells it that there is no more.
    assert sum(event["name"] == "make" and event["tid"] == names["reader"] for event in events) == 4
    assert {"all", "wait: for the reader", "wait: for the writer"} <= by_thread["main"]
    assert "wait: enough is read" in by_thread["reader"] and "wait: for frames" in by_thread["writer"]


def test_spans_are_microseconds_of_a_process_and_nest() -> None:
    out = io.StringIO()
    with tracing(out), span("outer"):
        with span("first"):
            threading.Event().wait(0.01)
        with span("second"):
            pass
    outer, first, second = (
        next(event for event in _events(out) if event["name"] == name) for name in ("outer", "first", "second")
    )
    assert {event["ph"] for event in (outer, first, second)} == {"X"} and first["pid"] == outer["pid"]
    assert 10_000 <= first["dur"] < outer["dur"]
    assert outer["ts"] <= first["ts"] and first["ts"] + first["dur"] <= second["ts"]
    assert second["ts"] + second["dur"] <= outer["ts"] + outer["dur"]


def test_without_a_trace_nothing_is_kept_and_threads_of_others_are_not_in_it() -> None:
    with span("nobody's"):
        pass
    out = io.StringIO()
    with tracing(out):
        # A thread that another job started.
        other = threading.Thread(target=lambda: span("another's").__enter__())
        other.start()
        other.join()
    assert [event["name"] for event in _events(out)] == ["process_name"]


def test_items_are_closed_with_what_goes_through_them() -> None:
    closed = []

    def items() -> Any:
        try:
            yield 1
        finally:
            closed.append(True)

    through = spans("make", items())
    assert next(through) == 1
    through.close()  # type: ignore[attr-defined]  # a generator
    assert closed


def test_a_file_that_cannot_be_written_stops_nothing() -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    with tracing(Full()) as trace, span("all"):
        pass
    assert trace.error is not None and trace.error.errno == 28
