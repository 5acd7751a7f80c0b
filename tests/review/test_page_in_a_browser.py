"""The page at work in a real browser, without a network; left out where there is none."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from browser import PROGRAM, Page, browsing
from plain_films import SOURCE, dub_red, source_red

from dubtool.cli import main

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


def test_what_is_said_of_shots_is_a_cast_and_notes(page_file: Path, dubbed_film: Path) -> None:
    said = [(0, "note", 'too "soft", here'), (1, "skip", True), (2, "face", "@1:10,20"), (2, "expression", "1.2")]
    saved = "window.saved = []; save = (name, text) => window.saved.push([name, text]); 0"
    with browsing(page_file) as page:
        for row, name, value in said:
            page.run(
                f"""(() => {{
                const input = document.querySelectorAll("#shots tbody tr")[{row}].querySelector("[data-name={name}]");
                if (input.type === "checkbox") input.checked = true; else input.value = {str(value)!r};
                input.dispatchEvent(new Event("input", {{ bubbles: true }}));
                }})()"""
            )
        page.run(saved)
        page.run("at('save-cast').click(); at('save-notes').click()")
        (cast_name, cast_text), (notes_name, notes_text) = page.run("window.saved")
    assert (cast_name, notes_name) == ("film.dubbed.cast.csv", "film.dubbed.notes.csv")
    speech = str(dubbed_film.with_name('a "b", c.wav'))
    assert list(csv.reader(io.StringIO(cast_text.removeprefix("\ufeff")))) == [
        ["face", "speech", "from", "to", "offset"],
        ["left", speech, "0:00:00.000", "0:00:00.240", "0:00:00.000"],
        ["nobody", speech, "0:00:00.240", "0:00:00.560", "0:00:00.240"],
        ["@1:10,20", speech, "0:00:00.560", "0:00:00.640", "0:00:00.560"],
    ]
    notes = list(csv.DictReader(io.StringIO(notes_text.removeprefix("\ufeff"))))
    assert [one["note"] for one in notes] == ['too "soft", here', "", ""]
    assert [one["skip"] for one in notes] == ["", "yes", ""]
    assert [one["expression"] for one in notes] == ["", "", "1.2"]


def test_a_narrow_window_loses_nothing_at_its_side(page_file: Path) -> None:
    with browsing(page_file, 360, 700) as page:
        _shown(page)
        assert page.run("document.documentElement.scrollWidth") <= 360
        before, after = page.run("canvases.map((one) => one.getBoundingClientRect().top)")
        assert after > before, "one above the other"


def test_the_film_may_stand_beside_the_page(dubbed_film: Path) -> None:
    target = dubbed_film.with_name("it's a #1 page.html")
    assert main(["review", str(dubbed_film), "-o", str(target), "--beside", "--quick", "--quiet"]) == 0
    assert target.with_suffix(".mp4").is_file() and 'data-beside="./it%27s%20a%20%231%20page.mp4"' in target.read_text()
    with browsing(target) as page:
        page.run(_STILL)
        page.press("End")
        page.run(_STILL)
        assert page.run("[frame, at('problem').textContent]") == [15, ""]
