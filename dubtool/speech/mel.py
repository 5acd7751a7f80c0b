"""Mel spectrograms in the two conventions that speech networks were trained on.

`log_mel` is Whisper's (Radford et al. 2022): 16 kHz, periodic Hann window of 400 samples every 160, Slaney's mel scale
and area normalisation, log10 of the power, clamped to 8 (80 dB) below the window's maximum, then (x + 4) / 4.

`sync_mel` is the one of the lip-sync networks (Prajwal et al. 2020, "A Lip Sync Expert Is All You Need"), taken over
from Tacotron: pre-emphasis 0.97, window 800 every 200 samples, magnitudes on 80 bands between 55 and 7600 Hz, decibels
against a reference of 20 dB, -100..0 dB mapped linearly to -4..4 and clipped.

In both, frame k is centred at sample k * hop, and the signal is reflected at its ends where the transform needs more.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from dubtool.speech.source import SAMPLE_RATE, SpeechSource

WHISPER_WINDOW = 400
WHISPER_HOP = 160
WHISPER_BANDS = 80

SYNC_WINDOW = 800
SYNC_HOP = 200
SYNC_BANDS = 80
SYNC_PRE_EMPHASIS = 0.97
SYNC_REFERENCE_DB = 20.0
SYNC_FLOOR_DB = -100.0
SYNC_RANGE = 4.0

# Slaney's scale (Auditory Toolbox, 1998): 15 mels up to 1 kHz, linear; above, 27 mels for each factor of 6.4.
_LINEAR_HZ_PER_MEL = 200.0 / 3.0
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0


def log_mel(samples: np.ndarray) -> np.ndarray:
    """Whisper's input: float samples [S] at 16 kHz -> float32 [80, S // 160]."""
    spectrum = _stft(samples, WHISPER_WINDOW, WHISPER_HOP)[: len(samples) // WHISPER_HOP]
    power = np.abs(spectrum) ** 2
    mel = power @ mel_filters(WHISPER_WINDOW, WHISPER_BANDS, 0.0, SAMPLE_RATE / 2).T
    log = np.log10(np.maximum(mel, 1e-10))
    log = np.maximum(log, log.max(initial=-np.inf) - 8.0)
    return np.ascontiguousarray(((log + 4.0) / 4.0).T, dtype=np.float32)


def sync_mel(samples: np.ndarray) -> np.ndarray:
    """The lip-sync networks' input: float samples [S] at 16 kHz -> float32 [80, S // 200 + 1], within -4..4."""
    emphasised = samples.astype(np.float64)
    emphasised[1:] -= SYNC_PRE_EMPHASIS * samples[:-1]
    magnitude = np.abs(_stft(emphasised, SYNC_WINDOW, SYNC_HOP))
    mel = magnitude @ mel_filters(SYNC_WINDOW, SYNC_BANDS, 55.0, 7600.0).T
    decibels = 20.0 * np.log10(np.maximum(mel, 10.0 ** (SYNC_FLOOR_DB / 20.0))) - SYNC_REFERENCE_DB
    scaled = 2.0 * SYNC_RANGE * (decibels - SYNC_FLOOR_DB) / -SYNC_FLOOR_DB - SYNC_RANGE
    return np.ascontiguousarray(np.clip(scaled, -SYNC_RANGE, SYNC_RANGE).T, dtype=np.float32)


class MelExtractor:
    """`sync_mel` over one speech: 80 vectors a second, vector k centred at k / 80 s; silence outside the file."""

    name = "mel"
    dimension = SYNC_BANDS
    rate = SAMPLE_RATE / SYNC_HOP
    chunk = 800

    # Frames at a piece's ends that see its reflected edge or its first sample, which pre-emphasis leaves alone.
    _MARGIN = 3
    # Silence is heard for as long around the speech.
    _SILENCE = 40

    def __init__(self, source: SpeechSource) -> None:
        self._source = source
        self.first = -self._SILENCE
        self.last = -(-source.samples // SYNC_HOP) + self._SILENCE

    def compute(self, first: int, count: int) -> np.ndarray:
        """Vectors first .. first + count - 1 as float32 [count, 80]."""
        begin = (first - self._MARGIN) * SYNC_HOP
        end = (first + count - 1 + self._MARGIN) * SYNC_HOP
        return sync_mel(self._source.read(begin, end))[:, self._MARGIN : -self._MARGIN].T.copy()


@functools.cache
def mel_filters(window: int, bands: int, low: float, high: float, pitch: float = 1.0) -> np.ndarray:
    """Triangular filters on Slaney's scale, each of area 1 over Hz: float64 [bands, window // 2 + 1].

    pitch: what every frequency is multiplied by before it is looked up, so that speech sounds that much higher.
    """
    bins = np.fft.rfftfreq(window, 1.0 / SAMPLE_RATE) * pitch
    edges = _mel_to_hz(np.linspace(_hz_to_mel(low), _hz_to_mel(high), bands + 2))
    lower, centre, upper = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = (bins - lower) / (centre - lower)
    falling = (upper - bins) / (upper - centre)
    return np.maximum(0.0, np.minimum(rising, falling)) * 2.0 / (upper - lower)


def _hz_to_mel(hz: float) -> float:
    if hz < _BREAK_HZ:
        return hz / _LINEAR_HZ_PER_MEL
    return _BREAK_MEL + float(np.log(hz / _BREAK_HZ)) / _LOG_STEP


def _mel_to_hz(mel: np.ndarray) -> np.ndarray:
    logarithmic = _BREAK_HZ * np.exp(_LOG_STEP * (np.maximum(mel, _BREAK_MEL) - _BREAK_MEL))
    return np.where(mel < _BREAK_MEL, mel * _LINEAR_HZ_PER_MEL, logarithmic)


def _stft(samples: np.ndarray, window: int, hop: int) -> np.ndarray:
    """Complex spectra [S // hop + 1, window // 2 + 1] of frames centred at multiples of `hop`."""
    half = window // 2
    padded = np.pad(samples.astype(np.float64), half, mode="reflect" if len(samples) > 1 else "constant")
    hann = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(window) / window)
    return np.fft.rfft(sliding_window_view(padded, window)[::hop] * hann)
