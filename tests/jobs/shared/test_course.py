from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest

import dubtool
from dubtool.cli import main
from dubtool.errors import InputError
from dubtool.face.shape import ShapeModel
from dubtool.jobs.shared.course import Course, Mouths, MouthTold, PersonCourse, read_course, shot_starts, stretches
from dubtool.jobs.shared.known_shapes import MouthShapes
from dubtool.jobs.shared.report import Report
from dubtool.media.probe import probe
from dubtool.weights.locate import find


def test_runs_of_a_reason_are_told_once() -> None:
    assert stretches(["", "no face", "no face", "", "turned away"]) == [(1, 3, "no face"), (4, 5, "turned away")]


def test_shots_begin_where_the_picture_crosses_a_cut_whichever_way_it_runs() -> None:
    assert shot_starts([0, 1, 2, 3, 4], [2]) == [0, 2]
    assert shot_starts([0, 1, 2, 3, 2, 1, 0], [2]) == [0, 2, 5]
    assert shot_starts([0, 1, 1, 1], []) == [0]
    assert shot_starts([1, 3], [2, 3]) == [0, 1]


def test_what_is_written_is_read() -> None:
    mouths = {0: MouthTold(0.123456, 10.04, 20.0, 30.0, -4.0, 0.5), 2: MouthTold(0.2, 11.0, 20.0, 30.0, 0.0, 0.0)}
    anna = PersonCourse("left", [(1, 2, "no face")], 40, [2], mouths)
    # Who is never dubbed, and whom a model draws that is not asked for an opening.
    others = PersonCourse("right"), PersonCourse("3", mouths={1: MouthTold(None, 1.0, 2.0, 3.0, 4.0)})
    course = Course([0.0, 0.04, 0.08], [0, 1, 0], [(1, 2, "no face")], [0], [anna, *others], {"face": "left"})
    report = Report("dub", "x.mp4", {}, course=course)
    told = json.loads(report.text())
    assert told["course"]["people"][0]["asked"] == [0.1235, None, 0.2]
    assert told["course"]["people"][2]["asked"] is None and told["course"]["people"][2]["x"] == [None, 1.0, None]
    mouths[0] = MouthTold(0.1235, 10.0, 20.0, 30.0, -4.0, 0.5)
    assert read_course(told["course"], "x.json") == course
    assert "course" not in report.as_dict()


def test_mouths_are_kept_in_order_of_their_frames() -> None:
    mouths = Mouths()
    told = {number: MouthTold(None if number % 2 else 0.1, number, 2.0, 3.0, -4.0) for number in (5, 1, 9, 5, 3)}
    for number, mouth in told.items():
        mouths[number] = mouth
    assert list(mouths) == [1, 3, 5, 9] and dict(mouths) == told
    del mouths[5]
    assert 5 not in mouths and mouths.get(4) is None and mouths[9] == told[9]
    with pytest.raises(ValueError, match="not a number"):
        mouths[2] = MouthTold(math.nan, 1.0, 2.0, 3.0, 4.0)


@pytest.mark.parametrize(
    "change",
    [
        {"times": None},
        {"times": []},
        {"times": [0.0, math.nan]},
        {"times": [0.04, 0.0]},
        {"source": [0]},
        {"source": [0, -1]},
        {"source": [0, math.inf]},
        {"passed": [[1]]},
        {"passed": [[0, 9, "no face"]]},
        {"passed": [[1, 0, "no face"]]},
        {"shots": []},
        {"shots": [0, 9]},
        {"people": None},
        {"people": [{"face": "left"}]},
        {"people": [PersonCourse("left").as_dict(2) | {"x": [1.0]}]},
        {"people": [PersonCourse("left", switches=[-1]).as_dict(2)]},
        {"people": [PersonCourse("left", passed=[(0, 9, "no face")]).as_dict(2)]},
        {"people": [PersonCourse("left", mouths={1: MouthTold(math.inf, 1.0, 1.0, 1.0, 1.0)}).as_dict(2)]},
    ],
)
def test_frames_that_are_not_understood_are_refused(change: dict[str, object]) -> None:
    told = Course([0.0, 0.04], [0, 1], [], [0]).as_dict()
    with pytest.raises(InputError, match=r"x\.json tells of its frames"):
        read_course(told | change, "x.json")


def test_a_stage_that_goes_on_is_told_as_far_as_it_is() -> None:
    report = Report("dub", "x.mp4", {})
    with report.timed("dub"):
        assert set(report.as_dict()["seconds"]) == {"dub"}
        assert report.seconds == {}
    assert set(report.seconds) == {"dub"}


def test_a_dub_tells_its_frames(place: Path, clip: Path, speech: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for file in (clip, speech):
        shutil.copy(file, place)
    words = [str(place / clip.name), str(place / speech.name), "--from", "0.16", "--sidecar", "--json", "--quiet"]
    assert main(["dub", *words]) == 0
    shown = json.loads(capfd.readouterr().out)
    kept = json.loads((place / "clip.dubbed.json").read_text())
    assert kept["course"] == shown["course"] and "dub" in kept["seconds"]
    course = read_course(kept["course"], "")
    assert course.passed == [(0, 4, "outside the stretch")] and course.source == list(range(10))
    (person,) = course.people
    assert set(person.asked) == set(range(4, 10)) and 0 < max(person.asked.values()) < 0.6
    assert len(person.switches) == kept["details"]["changes"] and person.passed == course.passed
    assert person.references == kept["details"]["references"] and person.face == "largest"
    mouth = person.mouths[5]
    info = probe(clip).require_video()
    assert 0 < mouth.x < info.width and info.height / 3 < mouth.y < info.height and abs(mouth.yaw) < 30
    assert 30 < mouth.side < info.width and mouth.painted is not None and 0 <= mouth.painted <= 1


@pytest.mark.parametrize("model", ["dinet-shape", "g4g"])
def test_what_is_asked_is_the_same_in_every_model(model: str, place: Path, clip: Path, speech: Path) -> None:
    coefficients = np.zeros((2, ShapeModel.load(find("face_shape")).basis.shape[0]))
    coefficients[1, 1] = 1.5
    shapes = MouthShapes(np.array([0.0, 0.4]), coefficients)
    openings = []
    for name in (model, "retrieval-warp"):
        report = dubtool.dub(clip, speech, place / f"{name}.mp4", model=name, shapes=shapes)
        assert report.course is not None
        openings.append([report.course.people[0].asked[number] for number in range(10)])
    assert openings[0] == pytest.approx(openings[1], abs=0.002)
    assert abs(openings[0][9] - openings[0][0]) > 0.03
