"""`--trace`: what is in the file, and when it is refused."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from dubbing_place import Capture, State

import dubtool
from dubtool.cli import main
from dubtool.errors import DubtoolError, OutputError
from dubtool.media.encode import VideoWriter


def _rows(trace: Path) -> dict[str, list[dict[str, Any]]]:
    """The spans of each thread, by its name and number."""
    events = json.loads(trace.read_text())["traceEvents"]
    names = {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}
    rows: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        if event["ph"] == "X":
            rows.setdefault(f"{names[event['tid']]} {event['tid']}", []).append(event)
    return rows


def test_a_dub_shows_who_waits_for_whom(place: Path, video: Path, sound: Path) -> None:
    trace = place / "t.json"
    report = dubtool.dub(video, sound, place / "out.mp4", trace=trace, cache=False)
    assert report.extra == {"trace": str(trace)}
    rows = _rows(trace)
    names = {name.split()[0]: {event["name"] for event in row} for name, row in rows.items()}
    assert names["reader"] == {"decode", "wait: enough is read"}
    assert names["writer"] == {"encode", "wait: for ffmpeg", "wait: for frames"}
    told = {"track", "track a frame", "detect", "landmarks", "references", "dub"}
    assert told | {"wait: for the reader", "wait: for the writer"} <= names["main"]
    # On one core there are no others.
    workers = {event["name"] for name, row in rows.items() if name.startswith("worker") for event in row}
    assert {"covers", "make mouths", "painter", "blend"} <= (workers or names["main"])
    for row in rows.values():
        # Whatever begins within another span ends within it.
        stack: list[float] = []
        for event in sorted(row, key=lambda event: (event["ts"], -event["dur"])):
            end = event["ts"] + event["dur"]
            while stack and stack[-1] <= event["ts"]:
                stack.pop()
            assert not stack or end <= stack[-1] + 0.002, event
            stack.append(end)
    encoded = [event for name, row in rows.items() if "writer" in name for event in row if event["name"] == "encode"]
    assert len(encoded) == report.frames
    assert all(first["ts"] + first["dur"] <= second["ts"] for first, second in pairwise(encoded))


@pytest.mark.parametrize("command", ["dub", "restore-teeth", "reenact"])
def test_what_stands_in_its_place_is_kept(
    command: str, place: Path, video: Path, sound: Path, state: State, capfd: Capture
) -> None:
    trace = place / "t.json"
    trace.write_text("mine")
    second = {"dub": [sound], "restore-teeth": [], "reenact": [video]}[command]
    words = [command, video, *second, "-o", place / "out.mp4", "--trace", trace, "--quiet"]
    before = state(place)
    assert main([str(word) for word in words]) == 2
    said = capfd.readouterr().err
    assert said.startswith(f"dubtool: {trace} exists; give --overwrite") and said.count("\n") == 1
    assert state(place) == before


@pytest.mark.parametrize(
    ("named", "code", "said"),
    [
        ("there", 7, "is a folder: name a file"),
        ("nowhere/t.json", 7, "does not exist"),
        ("out.mp4", 2, "would be written twice"),
        ("film.mp4", 2, "is also an input"),
    ],
)
@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_what_cannot_be_a_trace_is_refused_before_any_work(
    named: str, code: int, said: str, more: list[str], place: Path, video: Path, sound: Path, capfd: Capture
) -> None:
    (place / "there").mkdir()
    named = video.name if named == "film.mp4" else named
    words = ["dub", video, sound, "-o", place / "out.mp4", "--trace", place / named, "--overwrite", "--quiet", *more]
    assert main([str(word) for word in words]) == code
    told = capfd.readouterr().err
    assert said in told and told.count("\n") == 1
    assert not (place / "out.mp4").exists()


def test_no_trace_is_left_of_a_job_that_fails(
    place: Path, video: Path, sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OutputError("the disk is full")

    monkeypatch.setattr(VideoWriter, "write", fail)
    with pytest.raises(DubtoolError, match="the disk is full"):
        dubtool.dub(video, sound, place / "out.mp4", trace=place / "t.json")
    assert sorted(place.iterdir()) == sorted([video, sound])


def test_two_rows_of_a_list_cannot_write_one_trace(place: Path, video: Path, sound: Path, capfd: Capture) -> None:
    jobs = place / "jobs.csv"
    jobs.write_text("video,speech,output\n" + "".join(f"{video.name},{sound.name},{n}.mp4\n" for n in "ab"))
    assert main(["batch", str(jobs), "--quiet", "--set", f"trace={place / 't.json'}"]) == 2
    assert "is also written by" in capfd.readouterr().err
