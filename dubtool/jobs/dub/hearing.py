"""Mouth shapes of what is heard, begun on another thread while faces are still looked for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from dubtool.engine.device import resolve
from dubtool.engine.session import Session
from dubtool.engine.side_by_side import SideBySide
from dubtool.jobs.dub.kept_hearing import KeptExtractor, kept_file
from dubtool.jobs.shared.own_words import film_sound
from dubtool.media.probe import MediaInfo
from dubtool.speech.features import SpeechFeatures
from dubtool.speech.shapes import ShapeExtractor
from dubtool.weights.locate import find

# Seconds that are heard beforehand; the rest when it is asked for, so that memory stays what it is.
_BEFOREHAND = 15.0
_NETWORKS = ("whisper", "speech_shapes")


class Hearing:
    """What a speech and the film's own sound say of a mouth, both heard by the same networks.

    network_threads: of each network, on a CPU. cache: what was heard before is looked for, and kept by `forget`. Errors
    of a sound or a network are raised when its shapes are asked for.
    """

    def __init__(
        self, threads: SideBySide, device: str, network_threads: int | None = None, *, cache: bool = False
    ) -> None:
        self._threads, self._open = threads, partial(Session, device=device, threads=network_threads)
        self._device, self._cache = device, cache
        self._kept: list[KeptExtractor] = []
        self._networks: tuple[Session, Session] | None = None
        self._known: dict[Path, Callable[[], SpeechFeatures]] = {}
        self._loading = threading.Lock()

    def begin(self, sound: Path) -> None:
        """Hear a 16 kHz mono WAV beforehand."""
        self._known[sound] = self._threads.start(lambda: self._begun(self._shapes(sound)))

    def begin_film(self, info: MediaInfo, folder: Path) -> None:
        """Hear what the film says beforehand. folder: for its sound, kept until the end."""
        self._known[info.path] = self._threads.start(lambda: self._begun(self._film_shapes(info, folder)))

    def shapes(self, sound: Path) -> SpeechFeatures:
        """Shapes of a 16 kHz mono WAV as a function of time. Raises as `speech_shapes` does."""
        return self._known[sound]() if sound in self._known else self._shapes(sound)

    def film_shapes(self, info: MediaInfo, folder: Path) -> SpeechFeatures:
        """Shapes of the film's own sound as a function of time. Raises as `own_words.film_shapes` does."""
        return self._known[info.path]() if info.path in self._known else self._film_shapes(info, folder)

    def forget(self) -> None:
        """Let the networks go, and what they heard."""
        for extractor in self._kept:
            extractor.keep()
        self._kept.clear()
        self._known.clear()
        self._networks = None

    @staticmethod
    def _begun(shapes: SpeechFeatures) -> SpeechFeatures:
        shapes.at(np.arange(0, _BEFOREHAND, 0.5))
        return shapes

    def _shapes(self, sound: Path) -> SpeechFeatures:
        return self._heard(sound, lambda: sound)

    def _film_shapes(self, info: MediaInfo, folder: Path) -> SpeechFeatures:
        return self._heard(info.path, lambda: film_sound(info, folder))

    def _heard(self, file: Path, sound: Callable[[], Path]) -> SpeechFeatures:
        """file: what holds the sound."""

        def make() -> ShapeExtractor:
            return ShapeExtractor(sound(), *self._opened())

        device = "cuda" if resolve(self._device).is_cuda else "cpu"
        place = kept_file(file, device, _NETWORKS) if self._cache else None
        if place is None:
            return SpeechFeatures(make())
        kept = KeptExtractor(place, make)
        self._kept.append(kept)
        return SpeechFeatures(kept)

    def _opened(self) -> tuple[Session, Session]:
        with self._loading:
            if self._networks is None:
                whisper, predictor = _NETWORKS
                self._networks = self._open(find(whisper)), self._open(find(predictor))
            return self._networks
