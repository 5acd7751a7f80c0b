"""Speech to mouth shapes at work: the predictor over Whisper's states, as a function of time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dubtool.engine.session import Session
from dubtool.errors import WeightsError
from dubtool.speech.features import SpeechFeatures
from dubtool.speech.source import SpeechSource
from dubtool.speech.whisper import CORE_VECTORS, MEL, MEL_VALUES, RATE, SILENCE_VECTORS, WhisperExtractor

LAYERS = ("layer_1", "layer_2", "layer_3", "layer_4")


@dataclass(frozen=True)
class Closing:
    """Lips that nearly meet are made to meet.

    A predicted shape is the mean of what people do at such a sound, so at a p, b or m lips come near and stay apart.
    Openings u above rest become u^3 / (u^2 + below^2), which hardly touches wide ones, by the likeliest change of shape
    that does so: coefficients have unit deviation, so it is the smallest one.

    below: about where lips are pressed together, in distances of the outer eye corners. opening: `ShapeModel.opening`.
    """

    below: float
    opening: np.ndarray

    def close(self, shapes: np.ndarray) -> np.ndarray:
        """Shapes float32 [N, K] with lips that meet."""
        opening = np.maximum(shapes @ self.opening, 0)
        less = opening * self.below**2 / (opening**2 + self.below**2)
        return np.asarray(shapes - less[:, None] * (self.opening / (self.opening @ self.opening)), np.float32)


class ShapeExtractor:
    """Shape coefficients on the encoder's grid, for `SpeechFeatures`.

    encoder: Whisper's encoder. predictor: `networks.ShapePredictor` as ONNX, states [1, L, C, T] and mel [1, 2, M, T]
    to shapes [1, K, T]. Both are files, or loaded ones to share (device and threads are then their own).

    Raises:
        WeightsError: the files are not these networks.
    """

    name = "shapes"
    rate = float(RATE)
    chunk = CORE_VECTORS

    def __init__(
        self,
        speech: Path,
        encoder: Path | Session,
        predictor: Path | Session,
        *,
        device: str = "auto",
        threads: int | None = None,
    ) -> None:
        source = SpeechSource(speech)
        heard = WhisperExtractor(source, encoder, outputs=(*LAYERS, MEL), device=device, threads=threads)
        self._heard = SpeechFeatures(heard)
        self._session = predictor if isinstance(predictor, Session) else Session(predictor, device, threads=threads)
        told = self._session.metadata
        # What was exported before the predictor heard the spectrogram, too, says nothing of it.
        if told.get("network") != "shape-predictor" or "bands" not in told:
            raise WeightsError(f"{self._session.name}: not a shape predictor; run 'dubtool weights verify'")
        self.dimension: int = int(told["modes"])
        self._reach = int(told["reach"])
        # A network that is punished for every wrong guess moves less than people do.
        self._gain = np.float32(told.get("gain", 1.0))
        closing = told.get("closing")
        self._closing = None if closing is None else Closing(closing["below"], np.array(closing["opening"], np.float32))
        self.first = -SILENCE_VECTORS
        self.last = -(-source.samples * RATE // 16000) + SILENCE_VECTORS

    def compute(self, first: int, count: int) -> np.ndarray:
        """Shapes first .. first + count - 1 as float32 [count, K]."""
        steps = np.arange(first - self._reach, first + count + self._reach)
        shapes = predict_shapes(self._session, self._heard.at(steps / RATE))
        shapes = shapes[:, self._reach : self._reach + count].T * self._gain
        return shapes if self._closing is None else self._closing.close(shapes)


def predict_shapes(predictor: Session, heard: np.ndarray) -> np.ndarray:
    """Shapes [K, T] of what `WhisperExtractor` gives for `LAYERS` and "mel", side by side [T, L * C + 2 * M]."""
    states, mel = heard[:, :-MEL_VALUES], heard[:, -MEL_VALUES:]
    feeds = {
        "states": states.reshape(len(heard), len(LAYERS), -1).transpose(1, 2, 0)[None],
        "mel": mel.reshape(len(heard), 2, -1).transpose(1, 2, 0)[None],
    }
    return predictor.run(feeds)["shapes"][0]


def speech_shapes(
    speech: Path, encoder: Path, predictor: Path, *, device: str = "auto", threads: int | None = None
) -> SpeechFeatures:
    """Mouth shapes of a 16 kHz mono WAV as a function of time: `.at(times) -> [N, K]`."""
    return SpeechFeatures(ShapeExtractor(speech, encoder, predictor, device=device, threads=threads))
