"""What an evaluation found: numbers with their baselines, per clip and in the median."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

# The self-dub with the mouth shapes of the real frames: the picture, apart from how well the lips are predicted.
TRUE_SHAPES = "true-shapes"
# Whether lips meet at the p, b and m of an English speech; only where it is asked for, as it wants another package.
PHONES = "phones"
DEFAULT_TESTS = ("swapped", "sync", "silence", "self", TRUE_SHAPES, "sharpness", "seam", "flicker", "outside")
TESTS = (*DEFAULT_TESTS, PHONES)

# Faces count as large where the outer eye corners are further apart, px.
LARGE_EYES = 100.0

Better = Literal["more", "less", "zero", "one"]


class Number(NamedTuple):
    """A measured value beside what the same measure gives without a dub; not a number where it cannot be had."""

    value: float
    baseline: float = math.nan


@dataclass(frozen=True)
class Measure:
    """One measure: its test, what people call it, which way is better, and what its baseline is."""

    test: str
    title: str
    better: Better
    baseline: str = ""
    digits: int = 2

    def text(self, value: float) -> str:
        """A value for people, "-" where there is none."""
        return "-" if not math.isfinite(value) else f"{value:.{self.digits}f}"

    def badness(self, value: float) -> float:
        return {"more": -value, "less": value, "zero": abs(value), "one": abs(value - 1)}[self.better]


_UNTOUCHED = "video not dubbed"
_OTHER_FRAME = "real frame a second away"
_BY_DEFINITION = "the source"
_SPOKE = "the mouth that spoke"

MEASURES: dict[str, Measure] = {
    "opening_r": Measure("swapped", "opening r", "more", _UNTOUCHED),
    "opening_r_voiced": Measure("swapped", "opening r, voiced", "more", _UNTOUCHED),
    "opening_best_r": Measure("swapped", "opening best r", "more", _UNTOUCHED),
    "opening_lag": Measure("swapped", "lag of best r, frames", "zero", digits=0),
    # A mouth that hardly opens can have the best of correlations.
    "opening_range": Measure("swapped", "opening range, dub / real", "one", _UNTOUCHED),
    "opening_amplitude": Measure("swapped", "amplitude, |log of range|", "less", _UNTOUCHED),
    "width_r": Measure("swapped", "width r", "more", _UNTOUCHED),
    "width_r_voiced": Measure("swapped", "width r, voiced", "more", _UNTOUCHED),
    "chin_r": Measure("swapped", "chin r", "more", _UNTOUCHED),
    # p, b and m: seen by everybody where they lack, and hardly in a correlation.
    "closure_precision": Measure("swapped", "closures, precision", "more", _UNTOUCHED),
    "closure_recall": Measure("swapped", "closures, recall", "more", _UNTOUCHED),
    "closure_f1": Measure("swapped", "closures, F1", "more", _UNTOUCHED),
    "bilabials": Measure(PHONES, "lips meet at p, b, m", "more", _SPOKE),
    "pause_stability": Measure("swapped", "lips' unrest in pauses", "less", _SPOKE, 4),
    "lip_dynamics": Measure("swapped", "lip dynamics, dub / real", "one"),
    "loudness_difference": Measure("swapped", "opening against loudness", "less", _SPOKE),
    "sync_confidence": Measure("sync", "sync confidence, on shapes", "more", _SPOKE),
    "sync_distance": Measure("sync", "sync distance, on shapes", "less", _SPOKE),
    "sync_offset": Measure("sync", "sync offset, frames of 1/25 s", "zero", _SPOKE, 0),
    "silence_deviation": Measure("silence", "silence deviation", "less", "source's pauses", 4),
    "silence_level": Measure("silence", "silence opening", "less", "source's pauses", 3),
    "psnr": Measure("self", "PSNR", "more", _OTHER_FRAME, 1),
    "psnr_lips": Measure("self", "PSNR, lips", "more", _OTHER_FRAME, 1),
    "ssim": Measure("self", "SSIM", "more", _OTHER_FRAME, 3),
    "ssim_lips": Measure("self", "SSIM, lips", "more", _OTHER_FRAME, 3),
    "lpips": Measure("self", "LPIPS", "less", _OTHER_FRAME, 3),
    "lpips_lips": Measure("self", "LPIPS, lips", "less", _OTHER_FRAME, 3),
    "csim": Measure("self", "CSIM", "more", _OTHER_FRAME, 3),
    "true_psnr": Measure(TRUE_SHAPES, "true shapes: PSNR", "more", _OTHER_FRAME, 1),
    "true_psnr_lips": Measure(TRUE_SHAPES, "true shapes: PSNR, lips", "more", _OTHER_FRAME, 1),
    "true_ssim": Measure(TRUE_SHAPES, "true shapes: SSIM", "more", _OTHER_FRAME, 3),
    "true_ssim_lips": Measure(TRUE_SHAPES, "true shapes: SSIM, lips", "more", _OTHER_FRAME, 3),
    "true_lpips": Measure(TRUE_SHAPES, "true shapes: LPIPS", "less", _OTHER_FRAME, 3),
    "true_lpips_lips": Measure(TRUE_SHAPES, "true shapes: LPIPS, lips", "less", _OTHER_FRAME, 3),
    "true_csim": Measure(TRUE_SHAPES, "true shapes: CSIM", "more", _OTHER_FRAME, 3),
    "true_sharpness_lips": Measure(TRUE_SHAPES, "true shapes: sharpness, lips", "one", _BY_DEFINITION),
    "sharpness": Measure("sharpness", "sharpness", "more", _BY_DEFINITION),
    "sharpness_lips": Measure("sharpness", "sharpness, lips", "more", _BY_DEFINITION),
    "seam": Measure("seam", "seam", "less", _BY_DEFINITION),
    "flicker": Measure("flicker", "flicker", "less", _BY_DEFINITION),
    "outside": Measure("outside", "outside", "less", _BY_DEFINITION, 0),
}


@dataclass
class Outcome:
    """What was measured on one clip, or on one person's short clips together.

    eyes: distance of the outer eye corners, px, in the median. numbers: by the names of `MEASURES`. details: what is
    behind them. notes: one line for each test that could not be done. error: why nothing could be measured; `failure`
    is the error's type.
    """

    name: str
    clips: list[str]
    identity: str | None = None
    eyes: float = math.nan
    numbers: dict[str, Number] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    error: str | None = None
    failure: str | None = None

    @property
    def large(self) -> bool:
        """Whether this is a large face, see `LARGE_EYES`."""
        return self.eyes > LARGE_EYES

    def keep(self, tests: Sequence[str]) -> None:
        """Forget the numbers of tests that were not asked for."""
        self.numbers = {name: number for name, number in self.numbers.items() if MEASURES[name].test in tests}


@dataclass(frozen=True)
class Summary:
    """One measure over all clips: medians, the worst value and whose it is."""

    median: float
    baseline: float
    worst: float
    worst_clip: str
    count: int


@dataclass
class Evaluation:
    """Everything that was measured. sheets: paths of the picture sheets; weights: sha256 by name."""

    model: str
    tests: list[str]
    outcomes: list[Outcome] = field(default_factory=list)
    device: str = ""
    seconds: float = 0.0
    weights: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    sheets: list[str] = field(default_factory=list)

    @property
    def failed(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.error is not None]

    @property
    def large_faces(self) -> list[Outcome]:
        """The outcomes of large faces."""
        return [outcome for outcome in self.outcomes if outcome.large]

    def summary(self, outcomes: Sequence[Outcome] | None = None) -> dict[str, Summary]:
        """By the name of the measure, in the order of `MEASURES`; without those that no clip has.

        outcomes: those that count, all of them if None.
        """
        found = {}
        for name, measure in MEASURES.items():
            known = [
                (outcome.numbers[name], outcome.name)
                for outcome in (self.outcomes if outcomes is None else outcomes)
                if name in outcome.numbers and math.isfinite(outcome.numbers[name].value)
            ]
            if known:
                worst, clip = max(known, key=lambda pair: measure.badness(pair[0].value))
                found[name] = Summary(
                    statistics.median(number.value for number, _ in known),
                    _median([number.baseline for number, _ in known]),
                    worst.value,
                    clip,
                    len(known),
                )
        return found

    def as_dict(self) -> dict[str, Any]:
        """Plain values as the JSON has them: what is not a number is null."""
        return _plain(
            {
                "model": self.model,
                "tests": self.tests,
                "device": self.device,
                "seconds": self.seconds,
                "weights": self.weights,
                "versions": self.versions,
                "warnings": self.warnings,
                "sheets": self.sheets,
                "summary": {name: vars(row) for name, row in self.summary().items()},
                "large_faces": {
                    "eyes": LARGE_EYES,
                    "clips": [outcome.name for outcome in self.large_faces],
                    "summary": {name: vars(row) for name, row in self.summary(self.large_faces).items()},
                },
                "clips": [
                    vars(outcome) | {"numbers": {name: number._asdict() for name, number in outcome.numbers.items()}}
                    for outcome in self.outcomes
                ],
                "failed": [outcome.name for outcome in self.failed],
            }
        )


def _median(values: list[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return statistics.median(known) if known else math.nan


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
