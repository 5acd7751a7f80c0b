"""A 16 kHz mono WAV read piece by piece; outside the file there is silence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from dubtool.errors import InputError

SAMPLE_RATE = 16000


class SpeechSource:
    """Random access to the samples of a 16 kHz mono file, without holding the file in memory.

    Raises:
        InputError: the file is no 16 kHz mono sound, or holds no samples.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            info = soundfile.info(str(path))
        except (OSError, soundfile.LibsndfileError) as error:
            raise InputError(f"{path}: not a readable sound file; give the speech as a WAV of 16 kHz, mono") from error
        if info.samplerate != SAMPLE_RATE or info.channels != 1:
            raise InputError(f"{path}: {info.samplerate} Hz, {info.channels} channels; features need 16 kHz, mono")
        if info.frames == 0:
            raise InputError(f"{path}: holds no samples; check the recording")
        self.samples: int = info.frames

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.samples / SAMPLE_RATE

    def read(self, start: int, stop: int) -> np.ndarray:
        """Samples start..stop as float32 [stop - start]; positions outside the file are 0."""
        piece = np.zeros(stop - start, dtype=np.float32)
        first, last = max(start, 0), min(stop, self.samples)
        if first < last:
            found, _ = soundfile.read(str(self.path), last - first, first, dtype="float32")
            piece[first - start : first - start + len(found)] = found
        return piece
