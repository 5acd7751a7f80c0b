"""The speech of prepared clips: Whisper's states, clean and in changed voices, on the clock of the pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dubtool.speech.whisper import RATE

# The second layer: lips follow it best, and `speech_features("whisper")` gives it at work.
SECOND = 1
STATES_FILE = "states.npz"


@dataclass(frozen=True)
class SpokenClip:
    """A clip in sync. versions: (states float16 [T, L, C], or [T, C] of a single layer, seconds of vector 0 in video
    time, seconds of video per second of sound); the first is the clean sound. times: float64 [N], of the frames, on the
    clean sound's clock. coefficients: float32 [N, K]. rest: [55, 3]."""

    name: str
    person: str
    versions: tuple[tuple[np.ndarray, float, float], ...]
    times: np.ndarray
    coefficients: np.ndarray
    rest: np.ndarray


def load_spoken(folder: Path, split: str, *, augmented: bool, layer: int | None = None) -> list[SpokenClip]:
    """The prepared clips of a split that have speech states.

    augmented: the changed voices, too. layer: hold this one alone, at a fraction of the memory.
    """
    clips = []
    for meta in sorted(folder.glob("*/meta.npz")):
        states = meta.parent / STATES_FILE
        if not states.exists():
            continue
        with np.load(meta) as stored, np.load(states) as heard:
            if str(stored["split"]) != split or str(stored["use"]) != "sync" or len(stored["times"]) < 20:
                continue
            versions = []
            for k in range(int(heard["versions"]) if augmented else 1):
                vectors = heard[f"states{k}"]
                vectors = vectors if layer is None else vectors[:, layer].copy()
                versions.append((vectors, float(heard[f"start{k}"]), float(heard[f"stretch{k}"])))
            # A positive lag means that the sound is late.
            times = stored["times"] + float(stored["lag"]) / 25
            clips.append(
                SpokenClip(
                    meta.parent.name, str(stored["identity"]), tuple(versions), times, stored["coef"], stored["rest"]
                )
            )
    return clips


def heard_at(clip: SpokenClip, version: int, times: np.ndarray) -> np.ndarray:
    """A version's states at moments of the video [n], linear between vectors, the edges repeated: float32 [n, ...]."""
    states, start, stretch = clip.versions[version]
    place = np.clip((times / stretch - start) * RATE, 0, len(states) - 1)
    below = np.floor(place).astype(int)
    share = (place - below).astype(np.float32).reshape(-1, *[1] * (states.ndim - 1))
    first, second = states[below], states[np.minimum(below + 1, len(states) - 1)]
    return first.astype(np.float32) * (1 - share) + second.astype(np.float32) * share
