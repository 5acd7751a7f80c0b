"""No file of the user's is replaced without being asked for: the result's, or one of those beside it."""

from __future__ import annotations

import itertools
import os
from dataclasses import replace
from pathlib import Path

import pytest
from dubbing_place import Capture, State

import dubtool
from dubtool.cli import main
from dubtool.errors import UsageError
from dubtool.jobs.shared.outputs import EXTRAS, beside, check_writing, checked_output
from dubtool.media.encode import VideoWriter, save
from dubtool.media.probe import probe
from dubtool.media.temporary_output import claim

_FLAGS = {"preview": ["--preview"], "sheet": ["--debug"], "sidecar": ["--sidecar"], "speaking": ["--face", "speaking"]}
# What any job writes on request; the table of who speaks is a dub's alone.
_ANY = {option: suffix for option, suffix in EXTRAS.items() if option != "speaking"}


@pytest.mark.parametrize(
    ("command", "option"),
    [*itertools.product(["dub", "restore-teeth", "reenact"], [None, *_ANY]), ("dub", "speaking")],
)
def test_what_stands_in_the_place_of_any_output_is_kept(
    command: str, option: str | None, place: Path, video: Path, sound: Path, state: State, capfd: Capture
) -> None:
    target = place / "film.fr.mp4"
    mine = target if option is None else beside(target, EXTRAS[option])
    mine.write_text("mine")
    second = {"dub": [sound], "restore-teeth": [], "reenact": [video]}[command]
    words = [command, video, *second, "-o", target, "--quiet", *(_FLAGS[option] if option else [])]
    before = state(place)
    assert main([str(word) for word in words]) == 2
    said = capfd.readouterr().err
    assert said.startswith(f"dubtool: {mine} exists; give --overwrite"), said
    assert said.count("\n") == 1 and state(place) == before


@pytest.mark.parametrize("option", EXTRAS)
def test_what_is_not_asked_for_may_stand_there(option: str, place: Path, video: Path) -> None:
    target = place / "film.fr.mp4"
    beside(target, EXTRAS[option]).write_text("mine")
    assert checked_output(video, target, {"overwrite": False}, (video,)) == target


@pytest.mark.parametrize("option", EXTRAS)
def test_an_input_is_never_replaced(option: str, place: Path, video: Path) -> None:
    mine = beside(place / "film.mp4", EXTRAS[option])
    mine.write_bytes(video.read_bytes())
    with pytest.raises(UsageError, match="is also an input"):
        checked_output(video, place / "film.mp4", {"overwrite": True, option: True}, (video, mine))


def test_the_codec_is_that_of_the_frames_which_are_written(place: Path, video: Path) -> None:
    target, info = place / "out.mov", probe(video)
    see_through = replace(info, video=replace(info.require_video(), pixel_format="yuva444p10le"))
    assert check_writing(target, {}, see_through) == "prores_ks"
    assert check_writing(target, {"codec": "libx265"}, see_through) == "libx265"
    with pytest.raises(UsageError, match="prores_ks always loses something"):
        check_writing(target, {"lossless": True}, see_through)
    # A portrait that is animated has nothing of the driver's pictures.
    assert check_writing(target, {"lossless": True}, see_through.drawn()) == "libx264"


def test_overwrite_replaces_all_of_them(place: Path, video: Path, sound: Path) -> None:
    target = place / "out.mp4"
    files = [target, *(beside(target, suffix) for suffix in _ANY.values())]
    for file in files:
        file.write_text("old")
    dubtool.dub(video, sound, target, overwrite=True, preview=True, sheet=True, sidecar=True)
    assert all(file.stat().st_size > 100 for file in files)
    assert sorted(place.iterdir()) == sorted([video, sound, *files])


@pytest.mark.parametrize("suffix", ["", *_ANY.values()])
def test_what_appears_while_a_dub_is_made_is_kept(suffix: str, place: Path, video: Path, sound: Path) -> None:
    target = place / "out.mp4"
    theirs = beside(target, suffix) if suffix else target

    def appear(stage: str, done: float, total: float | None) -> None:
        if stage == "dub":
            theirs.write_text("theirs")

    with pytest.raises(UsageError, match="exists; give --overwrite"):
        dubtool.dub(video, sound, target, progress=appear, preview=True, sheet=True, sidecar=True)
    assert theirs.read_text() == "theirs"
    assert not [path for path in place.iterdir() if path.name.startswith(".")]


def test_two_cannot_write_one_output(place: Path, video: Path) -> None:
    target, info = place / "out.mp4", probe(video)
    first = VideoWriter(target, info)
    try:
        with pytest.raises(UsageError, match="is being written by another dubtool"):
            VideoWriter(target, info)
        with pytest.raises(UsageError, match="is being written by another dubtool"):
            checked_output(video, target, {}, (video,))
        VideoWriter(place / "other.mp4", info).abort()
    finally:
        first.abort()
    VideoWriter(target, info).abort()
    assert list(place.iterdir()) == [video]


def test_what_a_killed_run_left_stands_in_nobodys_way(place: Path, video: Path) -> None:
    _, descriptor = claim(place / "out.mp4")
    os.close(descriptor)
    assert checked_output(video, place / "out.mp4", {}, (video,)) == place / "out.mp4"


def test_a_file_system_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    save(tmp_path / "new.json", b"new", overwrite=False)
    with pytest.raises(UsageError, match="exists"):
        save(tmp_path / "new.json", b"newer", overwrite=False)
    assert [path.name for path in tmp_path.iterdir()] == ["new.json"]
    assert (tmp_path / "new.json").read_bytes() == b"new"


@pytest.mark.parametrize("letter", ["a", "é"])
def test_a_name_that_is_too_long_is_told_at_once(letter: str, place: Path, video: Path) -> None:
    long = place / (letter * ((251) // len(letter.encode())) + ".mp4")
    long.write_bytes(video.read_bytes())
    with pytest.raises(UsageError, match="too long a name"):
        checked_output(long, None, {}, (long,))
    assert checked_output(long, place / "out.mp4", {}, (long,)) == place / "out.mp4"


def test_a_page_replaces_pages_only(place: Path, video: Path, sound: Path, capfd: Capture) -> None:
    jobs, page = place / "jobs.csv", place / "page.html"
    jobs.write_text(f"video,speech,output\n{video.name},{sound.name},out.mp4\n")
    page.write_text("<html>mine")
    words = ["batch", str(jobs), "--quiet", "--report", str(page)]
    assert main(words) == 2
    assert f"{page} exists; give --overwrite" in capfd.readouterr().err
    assert page.read_text() == "<html>mine" and not (place / "out.mp4").exists()
    page.unlink()
    assert main(words) == 0 and main(words) == 0
    assert "dubtool batch" in page.read_text()
    assert main([*words[:-1], str(jobs)]) == 2 and jobs.read_text().startswith("video")
