from __future__ import annotations

import pytest
import torch

from dubtool.training.core.schedule import falling_rate, fold_into_average


def test_the_rate_rises_then_falls_to_its_last_value() -> None:
    rates = [falling_rate(step, 1000, 1e-3, 1e-4) for step in (0, 99, 199, 600, 1000, 5000)]
    assert rates[0] == pytest.approx(1e-3 / 200, rel=0.01)
    assert rates[0] < rates[1] < rates[2] > rates[3] > rates[4]
    assert rates[4] == rates[5] == pytest.approx(1e-4)


def test_the_average_follows_fast_at_first_and_slowly_later() -> None:
    weights = {"w": torch.ones(2), "count": torch.tensor(7)}
    early = {"w": torch.zeros(2), "count": torch.tensor(0)}
    fold_into_average(early, weights, 0)
    assert early["w"][0] == pytest.approx(0.9)
    # What counts is taken over: there is no mean of it.
    assert early["count"] == 7
    late = {"w": torch.zeros(2), "count": torch.tensor(0)}
    fold_into_average(late, weights, 100_000)
    assert late["w"][0] == pytest.approx(0.001)
