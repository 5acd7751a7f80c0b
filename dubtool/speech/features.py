"""Speech features as a function of time, over sound of any length in bounded memory.

Networks ask for features at the times of their video frames, whatever the frame rate; extractors give vectors on a
regular grid, a chunk at a time. `SpeechFeatures` stands between them: it computes the chunks that are asked for, keeps
the latest few, and interpolates linearly. What it answers depends on the time alone, never on the order of questions.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from dubtool.engine.malloc import give_back
from dubtool.errors import UsageError
from dubtool.speech.deepspeech import DeepSpeechExtractor
from dubtool.speech.mel import MelExtractor
from dubtool.speech.source import SpeechSource
from dubtool.speech.whisper import WhisperExtractor

# A dub goes forward: where two chunks meet it needs both, and the predictor's reach may touch a third.
_CACHED_CHUNKS = 3


class Extractor(Protocol):
    """Vectors on a regular grid over one speech: vector i stands at i / rate seconds, first <= i <= last."""

    @property
    def name(self) -> str: ...
    @property
    def dimension(self) -> int: ...
    @property
    def rate(self) -> float: ...
    @property
    def chunk(self) -> int: ...
    @property
    def first(self) -> int: ...
    @property
    def last(self) -> int: ...
    def compute(self, first: int, count: int) -> np.ndarray: ...


class SpeechFeatures:
    """Features of one speech at any time."""

    def __init__(self, extractor: Extractor) -> None:
        self._extractor = extractor
        self._chunks: OrderedDict[int, np.ndarray] = OrderedDict()

    @property
    def name(self) -> str:
        return self._extractor.name

    @property
    def dimension(self) -> int:
        """Length C of one vector."""
        return self._extractor.dimension

    @property
    def rate(self) -> float:
        """Vectors a second that are computed; between them features are interpolated."""
        return self._extractor.rate

    def at(self, times: np.ndarray) -> np.ndarray:
        """Features at `times` (seconds from the start of the sound, any shape) -> float32 [*times.shape, C].

        Before the first and after the last vector, the edge vectors are repeated.
        """
        times = np.asarray(times, dtype=np.float64)
        first, last = self._extractor.first, self._extractor.last
        position = np.clip(times.ravel() * self.rate, first, last)
        below = np.floor(position).astype(np.int64)
        share = (position - below).astype(np.float32)[:, None]
        vectors = self._gather(np.stack([below, np.minimum(below + 1, last)]))
        blended = vectors[0] + share * (vectors[1] - vectors[0])
        return blended.reshape(*times.shape, self.dimension)

    def windows(self, times: np.ndarray, steps: int = 16, spacing: float | None = None) -> np.ndarray:
        """`steps` features centred on each time, `spacing` seconds apart (default 1 / rate): [N] -> [N, steps, C].

        Lip-sync networks see 16 mel steps of 12.5 ms; DINet sees 5 steps of DeepSpeech, 0.04 s apart.
        """
        offsets = (np.arange(steps) - (steps - 1) / 2) * (1.0 / self.rate if spacing is None else spacing)
        return self.at(np.asarray(times, dtype=np.float64)[:, None] + offsets)

    def _gather(self, indices: np.ndarray) -> np.ndarray:
        """Vectors of grid `indices` (any shape) -> float32 [*shape, C], each chunk computed once."""
        vectors = np.empty((*indices.shape, self.dimension), dtype=np.float32)
        offset = indices - self._extractor.first
        numbers = offset // self._extractor.chunk
        for number in np.unique(numbers):
            chosen = numbers == number
            vectors[chosen] = self._chunk(int(number))[offset[chosen] - number * self._extractor.chunk]
        return vectors

    def _chunk(self, number: int) -> np.ndarray:
        if number in self._chunks:
            self._chunks.move_to_end(number)
            return self._chunks[number]
        first = self._extractor.first + number * self._extractor.chunk
        count = min(self._extractor.chunk, self._extractor.last + 1 - first)
        self._chunks[number] = self._extractor.compute(first, count)
        give_back()
        if len(self._chunks) > _CACHED_CHUNKS:
            self._chunks.popitem(last=False)
        return self._chunks[number]


@dataclass(frozen=True)
class FeatureKind:
    """extractor: made of a `SpeechSource`, the network's file and options where it has one. weights: that network's
    name; None if it needs none. own_clock: windows of generators are neighbouring vectors of the extractor's own rate,
    and not vectors 1/25 s apart.
    """

    extractor: Callable[..., Extractor]
    weights: str | None = None
    own_clock: bool = False


KINDS: Mapping[str, FeatureKind] = {
    "whisper": FeatureKind(WhisperExtractor, weights="whisper"),
    "mel": FeatureKind(MelExtractor, own_clock=True),
    "deepspeech": FeatureKind(DeepSpeechExtractor, weights="deepspeech"),
}


def feature_kind(name: str) -> FeatureKind:
    """The kind of speech features called `name`.

    Raises:
        UsageError: there is none.
    """
    if name not in KINDS:
        raise UsageError(f"speech features {name!r} are unknown; use {', '.join(KINDS)}")
    return KINDS[name]


def speech_features(name: str, speech: Path, *, model: Path | None = None, **options: Any) -> SpeechFeatures:
    """Features of one kind over a 16 kHz mono WAV.

    Args:
        name: one of `KINDS`.
        speech: the sound file.
        model: the network's .onnx file, of kinds that have one.
        options: device, precision, threads of the network, where there is one; outputs of "whisper".

    Raises:
        UsageError: there are no such features, or their model is not given.
        InputError: the sound cannot be used. WeightsError: the model cannot.
    """
    kind = feature_kind(name)
    source = SpeechSource(speech)
    if kind.weights is None:
        return SpeechFeatures(kind.extractor(source))
    if model is None:
        raise UsageError(f"speech features {name!r} need their model file; see 'dubtool weights list'")
    return SpeechFeatures(kind.extractor(source, model, **options))
