"""The command `dubtool reenact`: its options, what it prints, and how it ends without a face."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from dubbing_place import Capture
from every_option import REACHING, WORDS, noted

from dubtool.batch.check import check
from dubtool.batch.table import read_jobs
from dubtool.cli import main
from dubtool.media.decode import VideoReader
from dubtool.media.probe import probe


@pytest.fixture
def portrait(place: Path, clip: Path) -> Path:
    rgb = next(iter(VideoReader(probe(clip)))).rgb(scale=0.5)
    cv2.imwrite(str(place / "portrait.png"), rgb[..., ::-1])
    return place / "portrait.png"


def test_stdout_is_the_path(place: Path, portrait: Path, clip: Path, capfd: Capture) -> None:
    words = [
        "reenact",
        portrait,
        clip,
        "-o",
        place / "out.mp4",
        "--model",
        "warp",
        "--preset",
        "ultrafast",
        "--to",
        "0.2",
    ]
    assert main([str(word) for word in words]) == 0
    out, err = capfd.readouterr()
    assert out == f"{place / 'out.mp4'}\n"
    assert "reenacted: 5 of 5 frames\n" in err


def test_a_portrait_without_a_face_ends_with_exit_4_and_its_name(place: Path, clip: Path, capfd: Capture) -> None:
    cv2.imwrite(str(place / "wall.png"), np.full((120, 160, 3), 200, np.uint8))
    assert main(["reenact", str(place / "wall.png"), str(clip), "-o", str(place / "out.mp4"), "--model", "warp"]) == 4
    out, err = capfd.readouterr()
    assert out == "" and "wall.png: no face was found in the portrait" in err
    assert [path.name for path in place.iterdir()] == ["wall.png"]


def test_every_option_reaches_the_job(place: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture) -> None:
    got = noted(monkeypatch, "reenact", "reenact.job.reenact")
    words = WORDS + ("--motion absolute --framing crop --yaw 5 --pitch -6 --roll 7.5 --model warp --effort fast --json")
    assert main(["reenact", "anna.png", "talk.mp4", *words.split()]) == 0
    assert json.loads(capfd.readouterr().out)["job"] == "reenact"
    assert got.pop("arguments") == (Path("anna.png"), Path("talk.mp4"), Path("out.mov"))
    assert callable(got.pop("progress"))
    assert got == REACHING | {
        "motion": "absolute",
        "framing": "crop",
        "yaw": 5.0,
        "pitch": -6.0,
        "roll": 7.5,
        "model": "warp",
        "deinterlace": False,
    }


def test_a_batch_may_list_it(place: Path, portrait: Path, clip: Path) -> None:
    cv2.imwrite(str(place / "wall.png"), np.full((120, 160, 3), 200, np.uint8))
    table = place / "jobs.csv"
    rows = [f"reenact,{name},{clip},absolute,10" for name in ("portrait.png", "wall.png")]
    table.write_text("\n".join(["job,portrait,driver,motion,yaw", *rows]) + "\n")
    listed = read_jobs(str(table), {})
    job = listed.jobs[0]
    assert (job.kind, job.inputs) == ("reenact", {"portrait": portrait, "driver": clip})
    assert (job.output, job.options) == (place / "portrait.reenacted.mp4", {"motion": "absolute", "yaw": 10.0})
    checked = check(listed, devices=["cpu"], workers=1, retry_failed=False)
    assert [(one.exit_code, one.frames) for one in checked.jobs] == [(0, 10), (4, 0)]
    assert "wall.png: no face" in checked.jobs[1].problem
    assert checked.pace is not None
