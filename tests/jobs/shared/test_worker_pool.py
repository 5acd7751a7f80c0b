"""One file drawn by several processes: the result is that of one, and nothing is left of them."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from dubbing_place import Capture, Cut

import dubtool
from dubtool.cli import main
from dubtool.engine.device import Device
from dubtool.errors import DeviceError, UsageError
from dubtool.jobs.shared import worker_pool as pool_module
from dubtool.jobs.shared.shared_frames import SharedFrames
from dubtool.jobs.shared.worker_pool import assign_devices
from dubtool.media.color import UNKNOWN
from dubtool.media.decode import VideoReader, scan_times
from dubtool.media.frame import Frame
from dubtool.media.pixels import nearest_layout
from dubtool.media.probe import probe


def _packets(path: Path) -> list[tuple[int | None, bytes]]:
    with av.open(str(path)) as container:
        return [(packet.pts, bytes(packet)) for packet in container.demux(container.streams.audio[0])]


def _same_video(first: Path, second: Path) -> None:
    pairs = zip(VideoReader(probe(first)), VideoReader(probe(second)), strict=True)
    for one, other in pairs:
        for plane, its in zip(one.planes, other.planes, strict=True):
            assert np.array_equal(plane, its), f"frame {one.index}"
    assert scan_times(probe(first)) == scan_times(probe(second))
    assert _packets(first) == _packets(second)


@pytest.fixture(scope="module")
def uneven(cut: Cut) -> Path:
    """Frames at uneven times."""
    return cut(
        "uneven.mp4", "-an", "-preset", "ultrafast", "-vf", "select='not(eq(n,3)+eq(n,4)+eq(n,8)+eq(n,20))'",
        "-fps_mode", "vfr", "-frames:v", 22,
    )  # fmt: skip


def test_two_processes_make_what_one_makes(place: Path, uneven: Path, cut: Cut) -> None:
    # Longer than the video, which runs backward from its end; some frames at either end are left alone.
    speech = cut("longer.wav", "-ss", 0.3, "-t", 1.5, source="speech.wav")
    options = {"lossless": True, "preview": True, "sheet": True, "start": Fraction(1, 5), "stop": Fraction(13, 10)}
    one = dubtool.dub(uneven, speech, place / "one.mp4", batch_size=3, **options)
    two = dubtool.dub(uneven, speech, place / "two.mp4", batch_size=3, devices=["cpu"], workers=2, **options)
    assert len({after - before for (before, _), (after, _) in pairwise(scan_times(probe(place / "two.mp4")))}) > 1
    assert one.passed["outside the stretch"] > 4
    _same_video(place / "one.mp4", place / "two.mp4")
    _same_video(place / "one.preview.mp4", place / "two.preview.mp4")
    assert (place / "one.sheet.png").read_bytes() == (place / "two.sheet.png").read_bytes()
    told = [
        {**report.as_dict(), "seconds": {}, "output": "", "extra": {}, "details": {**report.details, "workers": 0}}
        for report in (one, two)
    ]
    assert told[0] == told[1]
    assert two.details["workers"] == 2


def test_the_command_line_shares_a_file_out(place: Path, clip: Path, speech: Path, capfd: Capture) -> None:
    words = [str(clip), str(speech), "--output", str(place / "out.mp4"), "--json", "--quiet"]
    assert main(["dub", *words, "--devices", "cpu", "--workers", "2"]) == 0
    out, err = capfd.readouterr()
    assert (json.loads(out)["details"]["workers"], err) == (2, "")
    assert main(["dub", *words, "--overwrite", "--devices", "cpu,gpu"]) == 2
    assert "device 'gpu' is unknown" in capfd.readouterr().err


def test_frames_keep_their_order_where_one_worker_is_slow(place: Path, clip: Path, speech: Path) -> None:
    """The first batch is held up; the others must wait for it."""
    slow = _Slow()
    frames = list(VideoReader(probe(clip)))
    untouched = [frame.planes[0].copy() for frame in frames]
    with pool_module.WorkerPool(slow, ["cpu", "cpu"], 2) as worker_pool:
        done = []
        for start in range(0, 10, 2):
            batch = [(_slot(number), frames[number]) for number in range(start, start + 2)]
            done.append(worker_pool.change(batch, start, _Nothing()))
        for finish in done:
            finish()
    for number, (frame, before) in enumerate(zip(frames, untouched, strict=True)):
        assert np.array_equal(frame.planes[0], before + np.uint8(1 + number // 2 * 2))


def test_a_worker_that_dies_ends_the_dub_in_one_line(
    place: Path, clip: Path, speech: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    start = pool_module.Child

    def kept(*arguments: object) -> pool_module.Child:
        started.append(start(*arguments))  # type: ignore[arg-type]
        return started[-1]

    monkeypatch.setattr(pool_module, "Child", kept)

    def kill() -> None:
        while len(started) < 2:
            time.sleep(0.01)
        os.kill(started[0].pid, signal.SIGKILL)

    threading.Thread(target=kill, daemon=True).start()
    with pytest.raises(DeviceError, match=r"a worker on cpu was ended by SIGKILL \(out of memory\?\)"):
        dubtool.dub(clip, speech, place / "out.mp4", workers=2, device="cpu")
    assert list(place.iterdir()) == []
    assert not any(child.is_alive() for child in started)


def test_an_error_of_a_worker_is_the_jobs_own(clip: Path) -> None:
    frames = list(VideoReader(probe(clip)))
    with pytest.raises(UsageError, match=r"^no$"), pool_module.WorkerPool(_Broken(), ["cpu", "cpu"], 2) as worker_pool:
        worker_pool.change([(_slot(0), frames[0])], 0, _Nothing())()


def test_where_workers_run(monkeypatch: pytest.MonkeyPatch) -> None:
    assert assign_devices("auto", (), None) == ["auto"]
    assert assign_devices("cpu", (), 1) == ["cpu"]
    assert assign_devices("cpu", (), 3) == assign_devices("auto", ["cpu"], 3) == ["cpu"] * 3
    with pytest.raises(UsageError, match="not both"):
        assign_devices("cpu", ["cpu"], None)
    with pytest.raises(UsageError, match="1 or more"):
        assign_devices("auto", (), 0)
    with pytest.raises(UsageError, match="unknown"):
        assign_devices("auto", ["gpu"], None)
    monkeypatch.setattr(pool_module, "resolve", lambda name: Device(*name.split(":")))
    assert assign_devices("auto", ["cuda:0", "cuda:1"], None) == ["cuda:0", "cuda:1"]
    assert assign_devices("auto", ["cuda:0", "cuda:1"], 3) == ["cuda:0", "cuda:1", "cuda:0"]
    with pytest.raises(UsageError, match="their frames would differ"):
        assign_devices("auto", ["cpu", "cuda:0"], None)


@pytest.mark.parametrize("name", ["yuv420p", "yuv422p10le", "gray", "nv12"])
def test_frames_pass_a_room_unchanged(name: str) -> None:
    layout, draw = nearest_layout(name), np.random.default_rng(0)
    shapes = layout.plane_shapes(101, 77)
    frames = [
        Frame([draw.integers(0, 255, shape).astype(layout.dtype) for shape in shapes], layout, UNKNOWN, index=index)
        for index in range(3)
    ]
    shared_frames = SharedFrames(2, 3, frames[0])
    try:
        for place in (0, 1):
            want = [[plane.copy() for plane in frame.planes] for frame in frames]
            bare = shared_frames.write(place, frames)
            assert [frame.index for frame in bare] == [0, 1, 2]
            there = shared_frames.view(place, bare)
            for frame, planes in zip(there, want, strict=True):
                assert all(np.array_equal(a, b) for a, b in zip(frame.planes, planes, strict=True))
                frame.planes[0][0, 0] = 7
            shared_frames.read(place, frames)
            assert [frame.planes[0][0, 0] for frame in frames] == [7, 7, 7]
    finally:
        shared_frames.close()


def _slot(number: int) -> pool_module.FramePlan:
    return pool_module.FramePlan(number, number, 1.0, "")


class _Nothing:
    """Outputs that want to see nothing."""

    def wants(self, number: int) -> bool:
        return False

    draws = wants


class _Slow:
    """Adds a number to the luma; the first batch takes long."""

    def equip(self, device: str) -> None:
        pass

    def change(self, batch: pool_module.Batch, wanted: int, outputs: pool_module.Shown) -> None:
        time.sleep(0.0 if wanted else 0.5)
        for _, frame in batch:
            frame.planes[0] += np.uint8(1 + wanted)


class _Broken(_Slow):
    def change(self, batch: pool_module.Batch, wanted: int, outputs: pool_module.Shown) -> None:
        raise UsageError("no")
