"""`dub`: make the mouth in a video say a speech. Reads like the way of a frame in the design."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from dubtool.engine.side_by_side import SideBySide
from dubtool.face.shape import ShapeModel
from dubtool.folders import temporary_folder
from dubtool.jobs.dub.cast_plan import CastPlan, plan_cast
from dubtool.jobs.dub.conditioning import drivers
from dubtool.jobs.dub.heard import cast_of, named_inputs, what_is_said
from dubtool.jobs.dub.hearing import Hearing
from dubtool.jobs.dub.lines import HEADERS_ERR, QUIET_RMS, Speeches
from dubtool.jobs.dub.plan import DubPlan, DubTask, person_course
from dubtool.jobs.dub.references import Asking, prepared
from dubtool.jobs.dub.renderer import Asked, CastRenderer
from dubtool.jobs.dub.speaking import plan_speaking
from dubtool.jobs.dub.turns_plan import plan_dub
from dubtool.jobs.shared.calls import (
    IN_MEMORY,
    Cancel,
    Progress,
    Sound,
    Video,
    files_among,
    named,
    options_of,
    place_of,
    video_file,
)
from dubtool.jobs.shared.cast import Cast
from dubtool.jobs.shared.cores import at_once, threads_each
from dubtool.jobs.shared.frame_plan import FramePlan
from dubtool.jobs.shared.frame_stream import Batch, changing, stream
from dubtool.jobs.shared.kept import KeptNetworks
from dubtool.jobs.shared.load import Networks, load_networks
from dubtool.jobs.shared.options import DEFAULT_MODEL, RETRIEVAL, DubOptions
from dubtool.jobs.shared.outputs import checked_output
from dubtool.jobs.shared.overrides import overrides_of
from dubtool.jobs.shared.own_words import LEAST_SECONDS
from dubtool.jobs.shared.report import Report
from dubtool.jobs.shared.run import Opened, OpenOutput, Run, running
from dubtool.jobs.shared.speakers import Turn
from dubtool.jobs.shared.turns_cast import cast_of_turns
from dubtool.jobs.shared.worker_pool import WorkerPool, assign_devices
from dubtool.media.audio import RATE, Speech, load_speech
from dubtool.media.decode import VideoReader
from dubtool.media.probe import MediaInfo
from dubtool.weights.locate import digests, find

# Frames that one thread of several takes at once.
_BATCH = 2


class Dubber:
    """Dubs with networks that are loaded once, here. One dub at a time.

    model, device, precision: as in `DubOptions`; they are the dubber's own and cannot be changed by a dub.

    Raises:
        UsageError, WeightsError, DeviceError: the model or the device cannot be used.
    """

    def __init__(self, model: str = DEFAULT_MODEL, device: str = "auto", *, precision: str = "auto") -> None:
        self._own = {"model": model, "device": device, "precision": precision}
        self._kept = KeptNetworks()
        _networks(options_of(DubOptions, None, self._own), self._kept)

    def dub(
        self,
        video: Video,
        speech: Sound | None = None,
        output: Path | str | None = None,
        options: DubOptions | None = None,
        *,
        frame_rate: Fraction | float | None = None,
        sample_rate: int | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
        **changes: Any,
    ) -> Report:
        """Write a copy of `video` whose mouth says `speech`; see `dub`."""
        return dub(
            video,
            speech,
            output,
            options,
            frame_rate=frame_rate,
            sample_rate=sample_rate,
            progress=progress,
            cancel=cancel,
            networks=self._kept,
            **changes | self._own,
        )

    def frames(
        self,
        video: Video,
        speech: Sound | None = None,
        options: DubOptions | None = None,
        *,
        frame_rate: Fraction | float | None = None,
        sample_rate: int | None = None,
        progress: Progress | None = None,
        **changes: Any,
    ) -> Iterator[np.ndarray]:
        """The dub's frames one after the other, uint8 RGB [H, W, 3], drawn as they are asked for; nothing is written.

        Closing the iterator stops the work. Arguments and errors are those of `dub`; options of files and encoders mean
        nothing here. Errors are raised when the first frame is asked for.
        """
        chosen = options_of(DubOptions, options, changes | self._own)
        chosen = replace(chosen, overrides=overrides_of(chosen.overrides))
        cast = cast_of(chosen, speech)
        with running(chosen, _report(video, speech, IN_MEMORY, chosen), progress, networks=self._kept) as run:
            said = what_is_said(speech, sample_rate, run.folder, chosen, cast)
            yield from run.pictures(_opened(run, video_file(video, frame_rate, run.folder), said, [chosen.device]))


def dub(
    video: Video,
    speech: Sound | None = None,
    output: Path | str | None = None,
    options: DubOptions | None = None,
    *,
    frame_rate: Fraction | float | None = None,
    sample_rate: int | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    devices: Sequence[str] = (),
    workers: int | None = None,
    networks: KeptNetworks | None = None,
    **changes: Any,
) -> Report:
    """Write a copy of `video` whose mouth says `speech`.

    Args:
        video: any video file that ffmpeg reads, or pictures uint8 RGB [H, W, 3] with their `frame_rate`. speech: any
            file with sound, or samples in -1..1 with their `sample_rate`. Files may be pipes. Where several people are
            to speak, there is an option `cast` instead of a speech: a table, or a `Cast`.
        output: where the result goes; by default "<video stem>.dubbed.mp4" beside the video.
        options, changes: the fields of `DubOptions`, as an object, by name, or both.
        progress: called with (stage, done, total or None) as work goes on. cancel: asked now and then whether to stop.
        devices, workers: share the drawing of this one file out to several processes; see `assign_devices`. The
            result is the same. They start anew from the main module, which must not dub when it is only imported.
        networks: kept from one job to the next.

    Returns:
        the report; the file appears whole, or not at all.

    Raises:
        UsageError, InputError, NoFaceError, WeightsError, DeviceError, OutputError: one line each says what.
        CancelledError: `cancel` said so.
    """
    chosen = options_of(DubOptions, options, changes)
    given, chosen = chosen.overrides, replace(chosen, overrides=overrides_of(chosen.overrides))
    pool = assign_devices(chosen.device, devices, workers)
    chosen = replace(chosen, device=pool[0])
    cast = cast_of(chosen, speech)
    heard = [] if cast is None else cast.speeches
    files = files_among(video, speech, chosen.soundtrack, chosen.cast, chosen.cues, given, *heard)
    target = checked_output(place_of(video, output), output, _asked_for(chosen), files)
    with running(chosen, _report(video, speech, str(target), chosen), progress, cancel, networks) as run:
        said = what_is_said(speech, sample_rate, run.folder, chosen, cast)
        return run.write(_opened(run, video_file(video, frame_rate, run.folder), said, pool), target)


def _opened(run: Run[DubOptions], video: Path, said: Path | Cast, pool: Sequence[str]) -> Opened:
    """said: a file for one person, or a cast. pool: the device of each worker."""
    info = run.probe(video)
    heard = _heard(run, info, said)
    soundtrack = run.options.soundtrack
    if soundtrack is not None:
        sound = soundtrack = run.spooled.path(soundtrack)
    else:
        # A sound of the kind that goes into the result.
        sound = heard.source if isinstance(heard, Speech) else heard.sample()
    return Opened(info, _Dubbing(run, said, heard, soundtrack, pool).draw, info, sound)


def _heard(run: Run[DubOptions], info: MediaInfo, said: Path | Cast) -> Speech | Speeches:
    """What is said, decoded for analysis."""
    with run.report.timed("speech"):
        if isinstance(said, Cast):
            speeches = Speeches(said, run.spooled.path, run.folder)
            if info.duration is not None:
                # What is far beyond the film is told before faces are looked for; headers are not exact.
                speeches.lines(info.duration, run.options.fit, HEADERS_ERR)
            return speeches
        sound = load_speech(run.spooled.path(said), run.folder)
    if sound.rms < QUIET_RMS:
        run.report.warn(f"{sound.source} is silent: the mouth will stay at rest")
    if sound.decode_failures:
        run.report.warn(f"{sound.source}: {sound.decode_failures} damaged packets were passed over")
    return sound


@dataclass(frozen=True)
class _Dubbing:
    """One dub whose inputs are open. soundtrack: instead of what is heard; None: there is none."""

    run: Run[DubOptions]
    said: Path | Cast
    heard: Speech | Speeches
    soundtrack: Path | None
    pool: Sequence[str]

    def draw(self, info: MediaInfo, open_output: OpenOutput) -> None:
        """Plan, and draw every frame: decoded, changed where it is to be, and written."""
        device = self.run.options.device
        # The film's sound is no longer wanted when drawing begins, but what reads it may be kept until then.
        with temporary_folder() as folder, SideBySide(at_once()) as threads:
            hearing = Hearing(threads, device, threads_each(), cache=self.run.options.cache)
            if self.run.options.model == RETRIEVAL and self.run.options.shapes is None:
                if isinstance(self.heard, Speech):
                    hearing.begin(self.heard.path)
                if info.audio and (info.duration or 0) >= LEAST_SECONDS:
                    hearing.begin_film(info, folder)
            self._drawn(info, open_output, threads, hearing)

    def _drawn(self, info: MediaInfo, open_output: OpenOutput, threads: SideBySide, hearing: Hearing) -> None:
        run, pool, pictures = self.run, self.pool, info.require_video().pictures_a_frame
        report = run.report
        # Threads side by side are kept busy by small batches.
        batch_size = min(run.options.batch_size, _BATCH) if threads.count > 1 else run.options.batch_size
        networks, plan = self._planned(info, threads)
        reader = VideoReader(info)
        people = []
        assert report.course is not None, "whoever plans tells it"
        for one, own in plan.people:
            course = person_course(one, str(own.details.get("face", run.options.face)))
            report.course.people.append(course)
            if own.dubbed:
                sharing = _sharing(one, len(plan.people))
                drawn = prepared(sharing, networks, reader, report, own.details, course, threads, hearing)
                people.append((one, *drawn))
        hearing.forget()
        if isinstance(self.said, Cast) or plan.turns or len(plan.people) > 1:
            report.details["people"] = [_told(own) for _, own in plan.people]
        renderer = CastRenderer([drawn for _, drawn, _ in people])

        def asked(batch: Batch) -> list[Asked | None]:
            numbers = [frame_plan.number for frame_plan, _ in batch]
            return [_asked([one.frame_plans[number] for number in numbers], asking) for one, _, asking in people]

        with (
            report.timed("dub"),
            open_output(
                info, plan.timeline, self.soundtrack or plan.soundtrack, cast=self._who_speaks(plan.turns)
            ) as outputs,
            WorkerPool(renderer, pool, batch_size) as others,
        ):
            alone = len(pool) == 1

            def change(batch: Batch) -> Callable[[], None]:
                if alone:
                    return threads.start(renderer.change, batch, asked(batch), outputs)
                return others.change(batch, asked(batch), outputs)

            stream(
                zip(plan.frame_plans, reader.frames(plan.timeline.source.tolist()), strict=True),
                changing(change),
                outputs,
                len(plan.frame_plans),
                batch_size=batch_size,
                progress=run.stage("dub"),
                ahead=threads.ahead if alone else others.ahead,
                pictures=pictures,
            )

    def _planned(self, info: MediaInfo, threads: SideBySide) -> tuple[Networks, CastPlan]:
        run, options, report, heard = self.run, self.run.options, self.run.report, self.heard
        with report.timed("load"):
            networks = _networks(options, run.networks)
            model = ShapeModel.load(find("face_shape"))
        report.device = networks.generator.device if len(self.pool) == 1 else ", ".join(dict.fromkeys(self.pool))
        report.details["workers"] = len(self.pool)
        report.weights = digests([*networks.graphs, *drivers(networks.generator.spec)])
        if options.adapted is not None:
            report.details["adapted"] = options.adapted.as_dict()
            if options.adapted.painter.used:
                report.weights |= options.adapted.weights
        task = DubTask(info, run.track(info), options, model, report, threads)
        if isinstance(heard, Speeches):
            return networks, plan_cast(task, heard)
        if options.speaking:
            with report.timed("speakers"), temporary_folder() as own:
                return networks, plan_speaking(task, heard, own)
        return networks, plan_dub(task, heard)

    def _who_speaks(self, turns: Sequence[Turn]) -> Cast | None:
        """Who speaks when, where the film's sound told."""
        if not turns or not isinstance(self.heard, Speech):
            return None
        return cast_of_turns(turns, Path(named(self.said)).absolute(), Fraction(self.heard.samples, RATE))


