"""The dub of whoever speaks: the film's own sound tells whose mouth it is, one mouth at a time."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from dubtool.face.shape import ShapeModel
from dubtool.jobs.dub.cast_plan import CastPlan, own_report
from dubtool.jobs.dub.plan import plan_person, tell_plans
from dubtool.jobs.shared.frame_plan import NOBODY_SPEAKS, FramePlan
from dubtool.jobs.shared.frame_timeline import plan_timeline
from dubtool.jobs.shared.options import DubOptions
from dubtool.jobs.shared.report import Report
from dubtool.jobs.shared.speakers import Speakers, Turn, who_speaks
from dubtool.media.audio import RATE, Speech
from dubtool.media.probe import MediaInfo
from dubtool.tracking.person import VideoPeople
from dubtool.tracking.track_video import TrackedVideo


def plan_speaking(
    info: MediaInfo,
    options: DubOptions,
    model: ShapeModel,
    sound: Speech,
    tracked_video: TrackedVideo,
    folder: Path,
    report: Report,
) -> CastPlan:
    """Plan the dub of those who speak; the report is told what was decided, and what will happen to how many frames.

    folder: for temporary files, of this alone.

    Raises:
        InputError: the film has no sound. UsageError, NoFaceError: no face ever speaks, or no frame can be dubbed.
        WeightsError: see `VideoPeople`.
    """
    people = VideoPeople(info, tracked_video, model, use_cache=options.cache)
    speakers = who_speaks(info, tracked_video, people, folder, device=options.device)
    timeline = plan_timeline(
        tracked_video.times,
        tracked_video.durations,
        Fraction(sound.samples, RATE),
        length=options.length,
        loop=options.loop,
        pictures=info.require_video().pictures_a_frame,
    )
    named = {turn.name: turn.person for turn in speakers.turns}
    owner = _owners(speakers.turns, list(named), tracked_video.times)[timeline.source]
    plans = {
        name: plan_person(
            info, options, model, sound, tracked_video, timeline, people.moving(person), report, owner == number
        )
        for number, (name, person) in enumerate(named.items())
    }
    each = list(plans.values())
    frame_plans = [
        each[who].frame_plans[number] if who >= 0 else FramePlan(number, -1, 0.0, NOBODY_SPEAKS)
        for number, who in enumerate(owner.tolist())
    ]
    tell_speakers(speakers, info, report)
    tell_plans(frame_plans, info, timeline, tracked_video, options, report)
    told = [(one, own_report(one, name, _lines_of(name, speakers))) for name, one in plans.items()]
    return CastPlan(timeline, told, frame_plans, sound.source, speakers.turns)


def _lines_of(name: str, speakers: Speakers) -> list[dict[str, Any]]:
    return [{"from": float(turn.start), "to": float(turn.stop)} for turn in speakers.turns if turn.name == name]


def tell_speakers(speakers: Speakers, info: MediaInfo, report: Report) -> None:
    """Say in the report who speaks when, and how far sound and picture are apart."""
    report.details["speaking"] = [turn.told() for turn in speakers.turns]
    report.details["sound_late"] = None if speakers.late is None else round(speakers.late, 3)
    warning = speakers.warning(info.path)
    if warning is not None:
        report.warn(warning)


def _owners(turns: Sequence[Turn], named: Sequence[str], times: Sequence[Fraction]) -> np.ndarray:
    """Whose turn each frame of the film is, -1 for nobody's: int64 [N]."""
    owner = np.full(len(times), -1)
    at = np.array(times, object)
    for turn in turns:
        owner[np.array((at >= turn.start) & (at < turn.stop), bool)] = named.index(turn.name)
    return owner
