"""Hidden states of Whisper's audio encoder, 50 vectors a second, computed window by window.

Vector i is centred at i / 50 s: log-mel frame k is centred at k * 10 ms, the first convolution keeps the rate, and the
second (kernel 3, stride 2, padding 1) centres its output i on frame 2 i.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dubtool.engine.session import Session
from dubtool.errors import WeightsError
from dubtool.speech.mel import WHISPER_BANDS, log_mel
from dubtool.speech.source import SAMPLE_RATE, SpeechSource

RATE = 50
# Windows of 10 s, of which the outer seconds only give context.
CORE_VECTORS = 8 * RATE
CONTEXT_VECTORS = RATE
# Silence that is heard before and after the speech, so that the mouth closes there.
SILENCE_VECTORS = RATE // 2

# What may be asked for beside the encoder's outputs: the two log mel frames that each vector begins with.
MEL = "mel"
MEL_VALUES = 2 * WHISPER_BANDS

_SAMPLES_PER_VECTOR = SAMPLE_RATE // RATE


class WhisperExtractor:
    """The encoder's states over one speech.

    Args:
        model: the encoder as `dubtool.export.whisper` writes it; or a session of it, which many speeches may
            share (device, precision and threads are then its own).
        outputs: which states, side by side in this order: "layer_1" .. "layer_4" or "encoded" (the last, normalised).
            Lips follow the second layer best; the later ones know words rather than sounds. "mel" are the input's
            frames 2 i and 2 i + 1 beside vector i, 80 bands each.

    Raises:
        WeightsError: the file is no Whisper encoder, or has no such output.
    """

    name = "whisper"
    rate = float(RATE)
    chunk = CORE_VECTORS

    def __init__(
        self,
        source: SpeechSource,
        model: Path | Session,
        *,
        outputs: Sequence[str] = ("layer_2",),
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
    ) -> None:
        self._source = source
        self._session = model if isinstance(model, Session) else Session(model, device, precision, threads)
        self._outputs = tuple(outputs)
        descriptor = self._session.metadata
        if descriptor.get("network") != "whisper-encoder":
            raise WeightsError(f"{self._session.name}: not a Whisper encoder; run 'dubtool weights verify'")
        missing = [name for name in self._outputs if name not in (*self._session.outputs, MEL)]
        if missing:
            has = ", ".join(self._session.outputs)
            raise WeightsError(f"{self._session.name}: has no output {missing[0]!r}; it has {has}")
        width = int(descriptor["width"])
        self.dimension: int = sum(MEL_VALUES if name == MEL else width for name in self._outputs)
        self.first = -SILENCE_VECTORS
        self.last = -(-source.samples // _SAMPLES_PER_VECTOR) + SILENCE_VECTORS

    def compute(self, first: int, count: int) -> np.ndarray:
        """Vectors first .. first + count - 1 as float32 [count, dimension]."""
        begin = (first - CONTEXT_VECTORS) * _SAMPLES_PER_VECTOR
        end = (first + count + CONTEXT_VECTORS) * _SAMPLES_PER_VECTOR
        mel = log_mel(self._source.read(begin, end))
        states = self._session.run({"mel": mel[None]}, [name for name in self._outputs if name != MEL])
        inner = slice(CONTEXT_VECTORS, CONTEXT_VECTORS + count)
        pairs = mel.T.reshape(-1, MEL_VALUES)
        return np.concatenate([(pairs if name == MEL else states[name][0])[inner] for name in self._outputs], axis=1)
