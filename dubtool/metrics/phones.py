"""When an English speech says p, b and m: phones timed by CMU's PocketSphinx, an optional package of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dubtool.errors import InputError, UsageError

SAMPLE_RATE = 16000
# The lips meet for these (ARPAbet).
BILABIALS = ("P", "B", "M")
# PocketSphinx counts in hundredths of a second.
_STEP = 0.01


@dataclass(frozen=True)
class Phone:
    """name: ARPAbet, "SIL" for silence. first, last: seconds."""

    name: str
    first: float
    last: float


class PhoneRecogniser:
    """PocketSphinx with its own model of American English.

    Raises:
        UsageError: the package is not installed.
    """

    def __init__(self) -> None:
        try:
            from pocketsphinx import Decoder
        except (ImportError, OSError) as error:
            raise UsageError(
                "the test 'phones' needs PocketSphinx: pip install 'dubtool[phones]', or leave the test out"
            ) from error
        self._new = lambda: Decoder(loglevel="FATAL")

    def phones(self, sound: np.ndarray, text: str | None = None) -> list[Phone]:
        """The phones of a speech, in order.

        sound: float32 [S], 16 kHz mono, -1..1. text: the words that are said, if they are known; recognised if not.

        Raises:
            InputError: the words do not fit the sound, or one of them is in no dictionary.
        """
        if not len(sound):
            return []
        samples = (np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()
        decoder = self._new()
        try:
            if text:
                decoder.set_align_text(text.lower())
            _decode(decoder, samples)
            if decoder.hyp() is None:
                return []
            # A second pass over the words that were found times their phones.
            decoder.set_alignment()
            _decode(decoder, samples)
            words = decoder.get_alignment()
        except RuntimeError as error:
            raise InputError(f"the words {text or 'heard'!r} cannot be timed in this sound: {error}") from error
        return [
            Phone(phone.name, _STEP * phone.start, _STEP * (phone.start + phone.duration))
            for word in words
            for phone in word
        ]


def bilabials(phones: Sequence[Phone]) -> list[tuple[float, float]]:
    """First and last second of each p, b and m."""
    return [(phone.first, phone.last) for phone in phones if phone.name in BILABIALS]


def _decode(decoder: Any, samples: bytes) -> None:
    decoder.start_utt()
    decoder.process_raw(samples, full_utt=True)
    decoder.end_utt()
