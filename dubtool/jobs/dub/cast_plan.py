"""The plan of a dub of several people: which of them speaks when, on one timeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from dubtool.errors import NoFaceError, UsageError
from dubtool.jobs.dub.film_clock import FilmClock
from dubtool.jobs.dub.lines import Line, Speeches, clock_of, naming, notes_on
from dubtool.jobs.dub.overriding import Overriding
from dubtool.jobs.dub.plan import DubPlan, DubTask, plan_person, tell_plans
from dubtool.jobs.shared.cast import check_apart
from dubtool.jobs.shared.frame_plan import FramePlan, count, joined, why_passed
from dubtool.jobs.shared.frame_timeline import FrameTimeline, plan_timeline
from dubtool.jobs.shared.overrides import overrides_of
from dubtool.jobs.shared.report import Report
from dubtool.jobs.shared.speakers import Turn
from dubtool.media.probe import MediaInfo
from dubtool.tracking.person import Chosen, VideoPeople
from dubtool.tracking.track_video import TrackedVideo


@dataclass(frozen=True)
class CastPlan:
    """What is to be dubbed of all people. people: their plans, and a report of each. frame_plans: what happens to each
    output frame. soundtrack: the speeches at their times. turns: who speaks when in the film, where its sound told."""

    timeline: FrameTimeline
    people: list[tuple[DubPlan, Report]]
    frame_plans: list[FramePlan]
    soundtrack: Path
    turns: Sequence[Turn] = ()


@dataclass
class _Person:
    chosen: Chosen
    lines: list[Line] = field(default_factory=list)


def plan_cast(task: DubTask, speeches: Speeches) -> CastPlan:
    """Plan the dub of a cast, which lasts as long as the film; the report is told what will happen to how many frames,
    and what was done to the speeches.

    Raises:
        UsageError, NoFaceError: somebody is not there, a speech does not fit, or no frame can be dubbed; where a row is
        to blame it is named. WeightsError: see `chosen_person`.
    """
    info, tracked_video, report = task.info, task.tracked_video, task.report
    plain = plan_timeline(
        tracked_video.times, tracked_video.durations, Fraction(0), length="video", loop="hold", pictures=task.pictures
    )
    lines = speeches.lines(plain.duration, task.options.fit)
    clock = clock_of(lines)
    timeline = clock.slow(plain)
    everybody = task.people
    persons = _persons(everybody, lines, tracked_video)
    with report.timed("mix"):
        soundtrack, gain = speeches.mix(lines, clock, timeline.duration)
    report.warn(*notes_on(lines, gain))
    if clock.added:
        _warn_of_others(info, clock, report)
    known = Overriding(overrides_of(task.options.overrides), everybody.chosen, timeline.duration)
    known.check([person.chosen for person in persons])
    for row in known.rows:
        if row.face:
            raise UsageError(f"{row.place}: whose mouth says what is a matter of the cast: change the face there")
    people = []
    for person in persons:
        sound = speeches.of_person(person.lines, clock, timeline.duration)
        speaking = _speaking(person.lines, clock, timeline)
        own = known.of(person.chosen)
        plan = plan_person(task, sound, timeline, person.chosen, speaking, own)
        told = [line.told(clock) for line in person.lines]
        people.append((plan, own_report(plan, person.lines[0].row.face, told)))
        _warn_of_missing(plan, person.lines, clock, report)
    off_screen = [line.told(clock) for line in lines if not line.row.seen]
    if off_screen:
        report.details["off_screen"] = off_screen
    frame_plans = joined([plan.frame_plans for plan, _ in people])
    tell_plans(task, timeline, frame_plans)
    return CastPlan(timeline, people, frame_plans, soundtrack)


def _persons(everybody: VideoPeople, lines: Sequence[Line], tracked_video: TrackedVideo) -> list[_Person]:
    """Who says which lines, in the order of the cast."""
    found: dict[int, _Person] = {}
    for line in lines:
        if not line.row.seen:
            continue
        with naming(line.row):
            chosen = everybody.chosen(line.row.face)
            found.setdefault(id(chosen), _Person(chosen)).lines.append(line)
            seen = [tracked_video.times[frame] for frame in chosen.motion.frames]
            if not any(line.start <= time < line.stop for time in seen):
                raise NoFaceError(
                    f"{line.row.face} is never seen between {float(line.start):.2f} and {float(line.stop):.2f} s; a "
                    "voice off screen has the face nobody"
                )
    check_apart([(who, line.row, line.stop) for who, person in found.items() for line in person.lines])
    if not found:
        raise UsageError(f"{lines[0].row.place}: nobody of the cast is in the picture: name a face")
    return list(found.values())


def _speaking(lines: Sequence[Line], clock: FilmClock, timeline: FrameTimeline) -> np.ndarray:
    """In which frames somebody is to speak, bool [N]."""
    times = np.array(timeline.times, object)
    speaking = np.zeros(len(times), bool)
    for line in lines:
        speaking |= np.array((times >= clock.at(line.start)) & (times < clock.at(line.stop)), bool)
    return speaking


def own_report(plan: DubPlan, face: str, lines: list[dict[str, Any]]) -> Report:
    """What happens to one person. lines: what is told of each that is theirs."""
    own = Report("dub", "", {})
    own.details = {"face": face, "lines": lines}
    count(plan.frame_plans, own, plan.info.require_video().pictures_a_frame)
    return own


def _warn_of_missing(plan: DubPlan, lines: Sequence[Line], clock: FilmClock, report: Report) -> None:
    """Say of each line in which no mouth can be dubbed that it is so."""
    for line in lines:
        start, stop = clock.at(line.start), clock.at(line.stop)
        here = [one for one in plan.frame_plans if start <= plan.timeline.times[one.number] < stop]
        if here and not any(one.weight > 0 for one in here):
            reasons = ", ".join(dict.fromkeys(map(why_passed, here)))
            report.warn(f"{line.row.place}: no frame of {line.row.face} can be dubbed ({reasons})")


def _warn_of_others(info: MediaInfo, clock: FilmClock, report: Report) -> None:
    others = [stream for stream in info.audio if stream is not info.main_audio]
    kinds = {stream.kind for stream in info.other_streams}
    if others or info.chapters or "subtitle" in kinds:
        report.warn(
            f"{info.path}: its other sounds, subtitles and chapters keep the film's own times; where the picture is "
            f"slowed down they run ahead, in the end by {float(clock.added):.2f} s"
        )
