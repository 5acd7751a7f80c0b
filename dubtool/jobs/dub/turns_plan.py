"""The plan of one speech that goes from mouth to mouth: each frame is one person's, or nobody's."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np

from dubtool.errors import UsageError
from dubtool.jobs.dub.cast_plan import CastPlan, own_report
from dubtool.jobs.dub.overriding import Overriding
from dubtool.jobs.dub.plan import DubTask, plan_person, tell_plans
from dubtool.jobs.shared.course import stretches
from dubtool.jobs.shared.frame_plan import NOBODY_SPEAKS, FramePlan
from dubtool.jobs.shared.frame_timeline import FrameTimeline, plan_timeline
from dubtool.jobs.shared.overrides import overrides_of
from dubtool.media.audio import RATE, Speech
from dubtool.tracking.people import names
from dubtool.tracking.person import Chosen


def timeline_of(task: DubTask, sound: Speech) -> FrameTimeline:
    """The timeline of a film that one speech is said in."""
    return plan_timeline(
        task.tracked_video.times,
        task.tracked_video.durations,
        Fraction(sound.samples, RATE),
        length=task.options.length,
        loop=task.options.loop,
        pictures=task.pictures,
    )


def plan_dub(task: DubTask, sound: Speech) -> CastPlan:
    """Plan the dub of one person, or, where overrides give stretches to others, of several; the report is told what
    will happen to how many frames.

    Raises:
        UsageError, NoFaceError: somebody is not there, or no frame can be dubbed. WeightsError: see `VideoPeople`.
    """
    people, face = task.people, task.options.face
    timeline = timeline_of(task, sound)
    overriding = Overriding(overrides_of(task.options.overrides), people.chosen, timeline.duration)
    first = people.chosen(face)
    named = {face: first}
    owner = given_over(task, timeline, overriding, named, np.zeros(len(timeline), int))
    if len(named) > 1:
        return plan_turns(task, sound, timeline, overriding, named, owner)
    own = overriding.of(first)
    overriding.check([first])
    plan = plan_person(task, sound, timeline, first, None, own)
    tell_plans(task, timeline, plan.frame_plans)
    return CastPlan(timeline, [(plan, task.report)], plan.frame_plans, sound.source)


def given_over(
    task: DubTask, timeline: FrameTimeline, overriding: Overriding, named: dict[str, Chosen], owner: np.ndarray
) -> np.ndarray:
    """Whose each frame is once overrides have given some to others, who are added to `named`: int64 [N], -1 for
    nobody's.

    Raises:
        UsageError, NoFaceError, InputError: a row names nobody of the film, or others than whom was adapted to.
    """
    people, before, owner = task.people, list(named.values()), owner.copy()
    at = timeline.seconds
    for row in overriding.rows:
        if not row.face:
            continue
        if task.options.adapted is not None:
            raise UsageError(f"{row.place}: only one person is adapted to: leave out --adapt, or the face")
        chosen = overriding.giving(row)
        if not any(one is chosen for one in named.values()):
            number = next(n for n, one in enumerate(people.persons) if people.moving(one) is chosen)
            named[names(people.persons)[number]] = chosen
        number = next(n for n, one in enumerate(named.values()) if one is chosen)
        theirs = [n for n, one in enumerate(before) if overriding.about(row, one)]
        owner[row.holds(at) & np.isin(owner, theirs)] = number
    return owner


def plan_turns(
    task: DubTask,
    sound: Speech,
    timeline: FrameTimeline,
    overriding: Overriding,
    named: Mapping[str, Chosen],
    owner: np.ndarray,
) -> CastPlan:
    """Plan the dub of several people of whom one speaks at a time. named: what they are called. owner: whose each frame
    is, by number, -1 for nobody's: int64 [N].

    Raises:
        UsageError, NoFaceError: no frame can be dubbed, or a row of the overrides is about nobody.
    """
    overriding.check(list(named.values()))
    plans = [
        plan_person(task, sound, timeline, chosen, owner == number, overriding.of(chosen))
        for number, chosen in enumerate(named.values())
    ]
    frame_plans = [
        plans[who].frame_plans[number] if who >= 0 else FramePlan(number, -1, 0.0, NOBODY_SPEAKS)
        for number, who in enumerate(owner.tolist())
    ]
    tell_plans(task, timeline, frame_plans)
    ends = [*timeline.times, timeline.duration]
    told = []
    for number, (name, plan) in enumerate(zip(named, plans, strict=True)):
        mine = stretches(["speaks" if who == number else "" for who in owner.tolist()])
        lines = [{"from": float(ends[start]), "to": float(ends[stop])} for start, stop, _ in mine]
        told.append((plan, own_report(plan, name, lines)))
    return CastPlan(timeline, told, frame_plans, sound.source)
