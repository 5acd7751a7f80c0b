"""The dub of whoever speaks: the film's own sound tells whose mouth it is, one mouth at a time."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from dubtool.face.shape import ShapeModel
from dubtool.jobs.dub.conditioning import Conditions
from dubtool.jobs.dub.plan import DubPlan, plan_person
from dubtool.jobs.dub.references import Asking, prepared
from dubtool.jobs.dub.renderer import MouthRenderer
from dubtool.jobs.dub.retrieved import Wanted
from dubtool.jobs.shared.frame_plan import FramePlan, count, require_changed_frames
from dubtool.jobs.shared.frame_stream import Batch
from dubtool.jobs.shared.frame_timeline import FrameTimeline, plan_timeline
from dubtool.jobs.shared.load import Networks
from dubtool.jobs.shared.options import DubOptions
from dubtool.jobs.shared.report import Report
from dubtool.jobs.shared.speakers import Speakers, Turn, who_speaks
from dubtool.jobs.shared.worker_pool import Shown
from dubtool.media.audio import RATE, Speech
from dubtool.media.decode import VideoReader
from dubtool.media.probe import MediaInfo
from dubtool.tracking.person import VideoPeople
from dubtool.tracking.track_video import TrackedVideo

_NOBODY_SPEAKS = "nobody speaks"


@dataclass(frozen=True)
class SpeakingPlan:
    """people: the plans of those who speak, by name. owner: number among them of whose each output frame is, -1 for
    nobody's, int64 [N]. turns: who speaks when, seconds of the film."""

    timeline: FrameTimeline
    people: dict[str, DubPlan]
    owner: np.ndarray
    frame_plans: list[FramePlan]
    turns: list[Turn]


def plan_speaking(
    info: MediaInfo,
    options: DubOptions,
    model: ShapeModel,
    sound: Speech,
    tracked_video: TrackedVideo,
    folder: Path,
    report: Report,
) -> SpeakingPlan:
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
    )
    named = {turn.name: turn.person for turn in speakers.turns}
    owner = _owners(speakers.turns, list(named), tracked_video.times)[timeline.source]
    plans = {
        name: plan_person(
            info, options, model, sound, tracked_video, timeline, people.moving(person), speaking=owner == number
        )
        for number, (name, person) in enumerate(named.items())
    }
    each = list(plans.values())
    frame_plans = [
        each[who].frame_plans[number] if who >= 0 else FramePlan(number, -1, 0.0, _NOBODY_SPEAKS)
        for number, who in enumerate(owner.tolist())
    ]
    report.frames, report.duration = len(timeline.times), float(timeline.duration)
    count(frame_plans, report)
    tell_speakers(speakers, info, report)
    require_changed_frames(report, info.path, "dubbed")
    return SpeakingPlan(timeline, plans, owner, frame_plans, speakers.turns)


def tell_speakers(speakers: Speakers, info: MediaInfo, report: Report) -> None:
    """Say in the report who speaks when, and how far sound and picture are apart."""
    report.details["speaking"] = [
        {"face": turn.name, "from": float(turn.start), "to": float(turn.stop)} for turn in speakers.turns
    ]
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


@dataclass(frozen=True)
class SpeakersRenderer:
    """Draws each frame's mouth by the renderer of whose frame it is."""

    people: list[MouthRenderer | None]
    owner: np.ndarray

    def equip(self, device: str) -> None:
        """Load the networks in another process."""
        for person in self.people:
            if person is not None:
                person.equip(device)

    def change(self, batch: Batch, wanted: Sequence[tuple[int, Conditions | Wanted]], outputs: Shown) -> None:
        """Change the batch's frames in place. wanted: what each person is asked for, by number."""
        for who, asked in wanted:
            person = self.people[who]
            assert person is not None
            mine = [(frame_plan, frame) for frame_plan, frame in batch if self.owner[frame_plan.number] == who]
            person.change(mine, asked, outputs)


def prepared_speakers(
    plan: SpeakingPlan, networks: Networks, reader: VideoReader, report: Report
) -> tuple[SpeakersRenderer, Callable[[Sequence[FramePlan]], list[tuple[int, Conditions | Wanted]]]]:
    """What draws the mouths of all who speak, and what it is asked for frames; see `prepared`."""
    renderers: list[MouthRenderer | None] = []
    asking: list[Asking | None] = []
    told: dict[str, Any] = {}
    for number, (name, one) in enumerate(plan.people.items()):
        own = Report("dub", "", {})
        if not any(frame_plan.weight > 0 for frame_plan in one.frame_plans):
            renderers.append(None)
            asking.append(None)
            continue
        if one.options.memory is not None:
            one = replace(one, options=replace(one.options, memory=one.options.memory / len(plan.people)))
        # The references of one person must not take the place of another's, who is drawn by the same network.
        mine = replace(networks, generator=copy.copy(networks.generator))
        renderer, asked = prepared(one, mine, reader, own)
        renderers.append(renderer)
        asking.append(asked)
        told[name] = {"frames": int((plan.owner == number).sum())} | own.details
        for stage, seconds in own.seconds.items():
            report.seconds[stage] = round(report.seconds.get(stage, 0.0) + seconds, 3)
    report.details["people"] = told

    def asked_of(frame_plans: Sequence[FramePlan]) -> list[tuple[int, Conditions | Wanted]]:
        found = []
        for who in dict.fromkeys(plan.owner[[one.number for one in frame_plans]].tolist()):
            ask = asking[who]
            assert ask is not None
            found.append((who, ask([one for one in frame_plans if plan.owner[one.number] == who])))
        return found

    return SpeakersRenderer(renderers, plan.owner), asked_of
