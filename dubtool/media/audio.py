"""The speech of any file as 16 kHz mono on disk, in a stream: hours of it need no memory."""

from __future__ import annotations

import logging
import math
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from dubtool.errors import InputError, OutputError
from dubtool.media.channels import MOST_CHANNELS, mono_pan
from dubtool.media.ffmpeg import FfmpegProcess, file_url, find_ffmpeg
from dubtool.media.probe import AudioInfo, probe

log = logging.getLogger(__name__)

RATE = 16_000
SHORTEST_SECONDS = 0.1
_GAP_SECONDS = 0.02
_BLOCK = RATE * 4
# A disk with less than a block of samples is full.
_FULL = _BLOCK * 4
_LONGEST_GAP_SECONDS = 6 * 3600


@dataclass(frozen=True)
class Speech:
    """A speech ready for analysis. `path` is a float WAV, 16 kHz mono; `duration` seconds, counted and not believed.

    `peak` and `rms` are of full scale 1.0, so that callers can warn of silence. `sample_rate`, `channels` and `codec`
    are the source's own. `decode_failures` counts damaged packets that were passed over.
    """

    source: Path
    path: Path
    duration: float
    samples: int
    sample_rate: int
    channels: int
    codec: str
    peak: float
    rms: float
    decode_failures: int


def load_speech(path: Path, folder: Path) -> Speech:
    """Decode the main sound of the file into `folder` as 16 kHz mono.

    Sound begins at the file's start: a stream that starts later, or has holes in its stamps, is filled with silence.
    Raises InputError for a file without sound, with no samples, shorter than 0.1 s, with samples that are no numbers,
    or that ffmpeg crashes on.
    """
    path = Path(path)
    sound = probe(path).require_audio()
    target = Path(folder) / "speech-16k.wav"
    decoder = SoundDecoder(path, sound, RATE, mono_filter(path, sound))
    count, peak, energy = 0, 0.0, 0.0
    try:
        with soundfile.SoundFile(target, "w", RATE, 1, format="RF64", subtype="FLOAT") as file:
            for block in decoder.blocks():
                block = block[:, 0]
                if not np.isfinite(block).all():
                    raise InputError(f"{path} holds samples that are not numbers (NaN or infinite): export it again")
                count += len(block)
                peak = max(peak, float(np.abs(block).max()))
                energy += float(np.square(block, dtype=np.float64).sum())
                file.write(block)
    except (OSError, soundfile.LibsndfileError) as error:
        raise OutputError(f"{target} cannot be written: {reason(error, folder)}") from error
    if count == 0:
        raise InputError(f"{path} holds no sound samples")
    if count < SHORTEST_SECONDS * RATE:
        raise InputError(f"{path} is too short: {count * 1000 // RATE} ms of sound, 100 ms is the least")
    return Speech(
        source=path,
        path=target,
        duration=count / RATE,
        samples=count,
        sample_rate=sound.sample_rate,
        channels=sound.channels,
        codec=sound.codec,
        peak=peak,
        rms=math.sqrt(energy / count),
        decode_failures=decoder.failures,
    )


def reason(error: Exception, folder: Path) -> str:
    """Why a file could not be written into a folder, in a few words."""
    # libsndfile knows only that the system failed.
    try:
        full = shutil.disk_usage(folder).free < _FULL
    except OSError:
        full = False
    return "the disk is full; free some space, or set TMPDIR to another folder" if full else str(error)


class SoundDecoder:
    """Float blocks of one sound stream at `rate`, decoded by the ffmpeg program and mixed by `placing`, a filter, to so
    many `channels`; `after`: filters at that rate.

    A process of its own, so that no sound can end ours: see `media.channels`.
    """

    def __init__(
        self, path: Path, sound: AudioInfo, rate: int, placing: str, channels: int = 1, after: str = ""
    ) -> None:
        self._path, self._sound = path, sound
        self._rate, self._placing, self._channels, self._after = rate, placing, channels, after
        self.failures = 0

    def blocks(self) -> Iterator[np.ndarray]:
        """float32 [n, channels], n > 0; together they follow the stamps of the file from its start.

        Raises InputError when ffmpeg crashes on the sound.
        """
        process = FfmpegProcess(self._command(), piped_output=True)
        step = 4 * self._channels
        try:
            if _GAP_SECONDS < self._sound.start < _LONGEST_GAP_SECONDS:
                yield from silence(round(self._sound.start * self._rate), self._channels)
            while data := process.stdout.read(_BLOCK * step):
                yield np.frombuffer(data[: len(data) // step * step], np.float32).reshape(-1, self._channels)
            status = process.wait()
        except BaseException:
            process.stop()
            raise
        self.failures = process.decode_failures
        log.debug("%s: ffmpeg ended with %s: %s", self._path, status, process.stderr_tail)
        if status < 0:
            raise InputError(f"{self._path}: its sound cannot be decoded: ffmpeg crashed on it (signal {-status})")

    def _command(self) -> list[str]:
        # Gaps in the stamps become silence. What the stream starts later than the file does not (first_pts): ffmpeg
        # would add that again wherever the layout changes.
        filled = f"aresample={self._rate}:async=1:min_hard_comp={_GAP_SECONDS}"
        filters = ["aformat=sample_fmts=flt|fltp", self._placing, filled, self._after]
        return [
            find_ffmpeg().path, "-hide_banner", "-nostdin", "-loglevel", "error", "-max_error_rate", "1",
            "-dts_error_threshold", str(_LONGEST_GAP_SECONDS), "-protocol_whitelist", "file",
            "-vn", "-sn", "-dn", "-i", file_url(self._path), "-map", f"0:{self._sound.index}",
            "-af", ",".join(filter(None, filters)), "-f", "f32le", "pipe:1",
        ]  # fmt: skip


def mono_filter(path: Path, sound: AudioInfo) -> str:
    """The filter that mixes a sound to mono. Raises InputError where it has too many channels."""
    require_channels(path, sound)
    return mono_pan(sound.layout) if sound.channels else "aformat=channel_layouts=mono"


def require_channels(path: Path, sound: AudioInfo) -> None:
    """Raise InputError where a sound has more channels than can be mixed."""
    if sound.channels > MOST_CHANNELS:
        raise InputError(f"{path} has {sound.channels} channels of sound, {MOST_CHANNELS} is the most: mix it down")


def silence(count: int, channels: int = 1) -> Iterator[np.ndarray]:
    """So many samples of nothing, float32 [n, channels] block by block."""
    for start in range(0, count, _BLOCK):
        yield np.zeros((min(_BLOCK, count - start), channels), np.float32)
