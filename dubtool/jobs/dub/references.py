"""What new mouths are made of and what drives them: reference frames chosen, shapes predicted, sharpness compared."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import cv2
import numpy as np

from dubtool.engine.side_by_side import SideBySide
from dubtool.face.blend import Placed
from dubtool.face.grain_match import Compared, matching
from dubtool.jobs.dub.conditioning import Conditioner, Conditions, ShapeConditioner, conditioner
from dubtool.jobs.dub.expression import TimedShapes
from dubtool.jobs.dub.hearing import Hearing
from dubtool.jobs.dub.painted import PaintedMouths
from dubtool.jobs.dub.plan import DubPlan
from dubtool.jobs.dub.reach import reach_of
from dubtool.jobs.dub.renderer import MouthRenderer
from dubtool.jobs.dub.retrieved import RetrievedMouths, Wanted
from dubtool.jobs.shared.course import MouthTold, PersonCourse
from dubtool.jobs.shared.frame_plan import FramePlan
from dubtool.jobs.shared.frame_stream import frames_of_rows
from dubtool.jobs.shared.known_shapes import MouthShapes
from dubtool.jobs.shared.load import Networks
from dubtool.jobs.shared.options import RETRIEVAL
from dubtool.jobs.shared.own_words import own_words
from dubtool.jobs.shared.report import Report
from dubtool.jobs.shared.teeth import Teeth
from dubtool.media.decode import VideoReader
from dubtool.media.frame import Frame

# Mouths that are made ahead, to see what they lack beside the real ones; filmed ones differ more among themselves.
_TRIED, _TRIED_FILMED = 6, 12
# Bytes of frames that are held from one pass over the video, which saves another one.
_HELD = 48 * 2**20

# Forty seconds of a person's own words tell their range.
_OWN_ROWS = 1000

# What the speech asks of some frames.
Asking = Callable[[Sequence[FramePlan]], Conditions | Wanted]


def prepared(
    plan: DubPlan,
    networks: Networks,
    reader: VideoReader,
    report: Report,
    details: dict[str, Any],
    course: PersonCourse,
    threads: SideBySide,
    hearing: Hearing,
) -> tuple[MouthRenderer, Asking]:
    """What draws the plan's mouths, its references read and its finish measured, and what it is asked for frames.

    report: gets the times. details, course: of the person, get the rest, and what is asked and shown by frames.
    threads: make mouths side by side. hearing: what is heard.
    """
    painter = PaintedMouths(networks.generator, plan.motion, plan.taught, plan.covers)
    retrieved = None
    tried, seen = _tried_plans(plan), dict[int, Frame]()
    with report.timed("references"):
        if plan.options.model == RETRIEVAL:
            retrieved = RetrievedMouths(
                plan.person, plan.model, painter, networks.mender, _bytes(plan.options.memory), plan.covers
            )
            also = sorted(tried) if len(tried) * reader.frame_bytes <= _HELD else []
            source, seen = _retrieval(plan, networks, retrieved, reader, details, course, also, hearing, threads)
        else:
            source = _conditioner(plan, networks)
            details["references"] = painter.prepare(reader, plan.allowed)

    def asked(frame_plans: Sequence[FramePlan]) -> Conditions | Wanted:
        numbers, rows, weight, times = plan.placed(frame_plans)
        conditions = source.at(times, rows, weight)
        wanted = conditions if retrieved is None else retrieved.wanted(conditions, numbers, rows)
        _note(course, plan, numbers, rows, wanted)
        return wanted

    teeth = None if networks.restorer is None else Teeth(networks.restorer, plan.person, "frame")
    renderer = MouthRenderer(plan.options, painter, retrieved, teeth, plan.motion.unit, plan.covers)
    with report.timed("finish"):
        grain_match = matching(
            _tried(plan, tried, seen, renderer, asked, reader, threads), filmed=retrieved is not None
        )
    if plan.covers.found:
        covered = [one for one in plan.frame_plans if one.weight > 0 and one.row in plan.covers.found]
        details["frames_partly_covered"] = len(covered)
    details["finish"] = asdict(grain_match)
    return replace(renderer, grain_match=grain_match), asked


def _conditioner(
    plan: DubPlan, networks: Networks, shapes: TimedShapes | None = None, *, drawing: bool = True
) -> Conditioner:
    spec = networks.generator.spec if drawing else replace(networks.generator.spec, drawing=False)
    return conditioner(
        spec,
        plan.motion,
        plan.model,
        plan.sound.path,
        expression=plan.expression,
        device=plan.options.device,
        shapes=shapes or plan.options.shapes,
    )


def _retrieval(
    plan: DubPlan,
    networks: Networks,
    retrieved: RetrievedMouths,
    reader: VideoReader,
    details: dict[str, Any],
    course: PersonCourse,
    also: Sequence[int],
    hearing: Hearing,
    threads: SideBySide,
) -> tuple[Conditioner, dict[int, Frame]]:
    """Find out which of the person's frames are to be shown; what drives them, and the frames of the rows `also`."""
    shapes = plan.options.shapes or _within_reach(plan, details, hearing)
    numbers, rows, weight, times = plan.placed([frame_plan for frame_plan in plan.frame_plans if frame_plan.weight > 0])
    bare = ShapeConditioner(shapes, plan.motion, plan.model, replace(networks.generator.spec, steps=1))
    wanted = bare.shapes(times, rows, weight)[:, 0]
    told, seen = retrieved.prepare(reader, plan.allowed, numbers, rows, wanted, len(plan.frame_plans), also, threads)
    details |= told
    course.references = details["references"]
    pictures = plan.info.require_video().pictures_a_frame
    course.switches = list(dict.fromkeys(number // pictures for number in retrieved.switches(numbers)))
    return _conditioner(plan, networks, shapes, drawing=retrieved.needs_painter), seen


def _note(
    course: PersonCourse, plan: DubPlan, numbers: np.ndarray, rows: np.ndarray, wanted: Conditions | Wanted
) -> None:
    """Note the mouths that are asked for; of fields those of the first of each frame."""
    motion, pictures = plan.motion, plan.info.require_video().pictures_a_frame
    conditions = wanted.conditions if isinstance(wanted, Wanted) else wanted
    painted = np.maximum(wanted.painted, wanted.inside) if isinstance(wanted, Wanted) else None
    asked = motion.opening_in_crop(conditions.mouths[:, 0], rows)
    for place, (number, row) in enumerate(zip(numbers.tolist(), rows.tolist(), strict=True)):
        if number % pictures == 0:
            # The unit crop is the mouth's box, from -1 to 1.
            to_picture = cv2.invertAffineTransform(motion.unit[row])
            course.mouths[number // pictures] = MouthTold(
                asked=float(asked[place]) if conditions.asks else None,
                x=float(to_picture[0, 2]),
                y=float(to_picture[1, 2]),
                side=2 * float(np.sqrt(abs(np.linalg.det(to_picture[:, :2])))),
                yaw=float(motion.angles[row, 1]),
                painted=None if painted is None else float(painted[place]),
            )


def _within_reach(plan: DubPlan, details: dict[str, Any], hearing: Hearing) -> MouthShapes:
    """The shapes that the speech is predicted to give, as this person would make them."""
    times = plan.times
    heard = hearing.shapes(plan.sound.path).at(times)
    usable = np.ones(len(plan.motion.frames), bool) if plan.allowed is None else plan.allowed
    rows = np.flatnonzero(usable & ~plan.motion.covered)[:_OWN_ROWS]
    own = own_words(plan.info, plan.motion, plan.seconds, rows, plan.model, hearing.film_shapes)
    reach = reach_of(plan.motion, usable, heard, plan.model, None if own.why else own)
    # What an adaptation has learned of the person's range is in the reach already.
    expression = replace(plan.expression, voice=1.0)
    details["reach"] = replace(reach, scale=round(reach.scale * expression.usual, 3)).as_dict()
    details["own_words"] = {"r": own.r, "lag": own.lag, "why": own.why}
    return MouthShapes(times, reach.bring(expression.of(heard, times), plan.model, plan.motion.rest))


def _tried_plans(plan: DubPlan) -> dict[int, FramePlan]:
    """Some of the mouths that will be made, by their rows of the motion."""
    whole = [frame_plan for frame_plan in plan.frame_plans if frame_plan.weight == 1]
    most = _TRIED_FILMED if plan.options.model == RETRIEVAL else _TRIED
    places = np.linspace(0, len(whole) - 1, min(most, len(whole))).astype(int)
    return {whole[place].row: whole[place] for place in places}


def _tried(
    plan: DubPlan,
    tried: Mapping[int, FramePlan],
    seen: dict[int, Frame],
    renderer: MouthRenderer,
    asked: Asking,
    reader: VideoReader,
    threads: SideBySide,
) -> Iterator[Compared]:
    """Some of the mouths that will be made, beside the real ones. seen: frames that were read before."""
    missing = [row for row in sorted(tried) if row not in seen]

    def made(row: int, frame: Frame, wanted: Conditions | Wanted) -> Placed | None:
        return renderer.make([frame], np.array([row]), wanted)[0]

    rows = itertools.chain(sorted(seen.items()), frames_of_rows(reader, plan.motion.frames, missing))
    given = ((row, frame, asked([tried[row]])) for row, frame in rows)
    for placed in threads.each(made, given):
        if placed is not None:
            yield placed.pair


def _bytes(megabytes: float | None) -> int | None:
    return None if megabytes is None else int(megabytes * 2**20)
