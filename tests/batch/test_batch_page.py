from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote_to_bytes

import cv2
import numpy as np
import pytest

from dubtool.batch.page import write_page
from dubtool.batch.state import Ledger
from dubtool.batch.table import Job, JobList
from dubtool.jobs.shared.outputs import PAGE, PLOTS, beside


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.pictures: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        told = dict(attributes)
        self.links += [told["href"] or ""] if "href" in told else []
        self.pictures += [told["src"] or ""] if "src" in told else []

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def page(tmp_path: Path, clip: Path) -> _Page:
    folder = tmp_path / "out & <b>"
    folder.mkdir()
    source = folder / 'javascript:"a"#?%41.mp4'
    output = folder / "<script>早.mp4"
    for file in (source, output):
        file.write_bytes(clip.read_bytes())
    jobs = (
        Job("jobs.csv, line 2", "dub", {"video": source, "speech": clip}, output, {}),
        Job("jobs.csv, line 3", "dub", {"video": folder / "gone.mp4", "speech": clip}, folder / "x\udcff.mp4", {}),
        Job("jobs.csv, line 4", "dub", {"video": source, "speech": clip}, folder / "later.mp4", {}),
    )
    for suffix in (PAGE, PLOTS):
        beside(output, suffix).write_text("made by the other commands")
    listed = JobList("<i>jobs", jobs, folder / "state.jsonl")
    ledger = Ledger(listed.state)
    ledger.running(jobs[0], False)
    report = {"frames": 10, "dubbed": 8, "passed": {"no face": 2}, "seconds": {"track": 1.5, "dub": 63.0}}
    ledger.done(jobs[0], report | {"warnings": ["<img src=x>"], "extra": {"preview": str(output)}})
    ledger.running(jobs[1], False)
    ledger.failed(jobs[1], "it's <gone>", 3)
    write_page(listed, tmp_path / "page.html")
    return _Page((tmp_path / "page.html").read_text(encoding="utf-8"))


def test_the_page_needs_nothing_but_itself(page: _Page) -> None:
    assert not page.tags & {"script", "link", "iframe", "i", "b"}
    assert all(picture.startswith("data:image/jpeg;base64,") for picture in page.pictures)
    assert all(link.startswith("./") for link in page.links)


def test_the_pictures_are_those_of_source_and_result(page: _Page) -> None:
    # Two of the first job; the second has no file; the third shows its source alone.
    assert len(page.pictures) == 3
    for picture in page.pictures:
        data = np.frombuffer(base64.b64decode(picture.partition(",")[2]), np.uint8)
        assert cv2.imdecode(data, cv2.IMREAD_COLOR).shape[1] == 200


def test_links_lead_to_the_files(page: _Page, tmp_path: Path) -> None:
    found = [tmp_path / unquote_to_bytes(link).decode("utf-8", "surrogateescape") for link in page.links]
    assert len(found) == 3 + 1 + 2 + 2 + 2
    assert [path.exists() for path in found] == [True] * 6 + [False, True] + [True, True]
    assert {"<script>早.review.html", "<script>早.plots.png"} <= {path.name for path in found}


def test_names_reasons_and_warnings_are_text(page: _Page) -> None:
    for text in ("<i>jobs", "<script>早.mp4", "it's <gone>", "<img src=x>", "x\N{REPLACEMENT CHARACTER}.mp4"):
        assert text in page.text
    assert "3 jobs: 1 done, 1 failed" in page.text
    assert re.search(r"8 of 10\s*no face: 2\s*1 min 4 s\s*track: 1.5 s", page.text)
    assert "waiting" in page.text
