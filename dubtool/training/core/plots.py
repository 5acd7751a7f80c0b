"""Losses and scores of a run as one picture, a panel for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dubtool.errors import InputError
from dubtool.training.core.trainer import LOG, VALIDATION, read_rows

PLOT = "plot.png"
_WIDTH, _HEIGHT = 480, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 34, 30
_COLUMNS = 2
_SMOOTH_SHARE = 0.05
_INK, _GRID, _PALE, _STRONG = (40, 40, 40), (225, 225, 225), (235, 200, 160), (170, 90, 20)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
# Outliers, mostly of the first steps, would flatten all the rest.
_QUANTILES = (0.01, 0.99)
_NOT_DRAWN = {"step", "seconds"}


def plot_run(run: Path) -> Path:
    """Draw a run's losses, and its scores on validation people, into its folder; returns the PNG.

    Raises:
        InputError: nothing was logged yet.
    """
    panels = [
        _panel(f"{title}{name}", steps, values)
        for title, file in (("", LOG), ("validation: ", VALIDATION))
        for name, (steps, values) in _series(read_rows(run / file)).items()
    ]
    if not panels:
        raise InputError(f"{run}: has no log to draw; give the folder of a training run that made some steps")
    panels += [np.full_like(panels[0], 255)] * (-len(panels) % _COLUMNS)
    rows = [np.concatenate(panels[place : place + _COLUMNS], axis=1) for place in range(0, len(panels), _COLUMNS)]
    path = run / PLOT
    path.write_bytes(cv2.imencode(".png", np.concatenate(rows, axis=0))[1].tobytes())
    return path


def _series(rows: Sequence[Mapping[str, Any]]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """(steps, values) of every logged name, in the order of its first row."""
    names = dict.fromkeys(name for row in rows for name in row if name not in _NOT_DRAWN)
    found = {name: [(row["step"], row[name]) for row in rows if name in row] for name in names}
    return {name: (np.array(pairs)[:, 0], np.array(pairs, float)[:, 1]) for name, pairs in found.items()}


def _panel(title: str, steps: np.ndarray, values: np.ndarray) -> np.ndarray:
    """One line plot, BGR [_HEIGHT, _WIDTH, 3]: pale as logged, strong as a running mean."""
    panel = np.full((_HEIGHT, _WIDTH, 3), 255, np.uint8)
    last = f"{title}   {values[-1]:.4g} at step {steps[-1]:g}"
    cv2.putText(panel, last, (_LEFT, 22), _FONT, 0.45, _INK, 1, cv2.LINE_AA)
    finite = values[np.isfinite(values)]
    low, high = np.quantile(finite, _QUANTILES) if len(finite) else (0.0, 1.0)
    margin = 0.06 * (high - low) or 0.5 * abs(high) or 0.5
    low, high = low - margin, high + margin
    first, end = float(steps[0]), float(max(steps[-1], steps[0] + 1))
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    for share in np.linspace(0, 1, 5):
        y = round(bottom - share * (bottom - _TOP))
        cv2.line(panel, (_LEFT, y), (right, y), _GRID, 1)
        cv2.putText(panel, f"{low + share * (high - low):.3g}", (6, y + 4), _FONT, 0.38, _INK, 1, cv2.LINE_AA)
    for share in (0.0, 0.5, 1.0):
        label = f"{first + share * (end - first):.0f}"
        x = round(_LEFT + share * (right - _LEFT)) - 4 * len(label)
        cv2.putText(panel, label, (x, _HEIGHT - 10), _FONT, 0.38, _INK, 1, cv2.LINE_AA)

    def draw(heights: np.ndarray, color: tuple[int, int, int], thickness: int) -> None:
        x = _LEFT + (steps - first) / (end - first) * (right - _LEFT)
        y = bottom - (np.clip(np.nan_to_num(heights, nan=high), low, high) - low) / (high - low) * (bottom - _TOP)
        line = np.rint(np.stack([x, y], axis=1)).astype(np.int32)
        cv2.polylines(panel, [line], False, color, thickness, cv2.LINE_AA)
        if len(line) == 1:
            cv2.circle(panel, (int(line[0, 0]), int(line[0, 1])), 3, color, -1, cv2.LINE_AA)

    draw(values, _PALE, 1)
    draw(_running_mean(values), _STRONG, 2)
    return panel


def _running_mean(values: np.ndarray) -> np.ndarray:
    """A centred mean over a twentieth of all rows, over fewer at the ends."""
    reach = int(len(values) * _SMOOTH_SHARE / 2)
    total = np.concatenate([[0.0], np.cumsum(values)])
    index = np.arange(len(values))
    low, high = np.maximum(index - reach, 0), np.minimum(index + reach + 1, len(values))
    return (total[high] - total[low]) / (high - low)
