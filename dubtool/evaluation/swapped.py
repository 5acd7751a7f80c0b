"""The swapped test: one stretch's picture says another's words, and its lips are held against the real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

from dubtool.evaluation.analysed import Lips, TrackedSpeaker
from dubtool.evaluation.blended import Blended
from dubtool.evaluation.context import EvaluationContext
from dubtool.evaluation.pictures import Pictures
from dubtool.evaluation.results import Number
from dubtool.evaluation.segment import Recording, cut_sound, cut_video
from dubtool.jobs.dub.reach import Reach
from dubtool.jobs.shared.known_shapes import MouthShapes
from dubtool.media.audio import RATE
from dubtool.metrics.closures import Closures, closures, hits_at
from dubtool.metrics.lip_motion import loudness_difference, pauses_of, silent_lip_stability
from dubtool.metrics.lips import DRIFT_SECONDS, MAX_LAG, Agreement, compare, detrend
from dubtool.metrics.phones import bilabials
from dubtool.metrics.sync import Sync, sync_of
from dubtool.metrics.voice import levels_at, voiced_at

_HEARD = ("voiced", "loudness")


@dataclass(frozen=True)
class Piece:
    """A stretch in sync, as files of their own: `video` without loss, `speech` 16 kHz mono; and what is seen in it.

    bilabials: first and last second of each p, b and m of the speech, where these were asked for.
    """

    video: Path
    speech: Path
    seen: TrackedSpeaker
    bilabials: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Swap:
    """One piece's picture with another's speech. All series share one clock, frames of the dub.

    dub: lips of the dub, tracked anew. real: of the piece whose words they are. untouched: of the picture before it was
    dubbed. voiced: bool [N], where the speech speaks. loudness: root mean square [N] of the speech. rate: frames a
    second. made: the dub's file; dubbed: its frames that were changed. shapes: of the dub's mouth, tracked anew.
    dynamics: how varied the lips' motion is, of the dub and of the mouth that really spoke. reach: of the person, as
    the job found it.
    """

    picture: Piece
    voice: Piece
    made: Path
    dub: Lips
    real: Lips
    untouched: Lips
    voiced: np.ndarray
    loudness: np.ndarray
    rate: float
    dubbed: int
    shapes: MouthShapes
    dynamics: tuple[float, float]
    reach: Reach = field(default_factory=Reach)


def cut_pieces(context: EvaluationContext, recording: Recording, parts: Sequence[range], folder: Path) -> list[Piece]:
    """Stretches of a recording, each as a piece."""
    meetings: list[tuple[float, float]] = []
    if context.phones is not None:
        sound, _ = soundfile.read(recording.sound.path, dtype="float32")
        meetings = bilabials(context.phones.phones(sound, recording.clip.text))
    return [_cut_piece(context, recording, frames, folder, name, meetings) for name, frames in enumerate(parts)]


def _cut_piece(
    context: EvaluationContext,
    recording: Recording,
    frames: range,
    folder: Path,
    name: int,
    meetings: Sequence[tuple[float, float]],
) -> Piece:
    video = cut_video(recording, frames, folder / f"{name}.mp4")
    speech = cut_sound(recording, frames, folder / f"{name}.wav")
    start, stop = (float(recording.times[edge] + recording.late) for edge in (frames.start, frames.stop))
    inside = tuple((first - start, last - start) for first, last in meetings if start <= first and last <= stop)
    return Piece(video, speech, context.analyse(video), inside)


def swap(context: EvaluationContext, picture: Piece, voice: Piece, target: Path) -> Swap:
    """Dub one piece with the other's speech, as long as both last, and track the result anew."""
    report = context.dub(picture.video, voice.speech, target, length="shortest")
    seen = context.analyse_anew(target)
    dub = seen.lips
    end = float(dub.times[-1]) + 1e-6
    sound, _ = soundfile.read(voice.speech, dtype="float32")
    return Swap(
        picture,
        voice,
        target,
        dub,
        voice.seen.lips.at(dub.times),
        picture.seen.lips.at(dub.times),
        voiced_at(sound, RATE, dub.times),
        10 ** (levels_at(sound, RATE, dub.times) / 20),
        float(1 / np.median(np.diff(dub.times))),
        report.dubbed,
        seen.shapes,
        (seen.dynamics(end), voice.seen.dynamics(end)),
        Reach(**report.details.get("reach", {})),
    )


def measure_pictures(context: EvaluationContext, swaps: Sequence[Swap]) -> Pictures:
    """The pictures of all these dubs against the frames that they were made of."""
    pictures = Pictures()
    for each in swaps:
        pictures.measure(
            each.made, each.picture.seen, Blended(context, each.picture.seen, each.voice.speech, each.reach)
        )
    return pictures


def agreement(swaps: Sequence[Swap]) -> dict[str, Number]:
    """How the lips follow the words, over all swaps of one person together; by the names of `results.MEASURES`."""
    opening, opening_voiced = _followed(swaps, "opening", False), _followed(swaps, "opening", True)
    width, width_voiced = _followed(swaps, "width", False), _followed(swaps, "width", True)
    chin = _followed(swaps, "chin", False)
    spread, spread_untouched = _range(swaps, "dub"), _range(swaps, "untouched")
    return {
        "opening_r": Number(opening[0].r, opening[1].r),
        "opening_r_voiced": Number(opening_voiced[0].r, opening_voiced[1].r),
        "opening_best_r": Number(opening[0].best, opening[1].best),
        "opening_lag": Number(opening[0].lag),
        "opening_range": Number(spread, spread_untouched),
        "opening_amplitude": Number(_amplitude(spread), _amplitude(spread_untouched)),
        "width_r": Number(width[0].r, width[1].r),
        "width_r_voiced": Number(width_voiced[0].r, width_voiced[1].r),
        "chin_r": Number(chin[0].r, chin[1].r),
        **_closed(swaps),
        **_moved(swaps),
    }


