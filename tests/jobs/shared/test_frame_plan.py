from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from dubtool.errors import NoFaceError
from dubtool.face.pose import Poses
from dubtool.jobs.shared.frame_plan import count, make_plans, require_changed_frames, skip_reasons
from dubtool.jobs.shared.frame_timeline import plan_timeline
from dubtool.jobs.shared.options import DubOptions
from dubtool.jobs.shared.report import Report
from dubtool.tracking.motion import FaceMotion
from dubtool.tracking.people import Person
from dubtool.tracking.person import Chosen

TIMES = [Fraction(number, 25) for number in range(8)]


def someone(**known: list[float]) -> Chosen:
    """A person seen in frames 0 to 4 of 8; another is seen in frames 5 and 6."""
    angles = np.zeros((5, 3), np.float32)
    angles[:, 1] = known.get("yaw", 0.0)
    angles[:, 2] = known.get("roll", 0.0)
    zeros = np.zeros(5, np.float32)
    poses = Poses(np.ones(5), np.zeros((5, 3, 3)), np.zeros((5, 3)))
    covered = np.array(known.get("covered", zeros), bool)
    frames = np.arange(5, dtype=np.int32)
    motion = FaceMotion(frames, poses, np.zeros((5, 2, 3)), zeros[:, None], np.zeros((55, 3)), zeros, angles, covered)
    strangers = np.array([False] * 5 + [True] * 2 + [False])
    dark = np.array(known.get("dark", zeros), bool)
    return Chosen(Person([]), motion, 1.0, np.array(known.get("outside", zeros), np.float32), strangers, dark)


def told(chosen: Chosen, **options: Fraction) -> list[str]:
    timeline = plan_timeline(TIMES, [Fraction(1, 25)] * 8, Fraction(0), length="video", loop="hold")
    rows = chosen.motion.rows(8)[timeline.source]
    return [str(reason) for reason in skip_reasons(chosen, rows, timeline, DubOptions(**options))]


def test_frames_of_another_person_are_told_from_frames_of_nobody() -> None:
    assert told(someone()) == [""] * 5 + ["another person"] * 2 + ["no face"]


def test_each_reason_is_said_as_it_is() -> None:
    chosen = someone(
        covered=[0, 1, 0, 0, 0], yaw=[0, 0, -60, 0, 0], roll=[0, 0, 0, -170, 100], outside=[0.3, 0, 0, 0, 0.05]
    )
    assert told(chosen)[:5] == ["outside the frame", "mouth covered", "turned away", "upside down", ""]


def test_a_mouth_in_the_dark_is_not_called_covered() -> None:
    chosen = someone(covered=[1, 1, 0, 0, 0], dark=[1, 0, 1, 0, 0])
    assert told(chosen)[:5] == ["too dark", "mouth covered", "", "", ""]


def test_a_mouth_outside_the_frame_is_not_called_covered() -> None:
    assert told(someone(covered=[1] * 5, outside=[0.6] * 5))[:5] == ["outside the frame"] * 5


def test_the_stretch_that_was_asked_for_comes_before_all() -> None:
    assert told(someone(covered=[1] * 5), start=Fraction(2, 25))[:3] == ["outside the stretch"] * 2 + ["mouth covered"]


def test_a_frame_is_changed_where_one_of_its_fields_is() -> None:
    report = Report("dub", "out.mp4", {})
    reasons = np.array(["no face", "", "", "", "mouth covered", "no face"], object)
    count(make_plans(np.arange(6), reasons, np.array([0.0, 0.5, 1.0, 1.0, 0.0, 0.0])), report, 2)
    assert (report.frames, report.dubbed, dict(report.passed)) == (3, 2, {"mouth covered": 1})


def test_a_video_upside_down_is_refused_with_what_to_do() -> None:
    skip_reason = np.array(["upside down"] * 8, object)
    report = Report("dub", "out.mp4", {})
    count(make_plans(np.arange(8), skip_reason, np.zeros(8)), report)
    with pytest.raises(
        NoFaceError, match=r"film\.mp4: no frame can be dubbed \(upside down: 8\); turn the video first"
    ):
        require_changed_frames(report, Path("film.mp4"), "dubbed")
