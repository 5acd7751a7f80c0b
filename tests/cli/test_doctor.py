from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from dubbing_place import Capture

from dubtool.cli import main
from dubtool.diagnostics import doctor
from dubtool.errors import OutputError
from dubtool.weights import find


def _findings(capsys: Capture) -> dict[str, dict[str, object]]:
    report = json.loads(capsys.readouterr().out)
    assert report["ready"] == (report["exit_code"] == 0)
    return {finding["name"]: finding for finding in report["findings"]}


def test_a_whole_machine_is_ready(user_folder: Path, capsys: Capture) -> None:
    assert main(["doctor", "--json"]) == 0
    found = _findings(capsys)
    for name in ("python", "mediapipe", "libx264", "cpu", "yunet", "cache", "memory"):
        assert found[name]["ok"], found[name]
    assert "h264_nvenc" in found


def test_the_table_has_a_line_per_finding(user_folder: Path, capsys: Capture) -> None:
    assert main(["doctor"]) == 0
    captured = capsys.readouterr()
    assert [line for line in captured.out.splitlines() if line.startswith("weights   yunet ")]
    assert captured.err == "dubbing on the CPU works here\n"


def test_damaged_weights_exit_5(user_folder: Path, capsys: Capture) -> None:
    shutil.copyfile(find("face_landmarker"), user_folder / "face_landmarker.zip")
    with (user_folder / "face_landmarker.zip").open("r+b") as file:
        file.write(b"damage")
    assert main(["doctor", "--json"]) == 5
    found = _findings(capsys)
    assert not found["face_landmarker"]["ok"]
    assert found["yunet"]["ok"]


def test_no_ffmpeg_exits_7(user_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    def nothing() -> None:
        raise OutputError("no working ffmpeg found")

    monkeypatch.setattr("dubtool.media.ffmpeg.find_ffmpeg", nothing)
    assert main(["doctor", "--json"]) == 7
    assert _findings(capsys)["ffmpeg"]["detail"] == "no working ffmpeg found"


def test_a_package_that_cannot_be_imported_exits_1(
    user_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setitem(doctor.REQUIRED, "mediapipe", "module_that_is_not_there")
    assert main(["doctor", "--json"]) == 1
    assert "cannot be imported" in str(_findings(capsys)["mediapipe"]["detail"])


def test_both_runtimes_at_once_exit_6(user_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    real = doctor.installed_version
    monkeypatch.setattr(doctor, "installed_version", lambda name: "1.0" if name in doctor.RUNTIMES else real(name))
    assert main(["doctor", "--json"]) == 6
    assert "uninstall both" in str(_findings(capsys)["onnxruntime"]["detail"])


@pytest.mark.parametrize(
    ("runtime", "gpus", "offered"),
    [("onnxruntime-gpu", (), True), ("onnxruntime-gpu", ("A GPU",), False), ("onnxruntime", (), False)],
)
def test_the_smaller_runtime_is_offered_where_there_is_no_gpu(
    runtime: str,
    gpus: tuple[str, ...],
    offered: bool,
    user_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
) -> None:
    installed = {name: "1.0" if name == runtime else None for name in doctor.RUNTIMES}
    monkeypatch.setattr(doctor, "installed_version", lambda name: installed.get(name, "1.0"))
    monkeypatch.setattr("dubtool.engine.device.cuda_names", lambda: gpus)
    assert main(["doctor", "--json"]) == 0
    found = _findings(capsys)[runtime]
    assert found["ok"] and ("340 MB" in str(found["detail"])) == offered


def test_a_cache_that_cannot_be_written_exits_7(
    user_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    (tmp_path / "occupied").write_bytes(b"")
    monkeypatch.setattr(doctor, "cache_folder", lambda: tmp_path / "occupied" / "dubtool")
    assert main(["doctor", "--json"]) == 7
    assert not _findings(capsys)["cache"]["ok"]


def test_cpu_extensions_are_read_from_the_kernels_list(monkeypatch: pytest.MonkeyPatch) -> None:
    listing = "processor : 0\nflags\t\t: fpu avx2 avx512f\n\nprocessor : 1\nflags\t\t: fpu avx2\n"
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: listing)
    assert doctor.cpu_flags() == ["avx2", "avx512f"]
