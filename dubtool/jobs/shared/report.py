"""What a job did, for people and for scripts."""

from __future__ import annotations

import contextlib
import platform
import time
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, fields
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from dubtool import __version__
from dubtool.jobs.shared.course import Course, course_text
from dubtool.trace import span

_PACKAGES = ("numpy", "av", "opencv-python-headless", "mediapipe", "onnxruntime-gpu", "onnxruntime")
# Fields that are no part of the plain report.
_INNER = {"told", "course", "_begun"}


@dataclass
class Report:
    """The outcome of one job.

    output: path of the result; `extra` names further files (preview, contact sheet, sidecar). frames: how many were
    written; dubbed: how many of them were changed; passed: how many were not, by reason. seconds: wall-clock time per
    stage. weights: sha256 by name. warnings: one line each, as `told` puts it to the user. course: what happened frame
    by frame, where the job tells it.
    """

    job: str
    output: str
    inputs: dict[str, str]
    frames: int = 0
    dubbed: int = 0
    passed: Counter[str] = field(default_factory=Counter)
    duration: float = 0.0
    device: str = ""
    model: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    weights: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    extra: dict[str, str] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=lambda: _versions())
    told: Callable[[str], str] = field(default=str, repr=False, compare=False)
    course: Course | None = field(default=None, repr=False, compare=False)
    _begun: dict[str, float] = field(default_factory=dict, repr=False, compare=False)

    def warn(self, *lines: str) -> None:
        """Add to the warnings."""
        self.warnings += map(self.told, lines)

    @contextlib.contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the block's wall-clock time to a stage; it is a span of a trace, too."""
        self._begun[stage] = time.perf_counter()
        try:
            with span(stage):
                yield
        finally:
            self.seconds[stage] = self._so_far(stage)
            del self._begun[stage]

    @property
    def unchanged(self) -> int:
        """Frames that were written as they were."""
        return self.frames - self.dubbed

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as the JSON report has them, without the frames. Stages that go on are told as far as they are:
        the sidecar is written while the last one does."""
        own = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in _INNER}
        own["passed"] = dict(self.passed)
        own["seconds"] = self.seconds | {stage: self._so_far(stage) for stage in self._begun}
        return deepcopy(own) | {"unchanged": self.unchanged}

    def text(self) -> str:
        """The JSON report, frame by frame where that is told."""
        return course_text(self.as_dict(), self.course)

    def _so_far(self, stage: str) -> float:
        return round(self.seconds.get(stage, 0.0) + time.perf_counter() - self._begun[stage], 3)


def _versions() -> dict[str, str]:
    found = {"dubtool": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
