"""The ffmpeg program: which binary, which version, and how a run of it ends."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import re
import shutil
import subprocess
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import imageio_ffmpeg

from dubtool import leftovers
from dubtool.errors import OutputError

log = logging.getLogger(__name__)
_looking = threading.Lock()

ENVIRONMENT = "DUBTOOL_FFMPEG"
_WANTED = (6, 0)  # the first release with -display_rotation on an input
_TAIL_LINES = 60
# What ffmpeg adds after the line that tells the cause.
_EMPTY_PHRASES = (
    "Conversion failed!",
    "Nothing was written into output file",
    "Exiting normally",
    "Task finished with error code",
    "Terminating thread",
    "Could not open encoder before EOF",
    "Error sending frames to consumers",
    "Error while opening encoder",
)
# How ffmpeg tells of a damaged packet: up to 6, and since 7.
_DAMAGED_PHRASES = ("Error while decoding stream", "Error submitting packet to decoder", "Error during demuxing")


@dataclass(frozen=True)
class Ffmpeg:
    """An ffmpeg binary and its (major, minor) version."""

    path: str
    version: tuple[int, int]


def find_ffmpeg() -> Ffmpeg:
    """The binary that `DUBTOOL_FFMPEG` names, else the system's from 6.0 on, else the one imageio-ffmpeg bundles.

    Raises OutputError when none of them runs.
    """
    with _looking:
        return ffmpeg_named(os.environ.get(ENVIRONMENT) or None)


def find_beforehand() -> None:
    """Begin to find the binary on another thread: programs are started while libraries are loaded."""

    def find() -> None:
        # Whoever needs it will be told.
        with contextlib.suppress(OutputError):
            find_ffmpeg()

    threading.Thread(target=find, name="dubtool-ffmpeg", daemon=True).start()


@functools.cache
def ffmpeg_named(named: str | None) -> Ffmpeg:
    """See `find_ffmpeg`; looked for once. named: what the variable says."""
    if named is not None:
        version = ffmpeg_version(named)
        if version is None:
            raise OutputError(f"{ENVIRONMENT}={named} is not a working ffmpeg: correct it or unset it")
        return Ffmpeg(named, version)
    system = shutil.which("ffmpeg")
    system_version = ffmpeg_version(system) if system else None
    if system and system_version and system_version >= _WANTED:
        return Ffmpeg(system, system_version)
    try:
        bundled = imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError:
        bundled = None
    bundled_version = ffmpeg_version(bundled) if bundled else None
    if bundled and bundled_version and bundled_version >= (system_version or (0, 0)):
        return Ffmpeg(bundled, bundled_version)
    if system and system_version:
        return Ffmpeg(system, system_version)
    raise OutputError(f"no working ffmpeg found: install ffmpeg 6.0 or newer, or name one in {ENVIRONMENT}")


def ffmpeg_version(binary: str, timeout: float = 20.0) -> tuple[int, int] | None:
    """(major, minor) that the binary reports, or None when it does not run; a git snapshot counts as the newest."""
    try:
        done = subprocess.run(
            [binary, "-version"], capture_output=True, text=True, errors="replace", timeout=timeout, check=False
        )
    except (OSError, subprocess.SubprocessError) as error:
        log.debug("%s does not run: %s", binary, error)
        return None
    first = done.stdout.partition("\n")[0]
    numbered = re.match(r"ffmpeg version n?(\d+)\.(\d+)", first)
    if numbered:
        return int(numbered[1]), int(numbered[2])
    return (999, 0) if first.startswith("ffmpeg version N-") else None


def has_filter(name: str) -> bool:
    """Whether the ffmpeg in use has a filter of this name. Raises OutputError as `find_ffmpeg`."""
    return name in _filters(find_ffmpeg().path)


@functools.cache
def _filters(program: str) -> frozenset[str]:
    command = [program, "-hide_banner", "-filters"]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=20.0, check=False)
    # " T. rubberband        A->A       Apply time-stretching and pitch-shifting."
    return frozenset(words[1] for line in done.stdout.splitlines() if len(words := line.split(None, 3)) > 2)


def file_url(path: Path) -> str:
    """The path as libavformat's `file:` URL, so that no colon, dash or percent sign in it is taken for syntax."""
    return f"file:{path}"


class FfmpegProcess:
    """A running ffmpeg whose stderr is drained all the time and whose last lines are remembered.

    `decode_failures` counts the damaged packets that it has complained of.
    """

    def __init__(self, arguments: Sequence[str], *, piped_input: bool = False, piped_output: bool = False) -> None:
        log.debug("ffmpeg: %s", arguments)
        try:
            # A session of its own: Ctrl-C in the terminal reaches us alone, and we end ffmpeg in good order.
            self._process = subprocess.Popen(
                list(arguments),
                stdin=subprocess.PIPE if piped_input else subprocess.DEVNULL,
                stdout=subprocess.PIPE if piped_output else subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise OutputError(f"ffmpeg cannot be started: {arguments[0]}: {error.strerror or error}") from error
        leftovers.note_process(self._process.pid)
        self.decode_failures = 0
        self._lines: deque[str] = deque(maxlen=_TAIL_LINES)
        self._drain = threading.Thread(target=self._read_stderr, name="ffmpeg-stderr", daemon=True)
        self._drain.start()

    @property
    def stdin(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def stdout(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait(self, timeout: float | None = None) -> int:
        """The exit status; a run that outlives `timeout` seconds is ended first."""
        try:
            status = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.stop()
            status = self._process.wait()
        self._close()
        return status

    def stop(self, grace: float = 2.0) -> None:
        """End the process, by force when it does not go within `grace` seconds, and reap it."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(grace)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._close()

    @property
    def stderr_tail(self) -> tuple[str, ...]:
        return tuple(self._lines)

    def complaint(self) -> str:
        """The last line of stderr that says something; an empty string when there is none."""
        for line in reversed(self._lines):
            if not any(phrase in line for phrase in _EMPTY_PHRASES):
                return line
        return ""

    def _close(self) -> None:
        leftovers.forget_process(self._process.pid)
        self._drain.join(timeout=5.0)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _read_stderr(self) -> None:
        assert self._process.stderr is not None
        for raw in self._process.stderr:
            line = raw.decode("utf-8", "replace").strip()
            if line:
                self.decode_failures += any(phrase in line for phrase in _DAMAGED_PHRASES)
                self._lines.append(line)
        self._process.stderr.close()


def run_ffmpeg(arguments: Sequence[str], *, timeout: float) -> None:
    """Run ffmpeg to its end. Raises OutputError with its last useful line when it fails or outlives `timeout`."""
    process = FfmpegProcess(arguments)
    try:
        status = process.wait(timeout)
    except BaseException:
        process.stop()
        raise
    if status != 0:
        raise OutputError(f"ffmpeg failed: {process.complaint() or f'exit status {status}'}")
