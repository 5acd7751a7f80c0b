"""A machine that is not as a dub needs it, and interrupts: one clear line, and nothing is lost or left over."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dubbing_place import Refused, State

import dubtool
from dubtool.engine.device import cuda_problem
from dubtool.jobs.shared.options import SMALL_PAINTER
from dubtool.weights import find
from dubtool.weights.locate import graph_names


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """tiny_disk(size): a folder on a disk of that size."""
    mounted: list[Path] = []

    def mount(size: str) -> Path:
        folder = tmp_path / f"disk {size}"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("no right to mount a small disk")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_under_the_output(
    tiny_disk: Callable[[str], Path], refused: Refused, video: Path, sound: Path
) -> None:
    disk = tiny_disk("32k")
    assert "the disk is full" in refused(7, video, sound, "-o", disk / "out.mp4")
    assert list(disk.iterdir()) == []


def test_a_full_disk_under_the_temporary_files(
    tiny_disk: Callable[[str], Path], refused: Refused, video: Path, sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = tiny_disk("8k")
    monkeypatch.setattr("tempfile.tempdir", str(disk))
    assert "cannot be written" in refused(7, video, sound)
    assert list(disk.iterdir()) == []


def test_a_full_disk_under_the_cache_costs_the_cache_only(
    tiny_disk: Callable[[str], Path], place: Path, video: Path, sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = tiny_disk("4k")
    monkeypatch.setenv("XDG_CACHE_HOME", str(disk))
    assert dubtool.dub(video, sound, place / "out.mp4").dubbed == 10
    assert [path for path in disk.rglob("*") if path.is_file()] == []


@pytest.mark.skipif(cuda_problem() is None, reason="CUDA works here")
def test_a_device_that_is_not_there(refused: Refused, video: Path, sound: Path) -> None:
    assert "--device cpu" in refused(6, video, sound, "--device", "cuda")


NEEDED = (
    *graph_names(SMALL_PAINTER, on_cpu=cuda_problem() is not None),
    "face_shape",
    "head_form",
    "face_landmarker",
    "yunet",
    "face_parsing",
    "whisper",
    "speech_shapes",
)


@pytest.mark.parametrize("damage", ["one byte", "cut short"])
@pytest.mark.parametrize("name", NEEDED)
def test_damaged_weights(name: str, damage: str, refused: Refused, video: Path, sound: Path, tmp_path: Path) -> None:
    folder = tmp_path / "user weights"
    folder.mkdir()
    content = bytearray(find(name).read_bytes())
    if damage == "one byte":
        content[len(content) // 2] ^= 1
    else:
        del content[len(content) // 2 :]
    damaged = folder / find(name).name
    damaged.write_bytes(content)
    line = refused(5, video, sound, "--no-cache")
    assert str(damaged) in line
    assert "sha256" in line


# Interrupts


@pytest.mark.parametrize(
    ("stage", "share"), [("track", 0.0), ("track", 0.5), ("track", 1.0), ("dub", 0.0), ("dub", 0.5), ("dub", 1.0)]
)
def test_ctrl_c_while_frames_are_made(
    stage: str, share: float, place: Path, video: Path, sound: Path, state: State
) -> None:
    def interrupt(now: str, done: float, total: float | None) -> None:
        if now == stage and done >= share * (total or 1):
            raise KeyboardInterrupt

    before = state(place)
    with pytest.raises(KeyboardInterrupt):
        dubtool.dub(video, sound, place / "out.mp4", progress=interrupt, cache=False, preview=True, batch_size=2)
    assert state(place) == before


@pytest.mark.parametrize(
    "where",
    [
        "dubtool.jobs.shared.run.probe",
        "dubtool.jobs.shared.load.load_generator",
        "dubtool.jobs.dub.job.load_speech",
        "dubtool.media.audio.SoundDecoder._command",
        "dubtool.jobs.shared.run.track_video",
        "dubtool.jobs.dub.painted.reference_candidates",
        "dubtool.jobs.dub.references.conditioner",
        "dubtool.media.encode.VideoWriter._start",
        "dubtool.jobs.shared.outputs.side_by_side",
        "dubtool.jobs.dub.painted.place",
        "dubtool.media.ffmpeg.FfmpegProcess.wait",
    ],
)
def test_ctrl_c_in_each_stage(
    where: str, refused: Refused, video: Path, sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(where, interrupt)
    assert refused(130, video, sound, "--preview") == "dubtool: interrupted\n"
