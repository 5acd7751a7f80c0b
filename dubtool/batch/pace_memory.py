"""How fast this machine was at each kind of job the last time, kept among what can be made again."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict
from pathlib import Path

from dubtool.batch.estimate import Pace
from dubtool.folders import cache_folder
from dubtool.jobs.shared.report import Report

# Where looking for faces took less a frame, s, they were known.
_KNOWN = 0.001


def remember(report: Report) -> None:
    """Keep the pace of a job that is done; nothing happens where it cannot be kept."""
    if not report.frames:
        return
    taken = dict(report.seconds)
    # Loading does not grow with the video.
    taken.pop("load", None)
    looking = taken.pop("track", 0.0) / report.frames
    kept, key = _kept(), _key(report.job, report.model, report.device)
    if looking < _KNOWN and key in kept:
        looking = kept[key].looking
    kept[key] = Pace(looking, sum(taken.values()) / report.frames, "the last one here")
    path = _path()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps({name: asdict(pace) for name, pace in kept.items()}, indent=2), encoding="utf-8")
        part.replace(path)


def remembered(job: str, model: str, device: str) -> Pace | None:
    """The pace of the last such job on this machine; None if there was none."""
    return _kept().get(_key(job, model, device))


def _kept() -> dict[str, Pace]:
    try:
        return {name: Pace(**pace) for name, pace in json.loads(_path().read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _path() -> Path:
    return cache_folder() / "pace.json"


def _key(job: str, model: str, device: str) -> str:
    return " ".join((job, model, device))
