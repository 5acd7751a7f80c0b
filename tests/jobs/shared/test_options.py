"""Plain Python values as options: they work, or are told."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dubtool.errors import UsageError
from dubtool.jobs.shared.options import DubOptions


@pytest.mark.parametrize(
    ("name", "value", "held"),
    [
        ("soundtrack", "mix.wav", Path("mix.wav")),
        ("soundtrack", None, None),
        ("face", 1, "1"),
        ("face", np.int64(2), "2"),
        ("start", 1, Fraction(1)),
        ("start", 0.1, Fraction(1, 10)),
        ("stop", "1:15.5", Fraction(151, 2)),
        ("stop", np.float32(2.5), Fraction(5, 2)),
        ("reference_segment", [0.5, "2"], (Fraction(1, 2), Fraction(2))),
        ("batch_size", np.int32(2), 2),
        ("crf", 20.0, 20),
        ("expression", 1, 1.0),
        ("cache", np.bool_(False), False),
        ("codec", None, None),
    ],
)
def test_plain_values_become_what_is_meant(name: str, value: Any, held: Any) -> None:
    got = getattr(DubOptions(**{name: value}), name)
    assert got == held and type(got) is type(held)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("soundtrack", 3), ("face", 1.5), ("face", None), ("face", True), ("start", "soon"), ("start", float("nan")),
        ("stop", -1j), ("start", "-1"), ("reference_segment", 3), ("reference_segment", (1, 2, 3)), ("batch_size", "4"),
        ("batch_size", 2.5), ("batch_size", 0), ("crf", None), ("crf", float("inf")), ("expression", "wide"),
        ("expression", float("nan")), ("lossless", "no"), ("cache", 1), ("precision", "bf16"), ("length", 3),
        ("length", ["video"]), ("codec", 2.64), ("adapted", "yes"), ("device", None),
    ],
)  # fmt: skip
def test_other_values_are_told_in_one_line(name: str, value: Any) -> None:
    with pytest.raises(UsageError, match=name.replace("_", ".")) as caught:
        DubOptions(**{name: value})
    assert "\n" not in str(caught.value)
