"""The self-dub: a video says its own words again, and its pictures are held against the real frames."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from dubtool.evaluation.analysed import TrackedSpeaker
from dubtool.evaluation.context import EvaluationContext
from dubtool.evaluation.likeness import Likeness
from dubtool.evaluation.results import Number
from dubtool.evaluation.segment import Recording, cut_sound
from dubtool.jobs.shared.known_shapes import MouthShapes
from dubtool.media.decode import VideoReader
from dubtool.media.probe import probe

# No reference may be nearer to a frame that is made: at least so many frames, and at least a second.
_APART_FRAMES, _APART_SECONDS = 25, 1.0
_SHORTEST_SECONDS = 0.2
# The job eases into frames it leaves alone; what is measured ends before.
_EASING = Fraction(3, 20)
# Neighbouring frames say the same.
_EVERY = 3


@dataclass(frozen=True)
class Pass:
    """Frames that are made, and frames that references come from. apart: from a made frame to the real one that it is
    compared with for a baseline."""

    made: range
    references: range
    apart: int


def self_dub(
    context: EvaluationContext,
    recording: Recording,
    seen: TrackedSpeaker,
    folder: Path,
    shapes: MouthShapes | None = None,
) -> tuple[dict[str, Number], int, str | None]:
    """Numbers as `Likeness` has them, how many frames they were measured on, and a note where the clip is too short.

    The first part of the clip is made with references from the last, then the last with references from the first.
    shapes: by seconds of the clip, instead of those that the speech is predicted to give.
    """
    passes = dub_passes(recording)
    if passes is None:
        context.done()
        context.done()
        return {}, 0, "too short to take references from a second away"
    every = range(len(recording.times) - 1)
    speech = cut_sound(recording, every, folder / "own.wav")
    likeness = Likeness(context.lpips, context.identity, seen)
    for number, part in enumerate(passes):
        made = dub_pass(context, recording, speech, part, folder / f"self-{number}.mp4", shapes=shapes)
        _add(likeness, made, seen, part)
        made.unlink()
    return likeness.numbers(), likeness.frames, None


def dub_pass(
    context: EvaluationContext, recording: Recording, speech: Path, part: Pass, target: Path, **more: Any
) -> Path:
    """Dub the clip's frames `part.made` with `speech`, which goes with all of it; the others are left as they are."""
    context.dub(
        recording.clip.path,
        speech,
        target,
        length="video",
        start=max(Fraction(0), recording.times[part.made.start] - _EASING),
        stop=min(recording.times[-1], recording.times[part.made.stop] + _EASING),
        reference_segment=(recording.times[part.references.start], recording.times[part.references.stop]),
        **more,
    )
    return target


def dub_passes(recording: Recording) -> tuple[Pass, Pass] | None:
    """The first part with references from the last, then the other way round; None where there is no room for that."""
    first, last = recording.frames.start, recording.frames.stop
    apart = max(_APART_FRAMES, math.ceil(_APART_SECONDS * recording.rate))
    length = (last - first - apart) // 2
    if length < max(2, _SHORTEST_SECONDS * recording.rate):
        return None
    early, late = range(first, first + length), range(last - length, last)
    return Pass(early, late, apart), Pass(late, early, -apart)


def _add(likeness: Likeness, made: Path, seen: TrackedSpeaker, part: Pass) -> None:
    rows = seen.rows
    wanted = [frame for frame in part.made[::_EVERY] if rows[frame] >= 0 and rows[frame + part.apart] >= 0]
    dubs = VideoReader(probe(made)).frames(wanted)
    reals, others = (
        VideoReader(seen.info).frames(frames) for frames in (wanted, [frame + part.apart for frame in wanted])
    )
    for number, dub, real, other in zip(wanted, dubs, reals, others, strict=True):
        mouth = seen.mouth_box(number)
        if not np.array_equal(dub.rgb(mouth), real.rgb(mouth)):
            likeness.add(number, dub, real, other)
