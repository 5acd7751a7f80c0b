from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from dubtool.errors import InputError
from dubtool.training.core.plots import plot_run


def _log(path: Path, rows: list[dict[str, float]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _ink(panel: np.ndarray) -> np.ndarray:
    """Mean height (0 top) of the strong line in the left and in the right half of a panel."""
    blue = np.all(np.abs(panel.astype(int) - (170, 90, 20)) < 30, axis=2)
    rows, columns = np.nonzero(blue)
    middle = np.median(columns)
    return np.array([rows[columns < middle].mean(), rows[columns > middle].mean()])


def test_a_falling_loss_is_drawn_falling_and_a_rising_score_rising(tmp_path: Path) -> None:
    _log(tmp_path / "log.jsonl", [{"step": step, "seconds": step, "loss": 1 / step} for step in range(1, 60)])
    _log(tmp_path / "validation.jsonl", [{"step": step, "ssim": step / 60} for step in range(1, 60, 10)])
    picture = cv2.imread(str(plot_run(tmp_path)))
    loss, ssim = np.split(picture, 2, axis=1)
    left, right = _ink(loss)
    assert right > left + 20
    left, right = _ink(ssim)
    assert right < left - 20


@pytest.mark.parametrize("values", [[3.0], [2.0, 2.0], [1.0, float("nan"), 2.0]])
def test_few_equal_or_missing_values_are_drawn(tmp_path: Path, values: list[float]) -> None:
    _log(tmp_path / "log.jsonl", [{"step": step, "loss": value} for step, value in enumerate(values)])
    assert cv2.imread(str(plot_run(tmp_path))) is not None


def test_a_run_without_a_log_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no log to draw"):
        plot_run(tmp_path)
