"""Draws docs/trace.png: what each thread of a dub does when, from a trace.

`python docs/make_trace.py [TRACE]`; by default that of a dub of the example, at 720p.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import dubtool
from dubtool.media.ffmpeg import find_ffmpeg, run_ffmpeg
from dubtool.review.plots import color_of, png

HERE = Path(__file__).parent
EXAMPLES = HERE.parent / "examples"
_WIDTH, _LEFT, _ROW, _GAP, _FONT = 1200, 80, 22, 10, cv2.FONT_HERSHEY_SIMPLEX
_INK, _PAPER, _WAIT = (40, 40, 40), (255, 255, 255), (225, 225, 225)
# So much of the frames' way is shown closely, from its middle on.
_CLOSELY = 3e6
_LETTER = 7


@dataclass(frozen=True)
class Span:
    """start, end: microseconds. depth: how many spans of the thread it lies in."""

    name: str
    thread: int
    start: float
    end: float
    depth: int


def main() -> None:
    if len(sys.argv) > 1:
        told = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    else:
        with tempfile.TemporaryDirectory() as place:
            film, trace = Path(place) / "film.mp4", Path(place) / "trace.json"
            words = [
                find_ffmpeg().path,
                "-i",
                str(EXAMPLES / "portrait.mp4"),
                "-t",
                "4",
                "-vf",
                "scale=-2:720",
                str(film),
            ]
            run_ffmpeg(words, timeout=300.0)
            dubtool.dub(film, EXAMPLES / "speech.wav", Path(place) / "dub.mp4", trace=trace, length="shortest")
            told = json.loads(trace.read_text(encoding="utf-8"))
    (HERE / "trace.png").write_bytes(png(_drawn(told["traceEvents"])))


def _drawn(events: list[dict[str, Any]]) -> np.ndarray:
    names = {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}
    spans = _nested(events)
    stage = next(span for span in spans if span.name == "dub")
    middle = (stage.start + stage.end) / 2
    close = (max(stage.start, middle - _CLOSELY / 2), min(stage.end, middle + _CLOSELY / 2))
    whole = (0.0, max(span.end for span in spans))
    return np.vstack(
        [
            _panel(f"The whole job, {whole[1] / 1e6:.1f} s", spans, names, whole, most=2),
            _panel(f"{(close[1] - close[0]) / 1e6:.1f} s of its stage dub; grey: waits", spans, names, close, most=5),
        ]
    )


def _nested(events: list[dict[str, Any]]) -> list[Span]:
    """The spans, each after those it lies in."""
    found: list[Span] = []
    open_spans: dict[int, list[Span]] = {}
    complete = [event for event in events if event["ph"] == "X"]
    for event in sorted(complete, key=lambda event: (event["ts"], -event["dur"])):
        around = open_spans.setdefault(event["tid"], [])
        while around and around[-1].end <= event["ts"]:
            around.pop()
        end = event["ts"] + event["dur"]
        around.append(Span(event["name"], event["tid"], event["ts"], end, len(around)))
        found.append(around[-1])
    return found


def _panel(title: str, spans: list[Span], names: dict[int, str], window: tuple[float, float], most: int) -> np.ndarray:
    """Bars of the spans in a window of time, those inside others below them; `most` rows a thread."""
    start, end = window
    shown = [span for span in spans if span.end > start and span.start < end and span.depth < most]
    rows, below = dict[int, int](), 40
    for thread in sorted({span.thread for span in shown}):
        rows[thread] = below
        below += (1 + max(span.depth for span in shown if span.thread == thread)) * _ROW + _GAP
    panel = np.full((below + 4, _WIDTH, 3), _PAPER, np.uint8)
    cv2.putText(panel, title, (8, 24), _FONT, 0.55, _INK, 1, cv2.LINE_AA)
    colored = sorted({span.name for span in spans if not span.name.startswith("wait")})
    for thread, y in rows.items():
        cv2.putText(panel, names[thread], (8, y + 15), _FONT, 0.45, _INK, 1, cv2.LINE_AA)
    for span in shown:
        x0, x1 = (
            _LEFT + int((np.clip(each, start, end) - start) / (end - start) * (_WIDTH - _LEFT - 10))
            for each in (span.start, span.end)
        )
        y = rows[span.thread] + span.depth * _ROW
        color = _WAIT if span.name.startswith("wait") else color_of(colored.index(span.name))
        cv2.rectangle(panel, (x0, y), (max(x1 - 1, x0), y + _ROW - 3), color, -1)
        if x1 - x0 > _LETTER * len(span.name):
            ink = _INK if span.name.startswith("wait") else _PAPER
            cv2.putText(panel, span.name, (x0 + 3, y + 14), _FONT, 0.4, ink, 1, cv2.LINE_AA)
    return panel


if __name__ == "__main__":
    main()
