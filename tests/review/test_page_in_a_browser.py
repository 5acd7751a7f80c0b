"""The page at work in a real browser, without a network; left out where there is none."""

from __future__ import annotations

import csv
import io
import json
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import PROGRAM, Page, browsing
from plain_films import SOURCE, dub_red, person_course, source_red, write_report

from dubtool.cli import main
from dubtool.jobs.shared.overrides import Override, read_overrides

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no Chromium here")

# Waits until what is shown is what was asked for.
_STILL = """new Promise((done) => {
  const look = () => (document.body.dataset.ready && !film.seeking && wanted === null
    && document.body.dataset.drawn === String(frame) ? done() : setTimeout(look, 10));
  look();
})"""
_SHOWN = """({ frame, what: at("what").textContent, where: at("where").textContent,
  now: line.getAttribute("aria-valuenow"), problem: at("problem").textContent,
  reds: canvases.map((one) => one.getContext("2d").getImageData(20, 20, 1, 1).data[0]) })"""


def _shown(page: Page) -> dict[str, Any]:
    page.run(_STILL)
    shown: dict[str, Any] = page.run(_SHOWN)
    assert shown["problem"] == ""
    # Source and dub of the same moment, whatever it is.
    assert shown["reds"][0] == pytest.approx(source_red(SOURCE[shown["frame"]]), abs=4), shown
    assert shown["reds"][1] == pytest.approx(dub_red(shown["frame"]), abs=4), shown
    assert shown["now"] == str(shown["frame"])
    return shown


def _scrubbed(page: Page, share: float) -> int:
    box = page.run("(({ left, top, width, height }) => [left, top, width, height])(line.getBoundingClientRect())")
    page.click(box[0] + share * box[2], box[1] + box[3] / 2)
    return int(_shown(page)["frame"])


@pytest.fixture
def page_file(dubbed_film: Path) -> Path:
    assert main(["review", str(dubbed_film), "--quick", "--quiet"]) == 0
    return dubbed_film.with_name("film.dubbed.review.html")


def test_source_and_dub_stay_in_step_frame_by_frame(page_file: Path) -> None:
    with browsing(page_file) as page:
        assert _shown(page)["frame"] == 0
        # Marks: frames left alone from 3 and from 12 on, shots from 6 and from 14 on.
        for key, frame in [
            ("ArrowRight", 1), ("ArrowRight", 2), ("End", 15), ("ArrowRight", 15), ("ArrowLeft", 14), ("ArrowLeft", 13),
            ("Home", 0), ("n", 3), ("n", 6), ("n", 12), ("n", 14), ("n", 14), ("p", 12), ("Home", 0), ("p", 0),
        ]:  # fmt: skip
            page.press(key)
            shown = _shown(page)
            assert shown["frame"] == frame, key
            if (key, frame) == ("n", 3):
                assert shown["what"] == "left alone: no face"
            if (key, frame) == ("n", 6):
                assert "shot 2 of 3" in shown["where"] and "0:00:00.240" in shown["where"]
            if (key, frame) == ("n", 12):
                assert shown["what"] == "left alone: turned <away>"
        page.press("ArrowRight", modifiers=8)
        assert _shown(page)["frame"] == 10
        for button, frame in [("back", 9), ("on", 10), ("previous", 6), ("next", 12)]:
            page.run(f"at('{button}').click()")
            assert _shown(page)["frame"] == frame, button
        assert [_scrubbed(page, share) for share in (0.99, 0.01, 0.47)] == [15, 0, 7]


def test_it_plays_to_its_end(page_file: Path) -> None:
    with browsing(page_file) as page:
        _shown(page)
        page.run("window.ended = new Promise((done) => film.addEventListener('ended', done, { once: true })); 0")
        page.press(" ")
        page.run("window.ended")
        assert _shown(page)["frame"] == 15


def _say(page: Page, row: int, name: str, value: object) -> None:
    page.run(
        f"""(() => {{
        const input = document.querySelectorAll("#shots tbody tr")[{row}].querySelector("[data-name={name}]");
        if (input.type === "checkbox") input.checked = true; else input.value = {str(value)!r};
        input.dispatchEvent(new Event("input", {{ bubbles: true }}));
        }})()"""
    )


def _saved(page: Page) -> tuple[str, str]:
    page.run("window.saved = []; save = (name, text) => window.saved.push([name, text]); 0")
    page.run("at('save').click()")
    ((name, text),) = page.run("window.saved")
    return name, text


def test_what_is_said_of_shots_is_what_a_dub_takes(page_file: Path, place: Path) -> None:
    with browsing(page_file) as page:
        page.run("window.saved = []; save = (name, text) => window.saved.push([name, text]); at('save').click()")
        assert page.run("window.saved.length") == 0 and "Nothing is said" in page.run("at('unsaid').textContent")
        said = [(0, "note", 'too "soft", here'), (1, "skip", True), (2, "face", "@1:10,20"), (2, "expression", "1.2")]
        for row, name, value in said:
            _say(page, row, name, value)
        name, text = _saved(page)
    assert name == "film.dubbed.overrides.csv"
    file = place / name
    file.write_text(text, encoding="utf-8")
    ends = [Fraction(6, 25), Fraction(14, 25), Fraction(16, 25)]
    assert read_overrides(file).rows == (
        Override(Fraction(0), ends[0], note='too "soft", here'),
        Override(ends[0], ends[1], skip=True),
        Override(ends[1], ends[2], face="@1:10,20", expression=1.2),
    )


