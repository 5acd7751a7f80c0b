"""The plan of one speech that goes from mouth to mouth: each frame is one person's, or nobody's."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np

from dubtool.errors import UsageError
from dubtool.face.shape import ShapeModel
from dubtool.jobs.dub.cast_plan import CastPlan, own_report
from dubtool.jobs.dub.overriding import Overriding
from dubtool.jobs.dub.plan import plan_person, tell_plans
from dubtool.jobs.shared.course import stretches
from dubtool.jobs.shared.frame_plan import NOBODY_SPEAKS, FramePlan
from dubtool.jobs.shared.frame_timeline import FrameTimeline, plan_timeline
from dubtool.jobs.shared.options import DubOptions
from dubtool.jobs.shared.overrides import overrides_of
from dubtool.jobs.shared.report import Report
from dubtool.media.audio import RATE, Speech
from dubtool.media.probe import MediaInfo
from dubtool.tracking.people import names
from dubtool.tracking.person import Chosen, VideoPeople
from dubtool.tracking.track_video import TrackedVideo


def timeline_of(info: MediaInfo, options: DubOptions, sound: Speech, tracked_video: TrackedVideo) -> FrameTimeline:
    """The timeline of a film that one speech is said in."""
    return plan_timeline(
        tracked_video.times,
        tracked_video.durations,
        Fraction(sound.samples, RATE),
        length=options.length,
        loop=options.loop,
        pictures=info.require_video().pictures_a_frame,
    )


def plan_dub(
    info: MediaInfo, options: DubOptions, model: ShapeModel, sound: Speech, tracked_video: TrackedVideo, report: Report
) -> CastPlan:
    """Plan the dub of one person, or, where overrides give stretches to others, of several; the report is told what
    will happen to how many frames.

    Raises:
        UsageError, NoFaceError: somebody is not there, or no frame can be dubbed. WeightsError: see `VideoPeople`.
    """
    people = VideoPeople(info, tracked_video, model, use_cache=options.cache)
    timeline = timeline_of(info, options, sound, tracked_video)
    overriding = Overriding(overrides_of(options.overrides), people.chosen, timeline.duration)
    first = people.chosen(options.face)
    named = {options.face: first}
    owner = given_over(np.zeros(len(timeline), int), named, overriding, people, timeline, options)
    if len(named) > 1:
        return plan_turns(info, options, model, sound, tracked_video, timeline, named, owner, overriding, report)
    own = overriding.of(first)
    overriding.check([first])
    plan = plan_person(info, options, model, sound, tracked_video, timeline, first, report, None, own)
    tell_plans(plan.frame_plans, info, timeline, tracked_video, options, report)
    return CastPlan(timeline, [(plan, report)], plan.frame_plans, sound.source)


def given_over(
    owner: np.ndarray,
    named: dict[str, Chosen],
    overriding: Overriding,
    people: VideoPeople,
    timeline: FrameTimeline,
    options: DubOptions,
) -> np.ndarray:
    """Whose each frame is once overrides have given some to others, who are added to `named`: int64 [N], -1 for
    nobody's.

    Raises:
        UsageError, NoFaceError, InputError: a row names nobody of the film, or others than whom was adapted to.
    """
    before, owner = list(named.values()), owner.copy()
    at = timeline.seconds
    for row in overriding.rows:
        if not row.face:
            continue
        if options.adapted is not None:
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
    info: MediaInfo,
    options: DubOptions,
    model: ShapeModel,
    sound: Speech,
    tracked_video: TrackedVideo,
    timeline: FrameTimeline,
    named: Mapping[str, Chosen],
    owner: np.ndarray,
    overriding: Overriding,
    report: Report,
) -> CastPlan:
    """Plan the dub of several people of whom one speaks at a time. named: what they are called. owner: whose each frame
    is, by number, -1 for nobody's: int64 [N].

    Raises:
        UsageError, NoFaceError: no frame can be dubbed, or a row of the overrides is about nobody.
    """
    overriding.check(list(named.values()))
    plans = [
        plan_person(
            info, options, model, sound, tracked_video, timeline, chosen, report, owner == number, overriding.of(chosen)
        )
        for number, chosen in enumerate(named.values())
    ]
    frame_plans = [
        plans[who].frame_plans[number] if who >= 0 else FramePlan(number, -1, 0.0, NOBODY_SPEAKS)
        for number, who in enumerate(owner.tolist())
    ]
    tell_plans(frame_plans, info, timeline, tracked_video, options, report)
    ends = [*timeline.times, timeline.duration]
    told = []
    for number, (name, plan) in enumerate(zip(named, plans, strict=True)):
        mine = stretches(["speaks" if who == number else "" for who in owner.tolist()])
        lines = [{"from": float(ends[start]), "to": float(ends[stop])} for start, stop, _ in mine]
        told.append((plan, own_report(plan, name, lines)))
    return CastPlan(timeline, told, frame_plans, sound.source)
