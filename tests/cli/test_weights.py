from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import pytest
from dubbing_place import Capture
from pseudo_terminal import shown_by

from dubtool.cli import main
from dubtool.weights import find


def test_list_names_every_weights_file(user_folder: Path, capsys: Capture) -> None:
    assert main(["weights", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["name", "kind", "licence", "commercial", "draws", "size", "here"]
    where = {line.split()[0]: line.split()[-1] for line in lines[1:]}
    assert where["yunet"] == "shipped"
    assert where["dinet"] == "no"


def test_what_may_be_used_commercially_can_be_listed_alone(user_folder: Path, capsys: Capture) -> None:
    assert main(["weights", "list", "--commercial", "--json"]) == 0
    out, err = capsys.readouterr()
    names = {row["name"] for row in json.loads(out)}
    assert {"whisper", "face_landmarker"} <= names
    assert not {"face_parsing", "wav2lip", "dinet-shape_frame", "speech_shapes"} & names
    assert "others are left out" in err


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_narrow_terminal_shows_whole_names(user_folder: Path) -> None:
    command = [sys.executable, "-m", "dubtool", "weights", "list"]
    text = shown_by(command, "stdout", {"COLUMNS": "60", "TERM": "xterm"})
    for word in ("face_landmarker", "syncnet_dinet", "\u2500"):
        assert word in text
    assert max(len(line) for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()) <= 60


def test_list_as_json_is_the_registry(user_folder: Path, capsys: Capture) -> None:
    assert main(["weights", "list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["yunet"]["path"] == str(find("yunet"))
    assert rows["dinet"]["sha256"] is None


def test_show_tells_origin_licence_and_digest(user_folder: Path, capsys: Capture) -> None:
    assert main(["weights", "show", "deepspeech"]) == 0
    out = capsys.readouterr().out
    assert "licence:    MPL-2.0" in out
    assert "github.com/mozilla/DeepSpeech" in out
    assert "sha256:     not known" in out


def test_verify_passes_over_what_ships(user_folder: Path, capsys: Capture) -> None:
    assert main(["weights", "verify"]) == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    assert {line.split()[1] for line in lines} == {"ok"}


def test_verify_names_a_damaged_file_and_exits_5(user_folder: Path, capsys: Capture) -> None:
    copy = user_folder / "face_detection_yunet_2023mar.onnx"
    shutil.copyfile(find("yunet"), copy)
    with copy.open("ab") as file:
        file.write(b"x")
    assert main(["weights", "verify", "--json"]) == 5
    captured = capsys.readouterr()
    states = {row["name"]: row["state"] for row in json.loads(captured.out)}
    assert states.pop("yunet") == "damaged"
    assert set(states.values()) == {"ok"}
    assert captured.err.startswith(f"dubtool: {copy}: ")
    assert captured.err.count("\n") == 1


def test_verify_by_name_wants_the_file(user_folder: Path, capsys: Capture) -> None:
    assert main(["weights", "verify", "yunet"]) == 0
    assert main(["weights", "verify", "dinet"]) == 5
    assert "github.com/MRzzm/DINet" in capsys.readouterr().err


def test_fetch_refuses_without_a_digest(user_folder: Path, capsys: Capture) -> None:
    assert main(["weights", "fetch", "dinet", "--url", "http://127.0.0.1:9/x"]) == 5
    assert "no sha256 is known" in capsys.readouterr().err


def test_fetch_offline_exits_5_in_one_line(user_folder: Path, capsys: Capture) -> None:
    assert main(["weights", "fetch", "dinet", "--url", "http://127.0.0.1:9/x", "--sha256", "0" * 64]) == 5
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1


def test_import_of_a_missing_file_exits_3(user_folder: Path, capsys: Capture) -> None:
    assert main(["weights", "import", "dinet", str(user_folder / "none.pth"), "--quiet"]) == 3
    assert "none.pth: no such file" in capsys.readouterr().err


def test_import_of_no_checkpoint_exits_5(user_folder: Path, capsys: Capture) -> None:
    path = user_folder / "theirs.pth"
    path.write_bytes(b"<html>")
    assert main(["weights", "import", "dinet", str(path), "--quiet"]) == 5
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"dubtool: {path}: not a PyTorch checkpoint")