def test_what_was_said_before_stands_there_again(dubbed_film: Path) -> None:
    rows = [Override(Fraction(6, 25), Fraction(14, 25), expression=0.8, note="calmer"),
            Override(Fraction(1, 25), Fraction(3, 25), skip=True)]  # fmt: skip
    settings = {"face": "left", "expression": 1.0, "overrides": [row.told() for row in rows]}
    write_report(dubbed_film, dubbed_film.with_name("film.mp4"), settings=settings)
    assert main(["review", str(dubbed_film), "--quick", "--quiet"]) == 0
    with browsing(dubbed_film.with_name("film.dubbed.review.html")) as page:
        _, text = _saved(page)
    table = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    assert table[1:] == [
        ["0:00:00.240", "0:00:00.560", "", "", "", "0.8", "calmer"],
        # It is no shot of the page, and is not lost.
        ["0:00:00.040", "0:00:00.120", "", "yes", "", "", ""],
    ]


def test_everybody_has_a_row_and_marks_of_their_own(dubbed_film: Path) -> None:
    """A cast: who is to speak when, whose mouth is left alone why, and a row for each of those who speak in a shot."""
    quiet = "does not speak"
    left = person_course("left", [(3, 5, "turned away"), (6, 16, quiet)], {n: 0.1 for n in (0, 1, 2, 5)})
    right = person_course("right", [(0, 6, quiet), (14, 16, quiet)], {n: 0.2 for n in range(6, 14)})
    changes = {"people": [left, right], "passed": [(3, 5, "turned away"), (14, 16, "nobody speaks")]}
    report = write_report(dubbed_film, dubbed_film.with_name("film.mp4"), **changes)
    told = json.loads(report.read_text())
    told["inputs"] = {"video": told["inputs"]["video"], "cast": "cast.csv"}
    report.write_text(json.dumps(told))
    assert main(["review", str(dubbed_film), "--quick", "--quiet"]) == 0
    with browsing(dubbed_film.with_name("film.dubbed.review.html")) as page:
        table = page.run("[...at('shots').rows].map((tr) => [...tr.cells].slice(0, 4).map((one) => one.textContent))")
        assert [(row[0], row[3]) for row in table] == [("shot", "person"), ("1", "left"), ("2", "right"), ("3", "")]
        assert page.run("document.querySelectorAll('[data-name=face]').length") == 0, "a cast has a table for that"
        page.press("n")
        # Not where somebody else is to speak.
        assert _shown(page)["frame"] == 3 and "left: turned away" in page.run("at('what').textContent")
        assert page.run("at('legend').textContent").count("is dubbed") == 2
        page.press("n")
        assert _shown(page)["frame"] == 6 and page.run("at('mouths').textContent").startswith("right: asked 0.20")
        _say(page, 1, "expression", "1.2")
        assert "0:00:00.560,right,,,1.2," in _saved(page)[1]


def test_a_narrow_window_loses_nothing_at_its_side(page_file: Path) -> None:
    with browsing(page_file, 360, 700) as page:
        _shown(page)
        assert page.run("document.documentElement.scrollWidth") <= 360
        before, after = page.run("canvases.map((one) => one.getBoundingClientRect().top)")
        assert after > before, "one above the other"
        plots = page.run("document.querySelector('.scrolled img').getBoundingClientRect().width")
        assert plots > 600, "their words stay large enough to be read; they are scrolled"


def test_the_film_may_stand_beside_the_page(dubbed_film: Path) -> None:
    target = dubbed_film.with_name("it's a #1 page.html")
    assert main(["review", str(dubbed_film), "-o", str(target), "--beside", "--quick", "--quiet"]) == 0
    assert target.with_suffix(".mp4").is_file() and 'data-beside="./it%27s%20a%20%231%20page.mp4"' in target.read_text()
    with browsing(target) as page:
        page.run(_STILL)
        page.press("End")
        page.run(_STILL)
        assert page.run("[frame, at('problem').textContent]") == [15, ""]


def test_a_correction_of_the_page_is_in_the_next_dub(place: Path, clip: Path, speech: Path) -> None:
    shutil.copy(clip, place / "film.mp4")
    shutil.copy(speech, place / "french.wav")
    words = ["dub", str(place / "film.mp4"), str(place / "french.wav"), "--sidecar", "--quiet"]
    assert main([*words, "--review"]) == 0
    before = json.loads((place / "film.dubbed.json").read_text())["course"]["people"][0]["asked"]
    with browsing(place / "film.dubbed.review.html") as page:
        page.run(_STILL)
        _say(page, 0, "expression", "0")
        name, text = _saved(page)
    (place / name).write_text(text, encoding="utf-8")
    assert main([*words, "--overwrite", "--overrides", str(place / name)]) == 0
    after = json.loads((place / "film.dubbed.json").read_text())["course"]["people"][0]["asked"]
    assert np.ptp(after[2:8]) < 0.01 < np.ptp(before[2:8]), "the mouth rests"
