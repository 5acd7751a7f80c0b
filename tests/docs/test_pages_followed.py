"""The commands of the pages about dubs, casts, speakers, batches and delivery run as they stand there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import cv2
import pytest
from dubbing_place import Cut
from page_commands import DOCS, REPOSITORY, follow
from two_people import FRAMES, SIDE, TWO

from dubtool.cli import main
from dubtool.jobs.shared.cast import read_cast

# Films of tests are short.
_TIMES = {"1:30": "0:00.1", "2:45": "0:00.4"}


@pytest.fixture
def studio(place: Path, film: Path, left: Path, clip: Path, cut: Cut, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with everything that the pages name: a film of two people, speeches, lists."""
    monkeypatch.chdir(place)
    for name in ("french", "anna", "bernd", "mix"):
        shutil.copy(left, f"{name}.wav")
    shutil.copy(film, "film.mp4")
    for name in ("clip", "driver"):
        shutil.copy(clip, f"{name}.mp4")
    frame = cv2.VideoCapture(str(film)).read()[1]
    cv2.imwrite("anna.jpg", frame[:, :SIDE])
    cv2.imwrite("portrait.png", cv2.VideoCapture(str(clip)).read()[1])
    return place


def test_the_readme(studio: Path) -> None:
    assert follow(REPOSITORY / "README.md", without=("pip",)) == 3
    for name in ("film.dubbed.mp4", "clip.restored.mp4", "portrait.reenacted.mp4"):
        assert Path(name).is_file(), name


def test_dubbing(studio: Path) -> None:
    # That of whoever speaks is on the page of speakers, too.
    assert follow(DOCS / "dubbing.md", _TIMES, without=("speaking",)) == 6


def test_casts(studio: Path) -> None:
    Path("cast.csv").write_text("face,speech,from,to\nleft,anna.wav,0:00.1,0:00.4\nright,bernd.wav,,\n")
    Path("lines.srt").write_text("1\n00:00:00,000 --> 00:00:00,560\nWords.\n")
    Path("lines").mkdir()
    shutil.copy("anna.wav", "lines/1.left.wav")
    assert follow(DOCS / "casts.md") == 3


def test_the_table_of_casts_is_understood(studio: Path) -> None:
    (table,) = re.findall(r"```csv\n(.*?)```", (DOCS / "casts.md").read_text(encoding="utf-8"), re.S)
    for name in re.findall(r"[\w-]+\.wav", table):
        Path(name).write_bytes(b"sound")
    Path("cast.csv").write_text(table)
    assert [row.face for row in read_cast(Path("cast.csv")).rows] == ["left", "right", "left", "nobody"]


def test_speakers(studio: Path, cut: Cut) -> None:
    sounding = cut("sounding.mp4", "-ss", 2, "-frames:v", FRAMES, "-preset", "ultrafast", "-crf", 14, "-vf", TWO)
    shutil.copy(sounding, "film.mp4")
    assert follow(DOCS / "speakers.md") == 5
    for name in ("film.faces.png", "film.faces.json", "film.faces.cast.csv"):
        assert Path(name).is_file(), name


def test_reenacting(studio: Path) -> None:
    assert follow(DOCS / "reenact.md") == 2


def test_image_sequences(studio: Path) -> None:
    shutil.copy("film.mp4", "film.mov")
    assert follow(DOCS / "delivery.md", without=("--rate", "restore-teeth")) == 1
    # Of another tool, which says no rate.
    shutil.rmtree("shot")
    Path("shot").mkdir()
    capture, number = cv2.VideoCapture("clip.mp4"), 0
    while (read := capture.read())[0]:
        cv2.imwrite(f"shot/frames_{number:06d}.png", read[1])
        number += 1
    assert follow(DOCS / "delivery.md", without=("film.mov", "restore-teeth")) == 1
    assert Path("out.mov").is_file()
    assert main(["restore-teeth", "shot", "--rate", "25", "--quiet"]) == 0


def test_batches(studio: Path, clip: Path, speech: Path) -> None:
    Path("lessons").mkdir()
    shutil.copy(clip, "lessons/a.mp4")
    shutil.copy(speech, "lessons/a.wav")
    Path("jobs.csv").write_text("video,speech,output\nlessons/a.mp4,lessons/a.wav,b.mp4\n")
    assert follow(DOCS / "batch.md", without=("--ray", "ray", "export")) == 6
    page = Path("page.html").read_text(encoding="utf-8")
    assert "a.dubbed.review.html" in page and "a.dubbed.plots.png" in page
