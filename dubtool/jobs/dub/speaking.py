"""The dub of whoever speaks: the film's own sound tells whose mouth it is, one mouth at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from dubtool.jobs.dub.cast_plan import CastPlan
from dubtool.jobs.dub.overriding import Overriding
from dubtool.jobs.dub.plan import DubTask
from dubtool.jobs.dub.turns_plan import given_over, plan_turns, timeline_of
from dubtool.jobs.shared.overrides import overrides_of
from dubtool.jobs.shared.report import Report
from dubtool.jobs.shared.speakers import Speakers, Turn, who_speaks
from dubtool.media.audio import Speech
from dubtool.media.probe import MediaInfo


def plan_speaking(task: DubTask, sound: Speech, folder: Path) -> CastPlan:
    """Plan the dub of those who speak; the report is told what was decided, and what will happen to how many frames.

    folder: for temporary files, of this alone.

    Raises:
        InputError: the film has no sound. UsageError, NoFaceError: no face ever speaks, or no frame can be dubbed.
        WeightsError: see `VideoPeople`.
    """
    people, options = task.people, task.options
    speakers = who_speaks(task.info, task.tracked_video, people, folder, device=options.device)
    timeline = timeline_of(task, sound)
    named = {turn.name: people.moving(turn.person) for turn in speakers.turns}
    owner = _owners(speakers.turns, list(named), task.tracked_video.times)[timeline.source]
    overriding = Overriding(overrides_of(options.overrides), people.chosen, timeline.duration)
    owner = given_over(task, timeline, overriding, named, owner)
    tell_speakers(speakers, task.info, task.report)
    plan = plan_turns(task, sound, timeline, overriding, named, owner)
    return replace(plan, turns=speakers.turns)


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
