"""Plots of a dub as one picture: how far the mouth is open, how loud it is, and where the time went."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from dubtool.media.encode import save
from dubtool.review.dubbed import Dubbed
from dubtool.review.measures import SILENCE

Color = tuple[int, int, int]

_WIDTH, _HEIGHT, _BAR = 1200, 240, 26
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 24, 40, 30
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_PAPER, _INK, _GRID, _SHADE = (255, 255, 255), (40, 40, 40), (225, 225, 225), (238, 232, 226)
# Told apart by those who see no red or green, too.
_BLUE, _ORANGE, _GREY = (0, 90, 181), (220, 90, 0), (110, 110, 110)
_TICKS = 8
# A mouth that opens less far than this is drawn as shut: else jitter would fill the panel.
_LEAST_OPENING = 0.1


@dataclass(frozen=True)
class Line:
    """A curve by frame. values: float [N], NaN where there is none."""

    name: str
    values: np.ndarray
    color: Color


@dataclass
class Measured:
    """What is drawn. times: seconds [N]. asked, rendered: openings [N], NaN where there are none. levels: dB [N].
    passed: stretches of frames that were left alone. seconds: by stage. Everything but `times` may be missing."""

    times: np.ndarray
    asked: np.ndarray | None = None
    rendered: np.ndarray | None = None
    levels: np.ndarray | None = None
    passed: Sequence[tuple[int, int, str]] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)


def measured(dubbed: Dubbed, rendered: np.ndarray | None, levels: np.ndarray | None) -> Measured:
    """What a report tells, with what was measured of the dub."""
    course = dubbed.course
    asked = np.array([course.asked.get(number, math.nan) for number in range(len(course.times))], np.float32)
    known = asked if np.isfinite(asked).any() else None
    return Measured(np.array(course.times), known, rendered, levels, course.passed, dubbed.told["seconds"])


def draw_plots(what: Measured) -> np.ndarray:
    """All panels, uint8 RGB [H, 1200, 3]."""
    panels = []
    openings = [
        Line(name, values, color)
        for name, values, color in (("asked", what.asked, _BLUE), ("rendered", what.rendered, _ORANGE))
        if values is not None
    ]
    if openings:
        peak = max(float(np.nanmax(np.append(line.values, 0.0))) for line in openings)
        title = "Opening of the mouth, eye corners 1 apart"
        panels.append(_curves(title, what, openings, 0.0, max(peak * 1.08, _LEAST_OPENING)))
    if what.levels is not None:
        panels.append(_curves("Loudness, dB of full scale", what, [Line("", what.levels, _BLUE)], SILENCE, 0.0))
    if what.seconds:
        panels.append(_bars("Time of each stage, seconds", what.seconds))
    return np.concatenate(panels, axis=0) if panels else np.full((_HEIGHT, _WIDTH, 3), 255, np.uint8)


def png(picture: np.ndarray) -> bytes:
    """uint8 RGB as PNG."""
    return cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()


def save_plots(picture: np.ndarray, path: Path, *, overwrite: bool) -> None:
    """Write the picture as PNG. Raises OutputError, or UsageError where it exists and may not be replaced."""
    save(path, png(picture), overwrite=overwrite)


def _curves(title: str, what: Measured, lines: Sequence[Line], low: float, high: float) -> np.ndarray:
    panel = np.full((_HEIGHT, _WIDTH, 3), _PAPER, np.uint8)
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    start, end = float(what.times[0]), float(max(what.times[-1], what.times[0] + 1e-3))

    def across(seconds: np.ndarray) -> np.ndarray:
        return np.asarray(_LEFT + (seconds - start) / (end - start) * (right - _LEFT))

    last = len(what.times) - 1
    for first, stop, _ in what.passed:
        x0, x1 = across(what.times[[first, min(stop, last)]]).round().astype(int).tolist()
        cv2.rectangle(panel, (x0, _TOP), (max(x1, x0 + 1), bottom), _SHADE, -1)
    for share in np.linspace(0, 1, 5):
        y = round(bottom - share * (bottom - _TOP))
        cv2.line(panel, (_LEFT, y), (right, y), _GRID, 1)
        _write(panel, f"{low + share * (high - low):.3g}", (8, y + 4))
    for seconds in np.linspace(start, end, _TICKS + 1):
        label = _clock(float(seconds), end - start)
        x = round(float(across(seconds)))
        cv2.line(panel, (x, bottom), (x, bottom + 4), _INK, 1)
        _write(panel, label, (min(x - 4 * len(label), _WIDTH - 8 * len(label)), _HEIGHT - 8))
    for line in lines:
        heights = bottom - (np.clip(line.values, low, high) - low) / (high - low) * (bottom - _TOP)
        _draw(panel, across(what.times), heights, line.color)
    _heading(panel, title, [line for line in lines if line.name], bool(what.passed))
    return panel


def _draw(panel: np.ndarray, x: np.ndarray, y: np.ndarray, color: Color) -> None:
    there = np.flatnonzero(np.isfinite(y))
    if len(there) == 0:
        return
    for run in np.split(there, np.flatnonzero(np.diff(there) > 1) + 1):
        points = np.rint(np.stack([x[run], y[run]], axis=1)).astype(np.int32)
        cv2.polylines(panel, [points], False, color, 2, cv2.LINE_AA)
        if len(points) == 1:
            cv2.circle(panel, (int(points[0, 0]), int(points[0, 1])), 2, color, -1, cv2.LINE_AA)


def _bars(title: str, seconds: Mapping[str, float]) -> np.ndarray:
    panel = np.full((_TOP + _BAR * len(seconds) + 16, _WIDTH, 3), _PAPER, np.uint8)
    longest = max(*seconds.values(), 1e-3)
    place, room = _LEFT + 80, _WIDTH - _RIGHT - _LEFT - 200
    for number, (stage, each) in enumerate(seconds.items()):
        y = _TOP + _BAR * number
        _write(panel, stage, (8, y + 16))
        cv2.rectangle(panel, (place, y + 4), (place + max(round(each / longest * room), 1), y + _BAR - 4), _BLUE, -1)
        _write(panel, f"{each:.1f}", (place + round(each / longest * room) + 8, y + 16))
    _heading(panel, f"{title}: {sum(seconds.values()):.1f} in all", [], False)
    return panel


def _heading(panel: np.ndarray, title: str, lines: Sequence[Line], shaded: bool) -> None:
    _write(panel, title, (_LEFT, 24), 0.55)
    x = _WIDTH - _RIGHT
    for name, color in [*((line.name, line.color) for line in lines), *([("left alone", _GREY)] if shaded else [])]:
        x -= 14 * len(name) + 40
        cv2.rectangle(panel, (x, 12), (x + 18, 26), _SHADE if color == _GREY else color, -1)
        _write(panel, name, (x + 24, 24), 0.5)


def _write(panel: np.ndarray, text: str, place: tuple[int, int], size: float = 0.42) -> None:
    # OpenCV's letters are ASCII.
    cv2.putText(panel, text.encode("ascii", "replace").decode(), place, _FONT, size, _INK, 1, cv2.LINE_AA)


def _clock(seconds: float, span: float) -> str:
    if span < 60:
        return f"{seconds:.1f}" if span >= _TICKS else f"{seconds:.2f}"
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
