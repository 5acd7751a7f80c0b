"""`dubtool train adapt` and `dub --adapt`: what they refuse and what they say."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from dubbing_place import Capture

import dubtool
from dubtool.cli.app import main
from dubtool.errors import InputError
from dubtool.jobs.shared.adapted import Adapted, Painter, Score, Voice

ADAPTED = Adapted(
    Path("kept"),
    2.0,
    Painter(Score(0.07, 0.89, 0.3), Score(0.05, 0.9, 0.6), 100, 20, 60, 0.3, (0, 1, 2, 3, 4)),
    Voice(False, why="the video has no sound"),
    dict.fromkeys(("once.onnx", "frame.onnx", "frame_int8.onnx"), "digest"),
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What `dubtool.adapt` was asked; it finds ADAPTED."""
    calls: list[tuple[Any, ...]] = []

    def adapt(video: Path, minutes: float, **options: Any) -> Adapted:
        calls.append((video, minutes, options["face"]))
        return ADAPTED

    monkeypatch.setattr(dubtool, "adapt", adapt, raising=False)
    return calls


def test_without_torch_one_line_says_what_to_install(
    clip: Path, user_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "torch" else found(name, *rest)
    )
    monkeypatch.setattr(
        "dubtool.jobs.adapt.job.track_video", lambda *arguments, **more: pytest.fail("followed the face first")
    )
    assert main(["train", "adapt", str(clip), "--quiet"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "dubtool[train]" in error


def test_numbers_of_both_are_shown(asked: list[tuple[Any, ...]], capsys: Capture) -> None:
    assert main(["train", "adapt", "video.mp4", "--minutes", "2", "--face", "left"]) == 0
    assert asked == [(Path("video.mp4"), 2.0, "left")]
    out, err = capsys.readouterr()
    assert out == "kept\n"
    assert "LPIPS 0.070 -> 0.050" in err
    assert "the video has no sound" in err
    assert main(["train", "adapt", "video.mp4", "--json", "-q"]) == 0
    assert json.loads(capsys.readouterr().out)["painter"]["used"] is True


def test_a_dub_takes_what_was_adapted(asked: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []

    def dub(*arguments: Any, **more: Any) -> Any:
        given.append(arguments[-1].adapted)
        raise InputError("that is all")

    monkeypatch.setattr("dubtool.jobs.dub.job.dub", dub)
    assert main(["dub", "video.mp4", "speech.wav", "--adapt", "2", "--face", "left", "-q"]) == InputError.exit_code
    assert asked == [(Path("video.mp4"), 2.0, "left")]
    assert given == [ADAPTED]


@pytest.mark.parametrize("contrary", [["--no-cache"], ["--model", "dinet"]])
def test_what_cannot_go_with_adapting_is_refused_before_it(
    asked: list[tuple[Any, ...]], capsys: Capture, contrary: list[str]
) -> None:
    assert main(["dub", "video.mp4", "speech.wav", "--adapt", "2", *contrary, "-q"]) == 2
    assert contrary[0] in capsys.readouterr().err
    assert asked == []
