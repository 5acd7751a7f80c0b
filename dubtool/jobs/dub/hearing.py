"""Mouth shapes of what is heard, begun on another thread while faces are still looked for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from dubtool.engine.session import Session
from dubtool.engine.side_by_side import SideBySide
from dubtool.jobs.shared.own_words import film_sound
from dubtool.media.probe import MediaInfo
from dubtool.speech.features import SpeechFeatures
from dubtool.speech.shapes import ShapeExtractor
from dubtool.weights.locate import find

# Seconds that are heard beforehand; the rest when it is asked for, so that memory stays what it is.
_BEFOREHAND = 15.0


class Hearing:
    """What a speech and the film's own sound say of a mouth, both heard by the same networks.

    network_threads: of each network, on a CPU. Errors of a sound or a network are raised when its shapes are asked for.
    """

    def __init__(self, threads: SideBySide, device: str, network_threads: int | None = None) -> None:
        self._threads, self._open = threads, partial(Session, device=device, threads=network_threads)
        self._networks: tuple[Session, Session] | None = None
        self._known: dict[Path, Callable[[], SpeechFeatures]] = {}
        self._loading = threading.Lock()

    def begin(self, sound: Path) -> None:
        """Hear a 16 kHz mono WAV beforehand."""
        self._known[sound] = self._threads.start(self._begun, sound)

    def begin_film(self, info: MediaInfo, folder: Path) -> None:
        """Hear what the film says beforehand. folder: for its sound, kept until the end."""
        self._known[info.path] = self._threads.start(lambda: self._begun(film_sound(info, folder)))

    def shapes(self, sound: Path) -> SpeechFeatures:
        """Shapes of a 16 kHz mono WAV as a function of time. Raises as `speech_shapes` does."""
        return self._known[sound]() if sound in self._known else self._shapes(sound)

    def film_shapes(self, info: MediaInfo, folder: Path) -> SpeechFeatures:
        """Shapes of the film's own sound as a function of time. Raises as `own_words.film_shapes` does."""
        return self._known[info.path]() if info.path in self._known else self._shapes(film_sound(info, folder))

    def forget(self) -> None:
        """Let the networks go, and what they heard."""
        self._known.clear()
        self._networks = None

    def _begun(self, sound: Path) -> SpeechFeatures:
        shapes = self._shapes(sound)
        shapes.at(np.arange(0, _BEFOREHAND, 0.5))
        return shapes

    def _shapes(self, sound: Path) -> SpeechFeatures:
        with self._loading:
            if self._networks is None:
                self._networks = self._open(find("whisper")), self._open(find("speech_shapes"))
            networks = self._networks
        return SpeechFeatures(ShapeExtractor(sound, *networks))
