from __future__ import annotations

from typing import Any

import pytest

from dubtool.jobs.shared.report import Report
from dubtool.jobs.shared.rights import rights_of


def _rights(weights: dict[str, str], details: dict[str, Any], dubbed: int = 10) -> dict[str, Any]:
    return rights_of(Report("dub", "out.mp4", {}, dubbed=dubbed, weights=weights, details=details))


@pytest.mark.parametrize(
    ("weights", "details", "begins"),
    [
        ({"dinet-shape_frame": "ab"}, {}, "yes: "),
        ({"dinet-shape_frame": "ab"}, {"references": {"frames_without_network": 4}}, "in part: 4 of 10"),
        ({"dinet-shape_frame": "ab"}, {"references": {"frames_without_network": 10}}, "no: "),
        ({"whisper": "ab"}, {}, "no: "),
        ({}, {}, "no: "),
        ({"adapted_frame": "ab"}, {}, "yes: "),
    ],
)
def test_it_is_told_whether_pixels_were_learned(weights: dict[str, str], details: dict[str, Any], begins: str) -> None:
    assert _rights(weights, details)["learned_pictures"].startswith(begins)


def test_the_strictest_of_all_is_told_trackers_included() -> None:
    found = _rights({"whisper": "ab"}, {})
    named = {one["name"]: one for one in found["weights"]}
    assert named["whisper"]["commercial"] == "yes"
    assert named["face_parsing"]["commercial"] == found["commercial"] == "no"
    assert all(one["licence"] and one["data"] for one in found["weights"])
