from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from dubtool.errors import UsageError
from dubtool.face.topology import TRACKED
from dubtool.file_lock import alone
from dubtool.media.probe import probe
from dubtool.tracking import track_video as tracking_module
from dubtool.tracking.track import FaceTrack, Tracks
from dubtool.tracking.track_video import TrackedVideo, track_video
from dubtool.weights.registry import add_local, registry

_HOLD = "import sys, time, pathlib; from dubtool.file_lock import alone\nwith alone(pathlib.Path(sys.argv[1])):\n"
_HOLD += "    print('held', flush=True)\n    time.sleep(60)"


def test_a_lock_keeps_others_out_and_ends_with_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    with subprocess.Popen([sys.executable, "-c", _HOLD, str(path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        with pytest.raises(UsageError, match="held by another"), alone(path, 0.2):
            pass
        holder.kill()
    with alone(path, 5.0):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_lock_is_for_one_even_as_its_file_comes_and_goes(tmp_path: Path) -> None:
    inside, most = 0, 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(50):
            with alone(tmp_path / "x.lock"):
                inside += 1
                most = max(most, inside)
                time.sleep(0.0005)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def _followed() -> TrackedVideo:
    rows = 3
    face = FaceTrack(
        shot=0,
        frames=np.arange(rows),
        quantised=np.zeros((rows, len(TRACKED), 3), np.int16),
        anchors=np.zeros((rows, 3), np.float32),
        covered=np.zeros(rows, bool),
    )
    times = [Fraction(number, 25) for number in range(rows)]
    return TrackedVideo(Tracks([face], rows, (0,)), times, [Fraction(1, 25)] * rows, 2, False)


def test_one_video_is_looked_at_once_by_jobs_at_the_same_time(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    looks: list[int] = []

    def look(*arguments: object) -> TrackedVideo:
        looks.append(1)
        time.sleep(0.3)
        return _followed()

    monkeypatch.setattr(tracking_module, "look_for_faces", look)
    got: list[TrackedVideo] = []
    info = probe(clip)
    work = [threading.Thread(target=lambda: got.append(track_video(info))) for _ in range(3)]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert len(looks) == 1
    assert sorted(one.cached for one in got) == [False, True, True]
    assert [one.decode_failures for one in got] == [2, 2, 2], "a file is as damaged when its faces are known"
    track_video(info, use_cache=False)
    assert len(looks) == 2
    assert [file.suffix for file in (tmp_path / "dubtool" / "tracks").iterdir()] == [".npz"]


@pytest.mark.parametrize("name", ["yunet", "face_landmarker", "face_parsing"])
@pytest.mark.parametrize("told", [True, False])
def test_other_weights_of_a_tracker_look_again(
    name: str, told: bool, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("DUBTOOL_WEIGHTS", str(tmp_path / "own"))
    looks: list[int] = []
    monkeypatch.setattr(tracking_module, "look_for_faces", lambda *_: (looks.append(1), _followed())[1])
    info = probe(clip)
    track_video(info)
    track_video(info)
    assert len(looks) == 1
    for number in (2, 3):
        (tmp_path / "own").mkdir(exist_ok=True)
        content = bytes([number])
        (tmp_path / "own" / registry()[name].file).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest() if told else None
        add_local(tmp_path / "own", replace(registry()[name], size=None, sha256=digest))
        assert not track_video(info).cached
        assert track_video(info).cached
        assert len(looks) == number
