"""The Python API: objects that keep their networks, options by name, frames in and out of memory, cancelling."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import dubtool
from dubtool.jobs.dub import job as dub_job
from dubtool.jobs.shared import load
from dubtool.jobs.shared.kept import KeptNetworks
from dubtool.media.decode import VideoReader
from dubtool.media.probe import probe

QUICK = {"lossless": True, "preset": "ultrafast"}


def _pictures(path: Path) -> list[np.ndarray]:
    return [frame.rgb() for frame in VideoReader(probe(path))]


@pytest.fixture(scope="module")
def dubber() -> dubtool.Dubber:
    return dubtool.Dubber("dinet-shape", "cpu")


def test_networks_are_loaded_once_for_many_dubs(
    place: Path, video: Path, sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[object] = []
    monkeypatch.setattr(dub_job, "load_networks", lambda *asked: loaded.append(asked) or load.load_networks(*asked))
    dubber = dubtool.Dubber("dinet-shape", "cpu")
    first = dubber.dub(video, sound, place / "a.mkv", **QUICK)
    second = dubber.dub(video, sound, place / "b.mkv", dubtool.DubOptions(**QUICK), expression=0.5)
    assert len(loaded) == 1
    assert first.dubbed == second.dubbed > 0
    assert first.unchanged == first.frames - first.dubbed
    alone = dubtool.dub(video, sound, place / "c.mkv", model="dinet-shape", device="cpu", expression=0.5, **QUICK)
    assert len(loaded) == 2
    for one, other in zip(_pictures(place / "b.mkv"), _pictures(place / "c.mkv"), strict=True):
        np.testing.assert_array_equal(one, other)
    assert alone.model == second.model == "dinet-shape"


def test_only_the_last_networks_of_a_kind_are_kept() -> None:
    kept, made = KeptNetworks(), []
    for key in ("a", "a", "b", "a"):
        kept.get("dub", key, lambda key=key: made.append(key))  # type: ignore[misc]
    assert made == ["a", "b", "a"]


def test_frames_come_as_they_would_be_written(dubber: dubtool.Dubber, place: Path, video: Path, sound: Path) -> None:
    frames = list(dubber.frames(video, sound))
    dubber.dub(video, sound, place / "file.mkv", **QUICK)
    for frame, written in zip(frames, _pictures(place / "file.mkv"), strict=True):
        np.testing.assert_array_equal(frame, written)


def test_a_reader_who_leaves_ends_the_work(dubber: dubtool.Dubber, place: Path, video: Path, sound: Path) -> None:
    frames = dubber.frames(video, sound)
    assert next(frames).dtype == np.uint8
    frames.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name == "frames"]
    assert len(list(dubber.frames(video, sound))) == 10


def test_pictures_and_samples_in_memory_are_an_input(
    dubber: dubtool.Dubber, place: Path, video: Path, sound: Path
) -> None:
    samples = np.sin(np.arange(6400) / 9).astype(np.float32) / 2
    report = dubber.dub(
        iter(_pictures(video)), samples, place / "out.mkv", frame_rate=25, sample_rate=16000, length="video", **QUICK
    )
    assert report.inputs == {"video": "in memory", "speech": "in memory"}
    assert report.dubbed > 0
    before, after = _pictures(video)[5], _pictures(place / "out.mkv")[5]
    changed = np.abs(before.astype(int) - after).max(axis=2) > 8  # H.264 has no RGB
    assert 0 < changed.mean() < 0.2
    assert len(list(dubber.frames(_pictures(video), sound, frame_rate=25))) == 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"expresion": 0.5}, "there is no option 'expresion': is 'expression' meant?"),
        ({"zzz": 1}, "there is no option 'zzz'"),
        ({"expression": 3.0}, "expression 3.0 is not between 0 and 2"),
        ({"options": dubtool.RestoreOptions()}, "options are RestoreOptions, not DubOptions"),
        ({"frame_rate": 25}, "frame_rate, or --rate, is of pictures in memory"),
        ({"sample_rate": 16000}, "sample_rate is of samples in memory"),
        ({"video": [np.zeros((64, 64, 3), np.uint8)]}, "needs an output"),
        ({"video": [np.zeros((64, 64, 3), np.uint8)], "output": "o.mkv"}, "need a frame_rate"),
        ({"video": [], "output": "o.mkv", "frame_rate": 25}, "there is no frame"),
        (
            {"video": [np.zeros((64, 64), np.uint8)], "output": "o.mkv", "frame_rate": 25},
            r"frame 0 is uint8 \[64, 64\]",
        ),
        ({"speech": np.zeros(100, np.int16), "sample_rate": 16000}, "a sound is int16"),
        ({"speech": np.zeros(100, np.float32)}, "need a sample_rate"),
    ],
)
def test_what_is_wrong_is_told_by_name(
    place: Path, video: Path, sound: Path, arguments: dict[str, object], message: str
) -> None:
    given: dict[str, object] = {"video": video, "speech": sound} | arguments
    if "output" in given:
        given["output"] = place / str(given["output"])
    with pytest.raises(dubtool.DubtoolError, match=message):
        dubtool.dub(**given)  # type: ignore[arg-type]
    assert sorted(path.name for path in place.iterdir()) == ["sound.wav", "video.mp4"]


def test_a_job_that_is_cancelled_leaves_nothing(dubber: dubtool.Dubber, place: Path, video: Path, sound: Path) -> None:
    stages: list[str] = []
    with pytest.raises(dubtool.CancelledError):
        dubber.dub(
            video,
            sound,
            place / "out.mkv",
            progress=lambda stage, done, total: stages.append(stage),
            cancel=lambda: "track" in stages,
            cache=False,
        )
    assert sorted(path.name for path in place.iterdir()) == ["sound.wav", "video.mp4"]


def test_portraits_and_teeth_have_the_same_ways(place: Path, video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    portrait = _pictures(video)[0]
    reenactor = dubtool.Reenactor("warp", "cpu")
    frames = list(reenactor.frames(portrait, video))
    report = reenactor.reenact(portrait, _pictures(video), place / "out.mkv", frame_rate=25, **QUICK)
    assert len(frames) == report.frames == 10
    assert frames[0].shape == (*portrait.shape[:2], 3)
    restorer = dubtool.TeethRestorer(device="cpu")
    restored = list(restorer.frames(_pictures(video), frame_rate=25))
    report = restorer.restore(video, place / "teeth.mkv", **QUICK)
    assert len(restored) == report.frames == 10


def test_users_programs_are_type_checked(tmp_path: Path) -> None:
    mypy = pytest.importorskip("mypy.api")
    program = tmp_path / "program.py"
    program.write_text(
        "import dubtool\n"
        "from pathlib import Path\n"
        "dubber = dubtool.Dubber('dinet-shape')\n"
        "report: dubtool.Report = dubber.dub(Path('a.mp4'), 'b.wav', options=dubtool.DubOptions(crf=20))\n"
        "def tell(stage: str, done: float, total: float | None) -> None: ...\n"
        "dubtool.dub('a.mp4', 'b.wav', progress=tell)\n"
        "for frame in dubber.frames('a.mp4', 'b.wav'):\n"
        "    height: int = frame.shape[0]\n"
        "try:\n"
        "    dubtool.restore_teeth('a.mp4')\n"
        "    row = dubtool.CastRow('left', Path('b.wav'), fit='stretch')\n"
        "    dubtool.dub('a.mp4', options=dubtool.DubOptions(cast=dubtool.Cast((row,))))\n"
        "    share: float = dubtool.faces('a.mp4', speaking=True).people[0].share\n"
        "    page: Path = dubtool.review_page('a.dubbed.mp4', quick=True)\n"
        "    plots: Path = dubtool.report_plots('a.dubbed.mp4')\n"
        "    provenance: dubtool.Provenance = dubtool.verify('a.dubbed.mp4')\n"
        "    shapes: dubtool.MouthShapes | None = dubtool.DubOptions().shapes\n"
        "except dubtool.UsageError as error:\n"
        "    code: int = error.exit_code\n"
    )
    told, errors, status = mypy.run(["--strict", "--no-incremental", "--follow-imports=silent", str(program)])
    assert status == 0, told + errors


def test_importing_it_is_quick_and_every_name_is_there() -> None:
    code = (
        "import dubtool, sys; assert not {'numpy', 'cv2', 'av', 'onnxruntime'} & set(sys.modules);"
        "assert all(getattr(dubtool, name) is not None for name in dubtool.__all__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
