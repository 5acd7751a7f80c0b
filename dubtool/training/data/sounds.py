"""The sound of prepared clips, for what learns from speech in ever new voices: `sound.npz` of a clip."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from dubtool.media.audio import load_speech

SOUND_FILE = "sound.npz"
_FULL = 32768.0


@dataclass(frozen=True)
class SoundClip:
    """A clip in sync. samples: int16 [S] at 16 kHz. times: float64 [N], of the frames, in seconds of that sound.
    coefficients: float32 [N, K]. rest: [55, 3]."""

    name: str
    person: str
    samples: np.ndarray
    times: np.ndarray
    coefficients: np.ndarray
    rest: np.ndarray

    @property
    def sound(self) -> np.ndarray:
        """float32 [S], full scale 1."""
        return self.samples.astype(np.float32) / _FULL


def load_sounds(folder: Path, split: str, *, least_frames: int = 20) -> list[SoundClip]:
    """The prepared clips of a split that have a sound in sync."""
    clips = []
    for meta in sorted(folder.glob("*/meta.npz")):
        path = meta.parent / SOUND_FILE
        if not path.exists():
            continue
        with np.load(meta) as stored:
            if str(stored["split"]) != split or str(stored["use"]) != "sync" or len(stored["times"]) < least_frames:
                continue
            with np.load(path) as heard:
                # A positive lag means that the sound is late.
                times = stored["times"] + float(stored["lag"]) / 25 - float(heard["start"])
                samples = heard["samples"]
            clips.append(
                SoundClip(meta.parent.name, str(stored["identity"]), samples, times, stored["coef"], stored["rest"])
            )
    return clips


def write_sound(clip: Path, video: Path, work: Path, *, sound_offset: float) -> None:
    """Add `sound.npz` to the prepared clip folder `clip`: `samples` int16 [S] at 16 kHz, and `start`, the seconds of
    the first sample after the clip's first frame.

    work: a folder for what passes. sound_offset: seconds from the sound's start to the first frame.

    Raises:
        InputError: the video holds no sound that can be used.
    """
    samples, _ = soundfile.read(str(load_speech(video, work).path), dtype="float32")
    part = work / SOUND_FILE
    whole = np.clip(np.round(samples * _FULL), -_FULL, _FULL - 1).astype(np.int16)
    np.savez(part, samples=whole, start=np.array(-sound_offset))
    part.replace(clip / SOUND_FILE)
