"""--dry-run of single jobs: what would be done, and the errors of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from dubbing_place import Capture

from dubtool.cli import main


@pytest.fixture
def tracked(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every time that somebody looks for faces."""
    calls: list[object] = []
    for place in ("shared.run", "restore_teeth.methods"):
        monkeypatch.setattr(f"dubtool.jobs.{place}.track_video", lambda *args, **more: calls.append(args))
    return calls


def test_a_dub_is_told_and_not_done(
    place: Path, video: Path, sound: Path, tracked: list[object], capfd: Capture
) -> None:
    before = sorted(place.iterdir())
    assert main(["dub", str(video), str(sound), "--dry-run", "--json", "--preview", "--workers", "1"]) == 0
    out, err = capfd.readouterr()
    found = json.loads(out)
    assert found["output"] == str(place / "video.dubbed.mp4")
    assert found["files"] == [found["output"], str(place / "video.dubbed.preview.mp4")]
    assert (found["codec"], found["model"], found["device"]) == ("libx264", "retrieval-warp", "cpu")
    assert (found["frames"], found["seconds"], found["dry_run"]) == (10, 0.4, True)
    assert found["bytes"] > 0
    assert found["inputs"]["video"].startswith("0.4 s of h264, 640x640")
    assert "dinet-small_frame_int8" in found["weights"] or "dinet-small_frame" in found["weights"]
    assert (sorted(place.iterdir()), tracked, err) == (before, [], "")


def test_the_other_jobs_are_told_in_lines(place: Path, video: Path, tracked: list[object], capfd: Capture) -> None:
    assert main(["restore-teeth", str(video), "--dry-run", "--container", "mkv"]) == 0
    told = dict(line.split(": ", 1) for line in capfd.readouterr().out.splitlines())
    assert told["output"] == str(place / "video.restored.mkv")
    assert told["model"].startswith("hdtr-face on ")
    assert main(["reenact", str(place / "none.png"), str(video), "--dry-run"]) == 3
    assert tracked == []


def test_a_page_that_must_not_be_replaced_is_told(place: Path, video: Path, sound: Path, capfd: Capture) -> None:
    (place / "video.dubbed.review.html").write_text("my own notes")
    assert main(["dub", str(video), str(sound), "--dry-run", "--review"]) == 2
    assert "video.dubbed.review.html exists; give --overwrite" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--face", "nobody"], 2),
        (["--codec", "libvpx-vp9"], 2),
        (["--model", "nonsense"], 2),
        (["--model", "dinet"], 5),
        (["--device", "cuda:77"], 6),
        (["-o", "nowhere/out.mp4"], 7),
        (["--soundtrack", "none.wav"], 3),
        (["--container", "avi"], 2),
    ],
)
def test_errors_are_those_of_a_run(
    words: list[str], code: int, place: Path, video: Path, sound: Path, capfd: Capture
) -> None:
    told = []
    for more in ([], ["--dry-run"]):
        assert main(["dub", str(video), str(sound), "--quiet", *words, *more]) == code
        told.append(capfd.readouterr().err)
    # A run has also learned by then who the film's people are.
    assert told[0].split(";")[0].strip() == told[1].split(";")[0].strip()
    assert sorted(one.name for one in place.iterdir()) == ["sound.wav", "video.mp4"]


def test_the_time_is_told_by_the_last_job(
    place: Path, video: Path, sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own cache"))
    rehearsal = ["dub", str(video), str(sound), "--dry-run", "--json"]
    assert main(rehearsal) == 0
    assert json.loads(capfd.readouterr().out)["hours"] is None
    assert main(["dub", str(video), str(sound), "--quiet"]) == 0
    capfd.readouterr()
    assert main([*rehearsal, "--overwrite"]) == 0
    assert 0 < json.loads(capfd.readouterr().out)["hours"] < 0.1
