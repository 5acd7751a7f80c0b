"""What the page and the plots are made of, and every way in which they are refused."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from dubbing_place import Capture
from plain_films import film, write_report

from dubtool.cli import main
from dubtool.review.measures import SILENCE, light_changes, loudness
from dubtool.review.plots import Measured, PersonMeasured, color_of, draw_plots, paler

Change = Callable[[Path], object]


def test_the_page_needs_nothing_but_itself(dubbed_film: Path) -> None:
    assert main(["review", str(dubbed_film), "--quick", "--quiet"]) == 0
    text = dubbed_film.with_name("film.dubbed.review.html").read_text()
    assert not re.search(r"https?://|<link|<img[^>]+src=\"(?!data:)|@import|url\(", text)
    assert "{{" not in text and "turned <away>" not in text
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1])  # type: ignore[index]
    assert data["light"] == [] and data["passed"] == [[3, 5, "no face"], [12, 13, "turned <away>"]]
    assert data["durations"] == pytest.approx([0.04] * 16) and data["people"][0]["rendered"] is None
    assert data["people"][0]["asked"][:4] == [0.1, 0.2, 0.15, None]


def test_an_earlier_page_is_replaced_and_nothing_else(dubbed_film: Path, capfd: Capture) -> None:
    page = dubbed_film.with_name("film.dubbed.review.html")
    assert main(["review", str(dubbed_film), "--quick", "--quiet"]) == 0
    assert main(["review", str(dubbed_film), "--quick", "--quiet"]) == 0
    page.write_text("my own notes")
    capfd.readouterr()
    assert main(["review", str(dubbed_film), "--quick", "--quiet"]) == 2
    assert "exists; give --overwrite" in capfd.readouterr().err
    assert page.read_text() == "my own notes"


@pytest.mark.parametrize("inputs", [{"cast": "cast.csv"}, {"cues": "lines.srt", "voices": "voices"}])
def test_a_dub_of_a_cast_is_shown_like_any_other(dubbed_film: Path, inputs: dict[str, str]) -> None:
    _changed(dubbed_film, inputs={"video": str(dubbed_film.with_name("film.mp4"))} | inputs)
    assert main(["review", str(dubbed_film), "--quick", "--quiet"]) == 0
    assert main(["report", str(dubbed_film), "--quick", "--quiet"]) == 0
    text = dubbed_film.with_name("film.dubbed.review.html").read_text()
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1])  # type: ignore[index]
    assert data["cast"] and all(f"<dd>{given}</dd>" in text for given in inputs.values())


def test_image_sequences_are_shown_like_films(dubbed_film: Path) -> None:
    place = dubbed_film.parent
    frames = []
    for film_of, name in ((place / "film.mp4", "source"), (dubbed_film, "made")):
        (place / name).mkdir()
        capture, number = cv2.VideoCapture(str(film_of)), 0
        while (read := capture.read())[0]:
            cv2.imwrite(str(place / name / f"f_{number:03d}.png"), read[1])
            number += 1
        frames.append(number)
    (place / "made" / "sequence.json").write_text('{"rate": "25"}')
    pattern = place / "made" / "f_%03d.png"
    dubbed_film.with_suffix(".json").rename(place / "made.json")
    report = json.loads((place / "made.json").read_text())
    report["inputs"]["video"] = str(place / "source")
    (place / "made.json").write_text(json.dumps(report))
    assert main(["review", str(pattern), "--quick", "--quiet"]) == 0
    assert main(["report", str(pattern), "--quick", "--quiet"]) == 0
    assert (place / "made.review.html").exists() and (place / "made.plots.png").exists()
    assert frames == [10, 16]


_BAD: list[tuple[Change, list[str], int, str]] = [
    (lambda dub: dub.unlink(), [], 3, "film.dubbed.mp4 does not exist"),
    (lambda dub: dub.with_suffix(".json").unlink(), [], 3, "film.dubbed.json does not exist.*dub again with --sidecar"),
    (lambda dub: dub.with_suffix(".json").write_text("{"), [], 3, "is not the report of a dub"),
    (lambda dub: dub.with_suffix(".json").write_text("[1]"), [], 3, "is not the report of a dub"),
    (lambda dub: dub.with_suffix(".json").write_bytes(b"\xff\x00"), [], 3, "is not the report of a dub"),
    (lambda dub: dub.with_suffix(".json").write_text("[" * 100_000), [], 3, "is not the report of a dub"),
    (lambda dub: _changed(dub, passed=5), [], 3, "is not the report of a dub"),
    (lambda dub: _changed(dub, warnings=5), [], 3, "is not the report of a dub"),
    (lambda dub: _changed(dub, seconds={"dub": float("inf")}), [], 3, "is not the report of a dub"),
    (lambda dub: _changed(dub, job="reenact"), [], 3, "report of the job reenact: only dubs"),
    (lambda dub: _changed(dub, course=None), [], 3, "dub again with --sidecar"),
    (lambda dub: write_report(dub, dub.with_name("film.mp4"), source=[0] * 15), [], 3, "does not fit together"),
    (lambda dub: film(dub, [50] * 9), [], 3, "has 9 frames, its report tells of 16"),
    (lambda dub: film(dub, [50] * 20), [], 3, "has 17 frames|has 20 frames"),
    (lambda dub: dub.with_name("film.mp4").unlink(), [], 3, "is not there: name it with --source"),
    (lambda dub: film(dub.with_name("film.mp4"), [50] * 3), [], 3, "ends after 3 frames|ends before"),
    (lambda dub: film(dub.with_name("film.mp4"), [50] * 16, (80, 48)), [], 3, "has another size"),
    (lambda dub: None, ["-o", "page.txt"], 2, "ends in .html"),
    (lambda dub: None, ["-o", f"{'x' * 251}.html"], 2, "too long a name"),
    (lambda dub: None, ["-o", "nowhere/page.html"], 7, "name a file in a folder that exists"),
    (lambda dub: None, ["--report", "gone.json"], 3, "gone.json does not exist"),
]


def _changed(dub: Path, **values: object) -> None:
    report = dub.with_suffix(".json")
    report.write_text(json.dumps(json.loads(report.read_text()) | values))


@pytest.mark.parametrize("command", ["review", "report"])
def test_a_folder_is_said_to_be_one(command: str, dubbed_film: Path, capfd: Capture) -> None:
    assert main([command, str(dubbed_film.parent), "--quick", "--quiet"]) == 3
    err = capfd.readouterr().err
    assert "is a folder: name a film in it" in err and err.count("\n") == 1


@pytest.mark.parametrize("number", range(len(_BAD)))
def test_what_cannot_be_shown_is_refused_in_one_line(
    number: int, dubbed_film: Path, capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, words, code, told = _BAD[number]
    monkeypatch.chdir(dubbed_film.parent)
    change(dubbed_film)
    before = {path: path.stat().st_mtime_ns for path in dubbed_film.parent.iterdir()}
    capfd.readouterr()
    assert main(["review", dubbed_film.name, "--quick", "--quiet", *words]) == code
    out, err = capfd.readouterr()
    assert out == "" and err.count("\n") == 1 and re.search(told, err), err
    assert {path: path.stat().st_mtime_ns for path in dubbed_film.parent.iterdir()} == before


def test_plots_are_a_picture_beside_the_dub(dubbed_film: Path, capfd: Capture) -> None:
    assert main(["report", str(dubbed_film), "--quick", "--quiet"]) == 0
    made = dubbed_film.with_name("film.dubbed.plots.png")
    assert capfd.readouterr().out == f"{made}\n"
    assert cv2.imread(str(made)).shape[1] == 1200
    assert main(["report", str(dubbed_film), "--quick", "--quiet"]) == 2
    assert "exists; give --overwrite" in capfd.readouterr().err
    assert main(["report", str(dubbed_film), "-o", "x.svg", "--quiet"]) == 2


def test_sharpness_and_light_are_drawn_where_the_source_is_there(dubbed_film: Path) -> None:
    source, plots = dubbed_film.with_name("film.mp4"), dubbed_film.with_name("film.dubbed.plots.png")

    def height(*words: str) -> int:
        assert main(["report", str(dubbed_film), "--quick", "--quiet", "--overwrite", *words]) == 0
        picture = cv2.imread(str(plots))
        assert picture is not None
        return picture.shape[0]

    whole = height()
    source.rename(source.with_name("moved.mp4"))
    assert height() == whole - 2 * 240, "two panels less"
    assert height("--source", str(source.with_name("moved.mp4"))) == whole
    assert main(["report", str(dubbed_film), "--source", str(source), "--quiet", "--overwrite"]) == 3


def test_curves_rise_where_their_values_do() -> None:
    times = np.arange(50) / 25
    person = PersonMeasured("left", asked=np.linspace(0, 0.3, 50), rendered=np.linspace(0.3, 0, 50))
    picture = draw_plots(Measured(times, [person]))
    for colour, sign in ((paler(color_of(0)), -1), (color_of(0), 1)):
        rows, columns = np.nonzero(np.all(np.abs(picture[40:].astype(int) - colour) < 30, axis=2))
        assert sign * np.polyfit(columns, rows, 1)[0] > 0.1


@pytest.mark.parametrize(
    "what",
    [
        Measured(np.zeros(1), [PersonMeasured("1", np.zeros(1))], levels=np.full(1, SILENCE)),
        Measured(np.arange(3.0), [PersonMeasured("1", np.full(3, np.nan), np.array([0.1, np.nan, 0.2]))]),
        Measured(np.arange(3.0), [PersonMeasured(str(n), np.ones(3), None, *[np.ones(3)] * 3) for n in range(8)]),
        Measured(np.arange(3.0) * 3000, levels=np.zeros(3), passed=[(0, 3, "no face")], seconds={"dub": 0.0}),
        Measured(np.arange(3.0)),
    ],
)
def test_little_or_nothing_is_drawn_too(what: Measured) -> None:
    assert draw_plots(what).shape[1] == 1200


def test_loudness_is_that_of_each_frame(tmp_path: Path) -> None:
    import soundfile

    rate, tone = 16000, np.sin(np.arange(16000) * 0.5)
    tone[:8000] *= 0.1
    tone[12000:] = 0
    soundfile.write(tmp_path / "x.wav", tone, rate, subtype="FLOAT")
    levels = loudness(tmp_path / "x.wav", [0.0, 0.25, 0.5, 0.75, 1.0])
    assert levels == pytest.approx([-23, -23, -3, SILENCE, SILENCE], abs=0.2)


def test_light_changes_are_told_within_shots_only() -> None:
    times = [number / 25 for number in range(30)]
    steady = [100.0] * 30
    assert light_changes(steady, times, [0]) == []
    cut = [100.0] * 10 + [180.0] * 20
    assert light_changes(cut, times, [0]) == [10]
    assert light_changes(cut, times, [0, 10]) == []
    fade = [100.0 - 4 * number for number in range(20)] + [20.0] * 10
    assert len(light_changes(fade, times, [0])) == 1
    noise = [2.0, 3.0] * 15
    assert light_changes(noise, times, [0]) == [], "the dark flickers"


def test_a_dub_may_bring_its_page(place: Path, clip: Path, speech: Path, capfd: Capture) -> None:
    for file in (clip, speech):
        shutil.copy(file, place)
    video, sound = str(place / clip.name), str(place / speech.name)
    page = place / "clip.dubbed.review.html"
    page.write_text("mine")
    assert main(["dub", video, sound, "--review", "--quiet"]) == 2, "before any work"
    assert not (place / "clip.dubbed.mp4").exists()
    page.unlink()
    capfd.readouterr()
    assert main(["dub", video, sound, "--review", "--json", "--quiet"]) == 0
    assert json.loads(capfd.readouterr().out)["extra"]["review"] == str(page)
    data = json.loads(re.search(r'id="data">(.*?)</script>', page.read_text(), re.S)[1])  # type: ignore[index]
    (person,) = data["people"]
    asked, rendered, levels = (
        np.array(each, float) for each in (person["asked"], person["rendered"], data["loudness"])
    )
    assert len(asked) == len(rendered) == len(levels) == 10
    assert np.abs(asked - rendered).mean() < 0.05, "the dub's mouth does what was asked of it"
    assert levels.max() > -40
