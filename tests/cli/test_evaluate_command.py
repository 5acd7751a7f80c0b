"""The command `dubtool evaluate`: what is asked of the job, and how its numbers are shown."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from dubbing_place import Capture

from dubtool.cli import main
from dubtool.evaluation.clips import Clip
from dubtool.evaluation.results import TESTS, Evaluation, Number, Outcome


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """What reaches the job, which finds one clip good and one bad."""
    got: dict[str, object] = {}

    def evaluate(clips: object, **options: object) -> Evaluation:
        got.update(options, clips=clips)
        numbers = {
            "opening_r": Number(0.712, 0.03),
            "silence_deviation": Number(0.01, math.nan),
            "seam": Number(1.04, 1.0),
        }
        good = Outcome("good", ["good.mp4"], eyes=99.6, numbers=numbers, notes=["silence: the source never pauses"])
        bad = Outcome("bad", ["bad.mp4"], error="bad.mp4 does not exist", failure="InputError")
        return Evaluation("m", list(TESTS), [good, bad], seconds=3.0)

    monkeypatch.setattr("dubtool.evaluation.evaluate.evaluate", evaluate)
    return got


def test_the_tables_go_to_stdout_and_what_went_wrong_to_stderr(asked: dict[str, object], capfd: Capture) -> None:
    assert main(["evaluate", "good.mp4", "bad.mp4"]) == 0
    out, err = capfd.readouterr()
    assert out.splitlines() == [
        "clip  eyes  opening r    silence  seam",
        "good  100   0.71 (0.03)  0.0100   1.04",
        "",
        "measure            median  baseline                 worst   worst clip",
        "opening r          0.71    0.03 (video not dubbed)  0.71    good",
        "silence deviation  0.0100  -                        0.0100  good",
        "seam               1.04    1.00 (the source)        1.04    good",
    ]
    assert err.splitlines() == [
        "good: silence: the source never pauses",
        "bad: bad.mp4 does not exist",
        "1 measured, 1 could not be, 3 s",
    ]


def test_large_faces_have_a_column_of_their_own(monkeypatch: pytest.MonkeyPatch, capfd: Capture) -> None:
    outcomes = [
        Outcome(name, [name], eyes=eyes, numbers={"psnr": Number(psnr), "outside": Number(0)})
        for name, eyes, psnr in (("a", 99.0, 30.0), ("b", 101.0, 20.0), ("c", 300.0, 22.0), ("d", math.nan, 40.0))
    ]
    del outcomes[1].numbers["outside"], outcomes[2].numbers["outside"]
    result = Evaluation("m", list(TESTS), outcomes)
    monkeypatch.setattr("dubtool.evaluation.evaluate.evaluate", lambda clips, **options: result)
    assert main(["evaluate", "a.mp4", "--quiet"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[1:5]] == [["a", "99"], ["b", "101"], ["c", "300"], ["d", "-"]]
    assert lines[5:] == [
        "measure  median  large faces (2)  baseline  worst  worst clip",
        "PSNR     26.0    21.0             -         20.0   b",
        "outside  0       -                -         0      a",
    ]
    told = result.as_dict()["large_faces"]
    assert told["clips"] == ["b", "c"] and told["summary"]["psnr"]["median"] == 21.0


def test_json_is_everything(asked: dict[str, object], capfd: Capture) -> None:
    assert main(["evaluate", "good.mp4", "--json", "--quiet"]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    assert json.loads(out)["clips"][0]["numbers"]["silence_deviation"] == {"value": 0.01, "baseline": None}


def test_every_option_reaches_the_job(asked: dict[str, object], tmp_path: Path) -> None:
    words = (
        "--lag -2.5 --model other --tests self,seam --sface sface.onnx --out folder --overwrite --device cpu "
        "--precision fp32 --batch-size 7 --no-cache --quiet"
    )
    assert main(["evaluate", "a.mp4", *words.split()]) == 0
    assert callable(asked.pop("progress"))
    (clip,) = asked.pop("clips")  # type: ignore[misc]
    assert isinstance(clip, Clip) and float(clip.lag) == -0.1
    assert asked == {
        "model": "other",
        "tests": ["self", "seam"],
        "sface": Path("sface.onnx"),
        "out": Path("folder"),
        "overwrite": True,
        "device": "cpu",
        "precision": "fp32",
        "batch_size": 7,
        "cache": False,
    }


def test_a_manifest_chooses_by_split_and_pattern(asked: dict[str, object], tmp_path: Path) -> None:
    manifest = tmp_path / "m.csv"
    manifest.write_text("file,split\nx1.mp4,val\nx2.mp4,train\ny.mp4,val\n")
    assert main(["evaluate", "--manifest", str(manifest), "--split", "val", "x*"]) == 0
    assert [clip.name for clip in asked["clips"]] == ["x1"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ([], "name a clip"),
        (["a.mp4", "--split", "val"], "--split needs --manifest"),
        (["--manifest", "m.csv", "--lag", "1"], "--lag does not go with --manifest"),
    ],
)
def test_contradictions_are_refused(words: list[str], what: str, capfd: Capture) -> None:
    assert main(["evaluate", *words]) == 2
    assert what in capfd.readouterr().err
