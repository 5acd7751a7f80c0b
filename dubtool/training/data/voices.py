"""Speech states of a clip's sound, and of the same sound as other voices and rooms would have it.

Whisper hears a whole window at once: what comes before a word changes its states. So the changed versions also begin
after a silence of random length.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from dubtool.engine.session import Session
from dubtool.media.audio import load_speech
from dubtool.speech.features import SpeechFeatures
from dubtool.speech.shapes import LAYERS
from dubtool.speech.source import SAMPLE_RATE, SpeechSource
from dubtool.speech.whisper import MEL, MEL_VALUES, RATE, WhisperExtractor

# Speed and pitch together, as a tape played slower or faster.
_STRETCHES = (0.88, 0.91, 0.94, 1.06, 1.10, 1.14)
_SILENCE_SECONDS = (0.5, 6.5)
_GAIN = (0.4, 1.6)
_NOISE_SHARE = 0.6
_NOISE_DECIBELS = (8.0, 30.0)


def spoken_versions(
    video: Path, name: str, encoder: Session, work: Path, *, sound_offset: float, changed: bool
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """(what `states.npz` of a clip holds, what the shape predictor hears of version 0).

    `states.npz` holds `versions`, and per version k `states{k}` float16 [T, L, C] at 50 a second,
    `start{k}` (seconds of vector 0, on that sound's clock) and `stretch{k}` (seconds of video per second of sound).

    Vector j belongs to the video's time (j / 50 + start) * stretch. Version 0 is the sound as it is; with `changed`, 1
    is noisy and 2 is also of another pitch and speed. What is heard is float32 [T, L * C + 2 * M], as
    `speech.shapes.predict_shapes` takes it. sound_offset: seconds from the sound's start to the first frame.

    Raises:
        InputError: the video holds no sound that can be used.
    """
    speech = load_speech(video, work)
    clean, _ = soundfile.read(str(speech.path), dtype="float32")
    heard = _heard(speech.path, encoder, 0, (*LAYERS, MEL))
    versions = [(_by_layer(heard[:, :-MEL_VALUES]), -sound_offset, 1.0)]
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    for stretch in (1.0, float(rng.choice(_STRETCHES))) if changed else ():
        sound = clean if stretch == 1.0 else resampled(clean, 1 / stretch)
        silence = int(rng.uniform(*_SILENCE_SECONDS) * SAMPLE_RATE)
        sound = np.concatenate([np.zeros(silence, np.float32), sound]) * np.float32(rng.uniform(*_GAIN))
        if rng.random() < _NOISE_SHARE:
            sound = sound + noise(rng, len(sound), float(np.sqrt(np.mean(clean**2))))
        changed_path = work / "changed.wav"
        soundfile.write(changed_path, sound, SAMPLE_RATE, subtype="FLOAT")
        first = silence * RATE // SAMPLE_RATE
        start = first / RATE - silence / SAMPLE_RATE - sound_offset / stretch
        versions.append((_by_layer(_heard(changed_path, encoder, first, LAYERS)), start, stretch))
    stored: dict[str, np.ndarray] = {"versions": np.array(len(versions))}
    for k, (states, start, stretch) in enumerate(versions):
        stored |= {f"states{k}": states, f"start{k}": np.array(start), f"stretch{k}": np.array(stretch)}
    return stored, heard


def _heard(path: Path, encoder: Session, first: int, outputs: Sequence[str]) -> np.ndarray:
    """The encoder's outputs from vector `first` to the sound's end: float32 [T, D]."""
    source = SpeechSource(path)
    features = SpeechFeatures(WhisperExtractor(source, encoder, outputs=outputs))
    return features.at(np.arange(first, source.samples * RATE // SAMPLE_RATE + 1) / RATE)


def _by_layer(heard: np.ndarray) -> np.ndarray:
    """[T, L * C] -> float16 [T, L, C]."""
    return heard.astype(np.float16).reshape(len(heard), len(LAYERS), -1)


def resampled(sound: np.ndarray, factor: float) -> np.ndarray:
    """The sound with `factor` times as many samples, band-limited (by its spectrum)."""
    wanted = round(len(sound) * factor)
    # A margin of silence keeps the end from ringing into the start.
    margin = SAMPLE_RATE // 10
    padded = np.concatenate([sound, np.zeros(margin, np.float32)])
    size = round(len(padded) * factor)
    spectrum = np.fft.rfft(padded)[: size // 2 + 1]
    return (np.fft.irfft(spectrum, size) * (size / len(padded)))[:wanted].astype(np.float32)


def noise(rng: np.random.Generator, count: int, loudness: float) -> np.ndarray:
    """White noise, or half of the time a duller one, at 8 to 30 dB below the speech."""
    decibels = rng.uniform(*_NOISE_DECIBELS)
    white = rng.standard_normal(count).astype(np.float32)
    made = np.convolve(white, np.ones(6, np.float32) / 6, "same") if rng.random() < 0.5 else white
    loud = max(float(np.sqrt(np.mean(made**2))), 1e-9)
    return made.astype(np.float32) * np.float32(loudness / loud * 10 ** (-decibels / 20))
