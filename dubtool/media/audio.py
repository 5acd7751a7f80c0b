"""The speech of any file as 16 kHz mono on disk, in a stream: hours of it need no memory."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import soundfile

from dubtool.errors import InputError, OutputError
from dubtool.media.probe import AudioInfo, open_media, probe

log = logging.getLogger(__name__)

RATE = 16_000
SHORTEST_SECONDS = 0.1
_GAP_SECONDS = 0.02
_BLOCK = RATE * 4
_LONGEST_GAP_SECONDS = 6 * 3600

# How loud each speaker counts in the mono sum: dialogue sits in the centre; the low-frequency effects are left out.
_CHANNEL_WEIGHTS = {"FL": 0.7071, "FR": 0.7071, "FC": 1.0, "LFE": 0.0, "LFE2": 0.0}
_SURROUND_WEIGHT = 0.5


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
    Raises InputError for a file without sound, with no samples, shorter than 0.1 s or with samples that are no numbers.
    """
    path = Path(path)
    sound = probe(path).require_audio()
    target = Path(folder) / "speech-16k.wav"
    decoder = _Decoder(path, sound)
    count, peak, energy = 0, 0.0, 0.0
    try:
        with soundfile.SoundFile(target, "w", RATE, 1, format="RF64", subtype="FLOAT") as file:
            for block in decoder.blocks():
                if not np.isfinite(block).all():
                    raise InputError(f"{path} holds samples that are not numbers (NaN or infinite): export it again")
                count += len(block)
                peak = max(peak, float(np.abs(block).max()))
                energy += float(np.square(block, dtype=np.float64).sum())
                file.write(block)
    except (OSError, soundfile.LibsndfileError) as error:
        raise OutputError(f"{target} cannot be written: {error}") from error
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


class _Decoder:
    """Mono float blocks at 16 kHz from one sound stream."""

    def __init__(self, path: Path, sound: AudioInfo) -> None:
        self._path = path
        self._index = sound.index
        self.failures = 0

    def blocks(self) -> Iterator[np.ndarray]:
        """float32 [n], n > 0; together they follow the stamps of the file from its start."""
        with open_media(self._path) as container:
            stream = cast(av.AudioStream, container.streams[self._index])
            file_start = Fraction(container.start_time or 0, av.time_base)
            resampler: av.AudioResampler | None = None
            form: tuple[str, str, int] | None = None
            heard = Fraction(0)  # seconds handed to the resampler so far
            for frame in self._frames(container, stream):
                arriving = (frame.format.name, frame.layout.name, frame.sample_rate)
                if arriving != form:
                    if resampler is not None:
                        yield from _mono(resampler.resample(None))
                    resampler = av.AudioResampler(format="fltp", layout=frame.layout, rate=RATE)
                    form = arriving
                if frame.pts is not None and frame.time_base:
                    missing = frame.pts * Fraction(frame.time_base) - file_start - heard
                    if _GAP_SECONDS < missing < _LONGEST_GAP_SECONDS:
                        heard += missing
                        yield from _silence(round(missing * RATE))
                heard += Fraction(frame.samples, frame.sample_rate)
                frame.pts = None  # the resampler would fill gaps a second time
                assert resampler is not None
                yield from _mono(resampler.resample(frame))
            if resampler is not None:
                yield from _mono(resampler.resample(None))

    def _frames(self, container: av.container.InputContainer, stream: av.AudioStream) -> Iterator[av.AudioFrame]:
        try:
            for packet in container.demux(stream):
                try:
                    frames = packet.decode()
                except av.error.FFmpegError as error:
                    log.debug("%s: decoding: %s", self._path, error)
                    self.failures += 1
                    continue
                yield from (frame for frame in frames if frame.samples)
        except av.error.FFmpegError as error:
            log.debug("%s: reading: %s", self._path, error)
            self.failures += 1


def _mono(frames: list[av.AudioFrame]) -> Iterator[np.ndarray]:
    for frame in frames:
        samples = frame.to_ndarray()
        if not samples.shape[1]:
            continue
        weights = np.array(
            [_CHANNEL_WEIGHTS.get(channel.name, _SURROUND_WEIGHT) for channel in frame.layout.channels], np.float32
        )
        total = weights.sum()
        yield (weights / total) @ samples if total > 0 else samples.mean(axis=0)


def _silence(count: int) -> Iterator[np.ndarray]:
    for start in range(0, count, _BLOCK):
        yield np.zeros(min(_BLOCK, count - start), np.float32)
