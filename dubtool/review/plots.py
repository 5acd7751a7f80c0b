"""Plots of a dub as one picture: how far the mouth is open, how loud it is, and where the time went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from dubtool.media.encode import save
from dubtool.review.measures import SILENCE

Color = tuple[int, int, int]

_WIDTH, _HEIGHT, _BAR = 1200, 240, 26
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 24, 40, 30
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_PAPER, _INK, _GRID, _SHADE = (255, 255, 255), (40, 40, 40), (225, 225, 225), (238, 232, 226)
# Told apart by those who see no red or green, too (Okabe and Ito's).
_PEOPLE: tuple[Color, ...] = (
    (0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (230, 159, 0), (86, 180, 233),
)  # fmt: skip
_GREY = (110, 110, 110)
_TICKS = 8
# A mouth that opens less far than this is drawn as shut: else jitter would fill the panel.
_LEAST_OPENING = 0.1
_MOST_SHARP = 2.0
# Frames of which sharpness is shown as their median: of one it wavers with every closing of the lips.
_STEADY = 5


@dataclass(frozen=True)
class Line:
    """A curve by frame. values: float [N], NaN where there is none."""

    name: str
    values: np.ndarray
    color: Color


@dataclass(frozen=True)
class PersonMeasured:
    """One person's mouth by frame, each float [N] with NaN where there is nothing, or None.

    asked, rendered: openings. sharpness: over the source's. before, after: light of source and dub, 0..255.
    """

    name: str
    asked: np.ndarray | None = None
    rendered: np.ndarray | None = None
    sharpness: np.ndarray | None = None
    before: np.ndarray | None = None
    after: np.ndarray | None = None


@dataclass(frozen=True)
class Measured:
    """What is drawn. times: seconds [N]. levels: dB [N]. passed: stretches of frames that were left alone. seconds: by
    stage. Everything but `times` may be missing."""

    times: np.ndarray
    people: Sequence[PersonMeasured] = ()
    levels: np.ndarray | None = None
    passed: Sequence[tuple[int, int, str]] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)


def color_of(number: int) -> Color:
    """The colour of one of the people, in plots and page."""
    return _PEOPLE[number % len(_PEOPLE)]


def paler(color: Color) -> Color:
    """The same, half as strong: of what is asked, or was before."""
    red, green, blue = ((each + 255) // 2 for each in color)
    return red, green, blue


def draw_plots(what: Measured) -> np.ndarray:
    """All panels, uint8 RGB [H, 1200, 3]."""
    panels = []
    several = len(what.people) > 1
    for number, person in enumerate(what.people):
        openings = _lines(number, ("asked", person.asked), ("rendered", person.rendered))
        if openings:
            peak = max(float(np.nanmax(np.append(line.values, 0.0))) for line in openings)
            whose = f" of {person.name}" if several else ""
            title = f"Opening of the mouth{whose}, eye corners 1 apart"
            panels.append(_curves(title, what, openings, 0.0, max(peak * 1.08, _LEAST_OPENING)))
    if what.levels is not None:
        panels.append(_curves("Loudness, dB of full scale", what, [Line("", what.levels, _INK)], SILENCE, 0.0))
    sharp = [
        Line(person.name if several else "", _steady(person.sharpness), color_of(number))
        for number, person in enumerate(what.people)
        if person.sharpness is not None and np.isfinite(person.sharpness).any()
    ]
    if sharp:
        panels.append(_curves("Sharpness of the mouth's box over the source's", what, sharp, 0.0, _MOST_SHARP))
    for number, person in enumerate(what.people):
        light = _lines(number, ("source", person.before), ("dub", person.after))
        if light:
            whose = f" of {person.name}" if several else ""
            panels.append(_curves(f"Light of the mouth's box{whose}, 0 to 255", what, light, 0.0, 255.0))
    if what.seconds:
        panels.append(_bars("Time of each stage, seconds", what.seconds))
    return np.concatenate(panels, axis=0) if panels else np.full((_HEIGHT, _WIDTH, 3), 255, np.uint8)


def _lines(number: int, *curves: tuple[str, np.ndarray | None]) -> list[Line]:
    """What was wanted or was before, paler, and what came of it."""
    colors = paler(color_of(number)), color_of(number)
    return [
        Line(name, values, color)
        for (name, values), color in zip(curves, colors, strict=True)
        if values is not None and np.isfinite(values).any()
    ]


def _steady(values: np.ndarray) -> np.ndarray:
    """The median of each value and its neighbours."""
    reach = _STEADY // 2
    near = np.lib.stride_tricks.sliding_window_view(np.pad(values, reach, constant_values=np.nan), _STEADY)
    steady = np.full(len(values), np.nan)
    known = np.isfinite(values)
    steady[known] = np.nanmedian(near[known], axis=1)
    return steady


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
        cv2.rectangle(
            panel, (place, y + 4), (place + max(round(each / longest * room), 1), y + _BAR - 4), _PEOPLE[0], -1
        )
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