def in_sync(context: EvaluationContext, swaps: Sequence[Swap]) -> dict[str, Number]:
    """What the sync judge says of the dubs, beside the mouths that really spoke; by the names of `results.MEASURES`."""
    dubs: list[np.ndarray] = []
    reals: list[np.ndarray] = []
    for each in swaps:
        hear = context.hear(each.voice.speech)
        spoke = each.voice.seen.shapes.until(each.dub.times[-1])
        for shapes, into in ((each.shapes, dubs), (spoke, reals)):
            if len(shapes.times):
                into.append(context.sync.distances(shapes.times, shapes.coefficients, hear))
    dub, real = (sync_of(np.concatenate(parts) if parts else np.zeros((0, 1))) for parts in (dubs, reals))
    return {f"sync_{name}": Number(getattr(dub, name), getattr(real, name)) for name in Sync._fields}


def _followed(swaps: Sequence[Swap], name: str, only_voiced: bool) -> tuple[Agreement, Agreement]:
    """The dub's agreement with the real lips, and the untouched picture's."""
    rate = _rate(swaps)
    dub, untouched, real = (_all(swaps, which, name) for which in ("dub", "untouched", "real"))
    voiced = _joined([each.voiced.astype(float) for each in swaps], rate) == 1.0 if only_voiced else None
    return compare(dub, real, rate, voiced), compare(untouched, real, rate, voiced)


def _closed(swaps: Sequence[Swap]) -> dict[str, Number]:
    """How the dub's closures meet the real ones, and how those of the untouched picture do."""
    dub, untouched = (
        sum((closures(getattr(each, which).opening, each.real.opening) for each in swaps), Closures())
        for which in ("dub", "untouched")
    )
    names = {"closure_precision": "precision", "closure_recall": "recall", "closure_f1": "f1"}
    return {name: Number(getattr(dub, told), getattr(untouched, told)) for name, told in names.items()}


def at_phones(swaps: Sequence[Swap]) -> dict[str, Number]:
    """At how many p, b and m the dub's lips meet, and at how many those of the mouth that really spoke did."""
    counts = np.array(
        [
            [hits_at(getattr(each, which).opening, each.dub.times, each.voice.bilabials) for which in ("dub", "real")]
            for each in swaps
        ]
    ).sum(axis=0)
    dub, real = ((float(met / told) if told else float("nan")) for met, told in counts)
    return {"bilabials": Number(dub, real)}


def _moved(swaps: Sequence[Swap]) -> dict[str, Number]:
    """THEval's measures of the dub, and of the mouth that really spoke."""
    rate = _rate(swaps)
    voiced, loudness = (_joined([np.asarray(getattr(each, name), float) for each in swaps], rate) for name in _HEARD)
    known = np.isfinite(voiced)
    spoken, quiet = voiced == 1.0, pauses_of(np.where(known, voiced, 1.0) == 1.0, rate)
    dub, real = (_all(swaps, which, "aperture") for which in ("dub", "real"))
    lengths = [len(each.dub.times) for each in swaps]
    varied = [float(np.average([each.dynamics[place] for each in swaps], weights=lengths)) for place in (0, 1)]
    return {
        "pause_stability": Number(silent_lip_stability(dub, quiet), silent_lip_stability(real, quiet)),
        "lip_dynamics": Number(varied[0] / varied[1] if varied[1] else float("nan")),
        "loudness_difference": Number(
            loudness_difference(dub[known], loudness[known], spoken[known]),
            loudness_difference(real[known], loudness[known], spoken[known]),
        ),
    }


def _range(swaps: Sequence[Swap], which: str) -> float:
    """How far the mouth opens, by its deviation around the slow drift, over how far the real one does."""
    made, real = (detrend(_all(swaps, each, "opening"), _rate(swaps)) for each in (which, "real"))
    known = np.isfinite(made) & np.isfinite(real)
    spread = float(np.std(real[known])) if known.any() else 0.0
    return float(np.std(made[known])) / spread if spread else float("nan")


def _amplitude(spread: float) -> float:
    """How far a range is off, too small as bad as too large; infinite for a mouth that does not move."""
    return abs(float(np.log(spread))) if spread > 0 else float("inf")


def _rate(swaps: Sequence[Swap]) -> float:
    return float(np.median([each.rate for each in swaps]))


def _all(swaps: Sequence[Swap], which: str, name: str) -> np.ndarray:
    """The series `name` of the lips `which` of all swaps, joined."""
    return _joined([getattr(getattr(each, which), name) for each in swaps], _rate(swaps))


def _joined(series: Sequence[np.ndarray], rate: float) -> np.ndarray:
    """Series behind each other, so far apart that neither drift nor lag of one reaches into the next."""
    gap = np.full(max(MAX_LAG, round(DRIFT_SECONDS * rate)) + 1, np.nan)
    return np.concatenate([part for each in series for part in (each, gap)])
