"""Inputs that are no files: pipes are read, devices and sockets refused at once, and signals end the waiting."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import cv2
import pytest
from dubbing_place import Refused

import dubtool
from dubtool.batch.table import read_jobs
from dubtool.cli import main
from dubtool.errors import InputError, UsageError
from dubtool.jobs.shared.cues import read_cues
from dubtool.media.decode import VideoReader
from dubtool.media.probe import probe
from dubtool.media.spool import spooling
from dubtool.media.still import read_still
from dubtool.provenance.credentials import credentials
from dubtool.provenance.verify import verify

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")


@pytest.fixture
def fill() -> Iterator[Callable[[Path, bytes], None]]:
    """fill(pipe, data): write it from another thread."""
    threads = []

    def start(pipe: Path, data: bytes) -> None:
        os.mkfifo(pipe)
        threads.append(threading.Thread(target=pipe.write_bytes, args=(data,)))
        threads[-1].start()

    yield start
    for thread in threads:
        thread.join(10)


def test_video_speech_and_soundtrack_may_be_pipes(
    place: Path, video: Path, sound: Path, fill: Callable[[Path, bytes], None]
) -> None:
    pipes = [place / name for name in ("video", "speech", "music")]
    for pipe, source in zip(pipes, (video, sound, sound), strict=True):
        fill(pipe, source.read_bytes())
    report = dubtool.dub(pipes[0], pipes[1], place / "out.mp4", soundtrack=pipes[2])
    assert report.dubbed == 10
    assert report.inputs == {"video": str(pipes[0]), "speech": str(pipes[1])}
    assert sorted(place.iterdir()) == sorted([video, sound, place / "out.mp4", *pipes])


def test_what_is_in_a_pipe_is_told_under_its_own_name(place: Path, video: Path, fill: Callable[..., None]) -> None:
    fill(place / "pipe", b"no sound " * 100)
    with pytest.raises(InputError, match=rf"{place / 'pipe'} is not a media file"):
        dubtool.dub(video, place / "pipe", place / "out.mp4")


@pytest.mark.parametrize("job", ["dub", "restore-teeth", "reenact"])
def test_warnings_name_a_pipe_as_it_was_given(
    job: str, place: Path, video: Path, sound: Path, fill: Callable[..., None], capfd: pytest.CaptureFixture[str]
) -> None:
    """In the sidecar, in the report and on the terminal."""
    fill(place / "pipe", _damaged(video))
    inputs = {"dub": ["pipe", sound.name], "restore-teeth": ["pipe"], "reenact": ["face.png", "pipe"]}[job]
    if job == "reenact":
        cv2.imwrite(str(place / "face.png"), next(iter(VideoReader(probe(video)))).rgb()[..., ::-1])
    words = [str(place / name) for name in inputs]
    assert main([job, *words, "-o", str(place / "out.webm"), "--preset", "ultrafast", "--sidecar", "--json"]) == 0
    printed = json.loads(capfd.readouterr().out)
    saved = json.loads((place / "out.json").read_text())
    assert saved["warnings"] == printed["warnings"]
    assert any(line.startswith(f"{place / 'pipe'}: ") for line in saved["warnings"]), saved["warnings"]
    assert os.environ["TMPDIR"] not in json.dumps([saved, printed])


def _damaged(video: Path) -> bytes:
    """A film with a damaged picture."""
    data = bytearray(video.read_bytes())
    with av.open(str(video)) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][7]
        assert packet.pos is not None
        data[packet.pos : packet.pos + packet.size] = bytes(packet.size)
    return bytes(data)


def test_a_pipe_is_read_once_and_stays_readable(tmp_path: Path, fill: Callable[..., None]) -> None:
    fill(tmp_path / "pipe", b"x" * 3_000_000)
    with spooling() as spooled:
        first = spooled.path(tmp_path / "pipe")
        assert spooled.path(tmp_path / "pipe") == first and len(first.read_bytes()) == 3_000_000
    assert not first.exists()


def test_standard_input_and_process_substitution(place: Path, video: Path, sound: Path) -> None:
    for words in (["/dev/stdin", str(sound)], [str(video), "/dev/stdin"]):
        target = place / f"{words.index('/dev/stdin')}.mp4"
        source = video if words[0] == "/dev/stdin" else sound
        for stdin in ("file", "pipe"):
            with source.open("rb") as file:
                command = [sys.executable, "-m", "dubtool", "dub", *words, "-o", str(target), "--overwrite", "-q"]
                data = None if stdin == "file" else source.read_bytes()
                where = {"stdin": file} if stdin == "file" else {"input": data}
                done = subprocess.run(command, capture_output=True, check=False, **where)  # type: ignore[call-overload]
            assert done.returncode == 0, done.stderr
            assert probe(target).require_audio()


def test_a_result_beside_a_pipe_has_to_be_named(place: Path, sound: Path) -> None:
    os.mkfifo(place / "pipe")
    with pytest.raises(UsageError, match="name one with --output"):
        dubtool.dub(place / "pipe", sound)


def test_what_a_pipe_says_of_its_making_is_told_under_its_own_name(
    place: Path, sound: Path, fill: Callable[[Path, bytes], None]
) -> None:
    fill(place / "pipe", sound.read_bytes())
    found = verify(place / "pipe")
    assert (found.file, found.state) == (str(place / "pipe"), "unsigned")


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/full"])
def test_small_files_are_no_devices(device: str) -> None:
    with pytest.raises(InputError, match="is a device"):
        verify(Path(device))
    with pytest.raises(InputError, match="is a device"):
        read_cues(Path(device))
    if importlib.util.find_spec("c2pa") is not None:
        with pytest.raises(InputError, match="is a device"):
            credentials({"sign": device, "key": device})


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/full"])
def test_devices_are_refused_at_once(device: str, refused: Refused, place: Path, video: Path, sound: Path) -> None:
    assert "is a device" in refused(3, video, device, "-o", place / "o.mp4")
    assert "is a device" in refused(3, device, sound, "-o", place / "o.mp4")
    assert "is a device" in refused(3, video, sound, "--soundtrack", device)
    with pytest.raises(InputError, match="is a device"):
        read_still(Path(device))


def test_a_socket_is_refused_and_null_is_empty(refused: Refused, place: Path, video: Path, tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        assert "is a socket" in refused(3, video, path)
    assert "/dev/null is empty" in refused(3, video, "/dev/null")


def test_what_is_not_spooled_refuses_pipes_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for read in (probe, read_still):
        with pytest.raises(InputError, match="is a pipe: give"):
            read(pipe)  # type: ignore[operator]
    with pytest.raises(InputError, match="keeps its state beside its list"):
        read_jobs(str(pipe), {})


# Signals


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_the_wait_for_a_pipe(place: Path, video: Path, number: int, code: int) -> None:
    pipe = place / "pipe"
    os.mkfifo(pipe)
    command = [sys.executable, "-m", "dubtool", "dub", str(video), str(pipe), "-q"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        # It has come to the pipe once a writer gets through.
        writer = os.open(pipe, os.O_WRONLY)
        os.write(writer, b"RIFF")
        process.send_signal(number)
        begun = time.monotonic()
        assert process.wait(20) == code
        assert time.monotonic() - begun < 10
        assert process.stderr is not None and process.stderr.read().count("\n") == 1
        os.close(writer)


_STUCK = """
import ctypes, sys
from pathlib import Path
from dubtool import leftovers
from dubtool.cli.signals import stopping
folder, file = Path(sys.argv[1]), Path(sys.argv[2])
leftovers.note(folder); leftovers.note(file)
with stopping():
    libc = ctypes.CDLL(None)
    def stay():
        ready = False
        while True:
            # A library that goes on when a signal interrupts it.
            try:
                if not ready:
                    ready = True
                    print("ready", flush=True)
                libc.sleep(60)
            except BaseException:
                pass
    while True:
        # On a busy machine a signal may come between the two.
        try:
            stay()
        except BaseException:
            pass
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_library_that_does_not_hear_it(tmp_path: Path, number: int, code: int) -> None:
    folder, file = tmp_path / "folder", tmp_path / ".dubtool-x.mp4"
    folder.mkdir()
    (folder / "part").touch()
    file.touch()
    command = [sys.executable, "-c", _STUCK, str(folder), str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        begun = time.monotonic()
        process.send_signal(number)
        try:
            assert process.wait(20) == code
        finally:
            process.kill()
        assert 0.9 < time.monotonic() - begun < 5
        assert process.stderr is not None and process.stderr.read().startswith("dubtool: ")
    assert not folder.exists() and not file.exists()


def test_a_command_that_ends_by_itself_is_left_alone(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert signal.set_wakeup_fd(-1) == -1


_LOADING = """
import sys, time
from dubtool.cli import main
class Slow:
    def find_spec(self, name, path, target=None):
        if name == "dubtool.cli.app":
            print("loading", flush=True)
            time.sleep(60)
sys.meta_path.insert(0, Slow())
sys.exit(main(["weights", "list"]))
"""


def test_a_signal_while_libraries_are_loaded_is_one_line() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _LOADING], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "loading\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert process.stderr is not None and process.stderr.read() == "dubtool: interrupted\n"
