"""The silence test: nothing is said, and the lips rest no less than in the source's own pauses."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from dubtool.evaluation.analysed import TrackedSpeaker
from dubtool.evaluation.context import EvaluationContext
from dubtool.evaluation.results import Number
from dubtool.evaluation.segment import Recording, write_sound
from dubtool.media.audio import RATE
from dubtool.metrics.silence import rest
from dubtool.metrics.voice import silent_stretches, voiced_at

_SECONDS = 2.0


def silence_test(
    context: EvaluationContext, recording: Recording, seen: TrackedSpeaker, folder: Path
) -> tuple[dict[str, Number], dict[str, Any], str | None]:
    """Numbers, details, and a note where the source has no pause to compare with."""
    silence = write_sound(np.zeros(round(_SECONDS * RATE)), folder / "silence.wav")
    made = folder / "silence.mp4"
    context.dub(recording.clip.path, silence, made)
    dub = context.analyse_anew(made).lips.opening
    source = seen.lips.opening
    sound, _ = soundfile.read(recording.sound.path, dtype="float32")
    voiced = voiced_at(sound, RATE, seen.times + float(recording.late))
    pauses = silent_stretches(voiced, recording.rate)
    # The whole source as its own pause: how much these lips move while they speak.
    speaking = rest(dub, source, [slice(0, len(source))])
    if speaking is None:
        return {}, {}, "silence: the face is not seen"
    found = rest(dub, source, pauses)
    numbers = {
        "silence_deviation": Number(speaking.dub, *([found.source] if found else [])),
        "silence_level": Number(speaking.dub_level, *([found.source_level] if found else [])),
    }
    details = {"speaking_deviation": speaking.source, "pauses": len(pauses), **(asdict(found) if found else {})}
    return numbers, details, None if found else "silence: the source never pauses, so nothing to compare with"