def _asked_for(options: DubOptions) -> dict[str, Any]:
    """The options, and whether a table of who speaks is written."""
    return vars(options) | {"speaking": options.speaking}


def _networks(options: DubOptions, kept: KeptNetworks) -> Networks:
    adapted = None
    if options.adapted is not None and options.adapted.painter.used:
        # What is kept in its folder may be taught anew meanwhile.
        adapted = (options.adapted.folder, options.adapted.painter.sharpen, *options.adapted.weights.values())
    restorer = options.restorer if options.restore_teeth else None
    key = (options.model, options.device, options.precision, adapted, restorer)
    return kept.get("dub", key, lambda: load_networks(options, threads_each()))


def _sharing(plan: DubPlan, count: int) -> DubPlan:
    """The plan of one of `count` people, who share the memory that is allowed."""
    memory = plan.options.memory
    return plan if memory is None else replace(plan, options=replace(plan.options, memory=memory / count))


def _asked(frame_plans: list[FramePlan], asking: Asking) -> Asked | None:
    """What one person is asked for in a batch; None where there is nothing to change."""
    changed = [frame_plan for frame_plan in frame_plans if frame_plan.weight > 0]
    return Asked(changed, asking(changed)) if changed else None


def _told(own: Report) -> dict[str, Any]:
    """What the report says of one person."""
    details = dict(own.details)
    face, lines = details.pop("face"), details.pop("lines")
    return {"face": face, "lines": lines, "dubbed": own.dubbed, "passed": dict(own.passed)} | details


def _report(video: Video, speech: Sound | None, output: str, options: DubOptions) -> Report:
    return Report("dub", output, named_inputs(video, speech, options), model=options.model)
