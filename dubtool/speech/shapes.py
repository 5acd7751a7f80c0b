"""Speech to mouth shapes at work: the predictor over Whisper's states, as a function of time."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dubtool.engine.session import Session
from dubtool.errors import WeightsError
from dubtool.speech.features import SpeechFeatures
from dubtool.speech.source import SpeechSource
from dubtool.speech.whisper import CORE_VECTORS, RATE, SILENCE_VECTORS, WhisperExtractor

LAYERS = ("layer_1", "layer_2", "layer_3", "layer_4")


class ShapeExtractor:
    """Shape coefficients on the encoder's grid, for `SpeechFeatures`.

    encoder: Whisper's encoder. predictor: `networks.ShapePredictor` as ONNX, states [1, L, C, T] to shapes [1, K, T].

    Raises:
        WeightsError: the files are not these networks.
    """

    name = "shapes"
    rate = float(RATE)
    chunk = CORE_VECTORS

    def __init__(
        self, speech: Path, encoder: Path, predictor: Path, *, device: str = "auto", threads: int | None = None
    ) -> None:
        source = SpeechSource(speech)
        self._states = SpeechFeatures(WhisperExtractor(source, encoder, outputs=LAYERS, device=device, threads=threads))
        self._session = Session(predictor, device, threads=threads)
        told = self._session.metadata
        if told.get("network") != "shape-predictor":
            raise WeightsError(f"{predictor.name}: not a shape predictor; run 'dubtool weights verify'")
        self.dimension: int = int(told["modes"])
        self._reach = int(told["reach"])
        # A network that is punished for every wrong guess moves less than people do.
        self._gain = np.float32(told.get("gain", 1.0))
        self.first = -SILENCE_VECTORS
        self.last = -(-source.samples * RATE // 16000) + SILENCE_VECTORS

    def compute(self, first: int, count: int) -> np.ndarray:
        """Shapes first .. first + count - 1 as float32 [count, K]."""
        steps = np.arange(first - self._reach, first + count + self._reach)
        states = self._states.at(steps / RATE).reshape(len(steps), len(LAYERS), -1)
        shapes = self._session.run({"states": states.transpose(1, 2, 0)[None]})["shapes"][0]
        return shapes[:, self._reach : self._reach + count].T * self._gain


def speech_shapes(
    speech: Path, encoder: Path, predictor: Path, *, device: str = "auto", threads: int | None = None
) -> SpeechFeatures:
    """Mouth shapes of a 16 kHz mono WAV as a function of time: `.at(times) -> [N, K]`."""
    return SpeechFeatures(ShapeExtractor(speech, encoder, predictor, device=device, threads=threads))
