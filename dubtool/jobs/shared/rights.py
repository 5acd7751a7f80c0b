"""What a result owes to whom: licence and data of every weights file that had a part in it."""

from __future__ import annotations

from typing import Any

from dubtool.jobs.shared.report import Report
from dubtool.weights.locate import known
from dubtool.weights.registry import Entry

# What every job finds and follows faces by.
TRACKERS = ("yunet", "face_landmarker", "face_parsing", "face_shape", "head_form")
_ORDER = ("no", "unclear", "yes")


def rights_of(report: Report) -> dict[str, Any]:
    """For the report: `learned_pictures`, in words, whether pixels of the result were learned; `commercial`, whether
    all that had a part plainly allows commercial use ("yes", "no", "unclear"), and `weights`, one by one."""
    entries = known()
    names = [*report.weights, *(name for name in TRACKERS if name not in report.weights)]
    told = [_told(name, entries.get(name)) for name in names]
    worst = min((one["commercial"] for one in told), key=_ORDER.index)
    return {"learned_pictures": _learned(report, told), "commercial": worst, "weights": told}


def _told(name: str, entry: Entry | None) -> dict[str, Any]:
    if entry is None:
        # Taught on this machine, for one person.
        return {"name": name, "licence": "yours", "data": "a film of yours", "commercial": "unclear", "draws": True}
    fields = ("name", "licence", "data", "commercial", "draws")
    return {field: getattr(entry, field) for field in fields}


def _learned(report: Report, told: list[dict[str, Any]]) -> str:
    if not any(one["draws"] for one in told):
        return "no: all pixels are those of the material, moved"
    own = _counted(report.details, "frames_without_network")
    if own is None:
        return "yes: a network drew in every frame that was changed"
    if own >= report.dubbed:
        return "no: all pixels are those of the material, moved; no frame asked for the painter"
    return f"in part: {own} of {report.dubbed} changed frames show the material's own pixels alone"


def _counted(details: Any, name: str) -> int | None:
    """A number of the report's details, however deep it stands."""
    if not isinstance(details, dict):
        return None
    if name in details:
        return int(details[name])
    return next((found for one in details.values() if (found := _counted(one, name)) is not None), None)
