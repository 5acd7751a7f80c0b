"""The letter logits of DeepSpeech 0.1.0, the speech features of DINet: 29 numbers, 50 times a second.

As Mozilla's release and DINet use it: MFCC of 26 coefficients as the package python_speech_features defines them
(pre-emphasis 0.97, rectangular frames of 25 ms, 512-point power spectra, 26 triangles on the HTK mel scale, orthonormal
DCT, lifter 22, coefficient 0 replaced by the log energy) every 20 ms, on samples scaled to 16 bits; each vector with
nine neighbours on both sides, zeros beyond the ends; all of it less its mean over its standard deviation, both taken
over the whole speech; logits without softmax.

Vector i stands at i / 50 s, where DINet pairs it with the picture (its MFCC frame is centred 12.5 ms later).
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from dubtool.engine.session import Session
from dubtool.errors import WeightsError
from dubtool.speech.source import SAMPLE_RATE, SpeechSource

RATE = 50
COEFFICIENTS = 26
NEIGHBOURS = 9

_HOP = SAMPLE_RATE // RATE
_FRAME = 400
_NFFT = 512
_PRE_EMPHASIS = 0.97
_LIFTER = 22
_FULL_SCALE = 32768.0
# The package's frames are 10 ms apart, and every second is kept.
_PACKAGE_HOP = 160
_EPSILON = np.finfo(np.float64).eps

# The LSTM reads a minute at a time, and five seconds around it to forget where it was cut.
CORE_VECTORS = 60 * RATE
CONTEXT_VECTORS = 5 * RATE


class DeepSpeechExtractor:
    """Logits over one speech.

    Args:
        model: the network as `dubtool.export.deepspeech` writes it.

    Raises:
        WeightsError: the file is not this network.
    """

    name = "deepspeech"
    rate = float(RATE)
    chunk = CORE_VECTORS

    def __init__(
        self,
        source: SpeechSource,
        model: Path,
        *,
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
    ) -> None:
        self._source = source
        self._session = Session(model, device, precision, threads)
        descriptor = self._session.metadata
        if descriptor.get("network") != "deepspeech":
            raise WeightsError(f"{model}: not DeepSpeech; run 'dubtool weights import deepspeech output_graph.pb'")
        self.dimension: int = int(descriptor["width"])
        frames = 1 + max(0, -(-(source.samples - _FRAME) // _PACKAGE_HOP))
        self._count = -(-frames // 2)
        self.first = 0
        self.last = self._count - 1

    def compute(self, first: int, count: int) -> np.ndarray:
        """Vectors first .. first + count - 1 as float32 [count, dimension]."""
        begin = max(0, first - CONTEXT_VECTORS)
        end = min(self._count, first + count + CONTEXT_VECTORS)
        mean, deviation = self.statistics
        padded = np.zeros((end - begin + 2 * NEIGHBOURS, COEFFICIENTS))
        low, high = max(0, begin - NEIGHBOURS), min(self._count, end + NEIGHBOURS)
        padded[low - begin + NEIGHBOURS : high - begin + NEIGHBOURS] = self._cepstra(low, high)
        stacked = sliding_window_view(padded, 2 * NEIGHBOURS + 1, axis=0).transpose(0, 2, 1)
        vectors = ((stacked - mean) / deviation).reshape(end - begin, -1).astype(np.float32)
        logits = self._session.run({"mfcc": vectors})["logits"]
        return logits[first - begin : first - begin + count]

    @functools.cached_property
    def statistics(self) -> tuple[float, float]:
        """Mean and standard deviation over all stacked vectors, their zeros beyond the ends included."""
        total = squares = 0.0
        for low in range(0, self._count, CORE_VECTORS):
            high = min(low + CORE_VECTORS, self._count)
            cepstra = self._cepstra(low, high)
            index = np.arange(low, high)
            # In how many stacked vectors each MFCC vector takes part.
            uses = np.minimum(index, NEIGHBOURS) + np.minimum(self._count - 1 - index, NEIGHBOURS) + 1
            total += float((uses @ cepstra).sum())
            squares += float((uses @ cepstra**2).sum())
        values = self._count * (2 * NEIGHBOURS + 1) * COEFFICIENTS
        mean = total / values
        return mean, float(np.sqrt(max(squares / values - mean**2, _EPSILON)))

    def _cepstra(self, low: int, high: int) -> np.ndarray:
        """MFCC vectors low .. high - 1 of the speech."""
        begin = low * _HOP
        piece = self._source.read(begin - 1, begin + (high - low - 1) * _HOP + _FRAME).astype(np.float64)
        piece = np.clip(np.rint(piece * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1)
        emphasised = piece[1:] - _PRE_EMPHASIS * piece[:-1]
        # The last frame is filled with zeros after the pre-emphasis, not before.
        emphasised[max(0, self._source.samples - begin) :] = 0.0
        return mfcc(sliding_window_view(emphasised, _FRAME)[::_HOP])


def mfcc(frames: np.ndarray) -> np.ndarray:
    """Frames of pre-emphasised samples [N, 400] in 16-bit scale -> cepstral coefficients [N, 26]."""
    power = np.abs(np.fft.rfft(frames, _NFFT)) ** 2 / _NFFT
    energy = np.maximum(power.sum(axis=1), _EPSILON)
    bands = np.log(np.maximum(power @ _filters().T, _EPSILON))
    cepstra = bands @ _lifted_dct().T
    cepstra[:, 0] = np.log(energy)
    return cepstra


@functools.cache
def _filters() -> np.ndarray:
    """Triangles between whole bins, equally spaced on the HTK mel scale from 0 to 8 kHz: [26, 257]."""
    mels = np.linspace(0.0, 2595.0 * np.log10(1.0 + SAMPLE_RATE / 2 / 700.0), COEFFICIENTS + 2)
    edges = np.floor((_NFFT + 1) * 700.0 * (10.0 ** (mels / 2595.0) - 1.0) / SAMPLE_RATE)
    bins = np.arange(_NFFT // 2 + 1)
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = (bins - left) / (centre - left)
    falling = (right - bins) / (right - centre)
    inside = (bins >= left) & (bins < right)
    return np.where(inside, np.minimum(rising, falling), 0.0)


@functools.cache
def _lifted_dct() -> np.ndarray:
    """Orthonormal DCT-II times the sine lifter: [26, 26], from bands to coefficients."""
    order = np.arange(COEFFICIENTS)
    basis = np.cos(np.pi * order[:, None] * (2 * order + 1) / (2 * COEFFICIENTS)) * np.sqrt(2.0 / COEFFICIENTS)
    basis[0] /= np.sqrt(2.0)
    return basis * (1.0 + _LIFTER / 2 * np.sin(np.pi * order / _LIFTER))[:, None]
