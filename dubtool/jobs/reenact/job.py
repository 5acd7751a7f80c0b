"""`reenact`: let a portrait follow the head and face of a driver."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dubtool.errors import UsageError
from dubtool.face.shape import ShapeModel
from dubtool.face.transfer import Settle
from dubtool.jobs.reenact.driver import Driver, Look
from dubtool.jobs.reenact.motion_source import KeypointMotion, LandmarkMotion, MotionSource
from dubtool.jobs.reenact.portrait import Canvas, load_portrait
from dubtool.jobs.shared.calls import (
    IN_MEMORY,
    Cancel,
    Picture,
    Progress,
    Video,
    files_among,
    named,
    options_of,
    picture_file,
    place_of,
    video_file,
)
from dubtool.jobs.shared.contact_sheet import marked
from dubtool.jobs.shared.frame_output import FrameOutput
from dubtool.jobs.shared.frame_stream import stream
from dubtool.jobs.shared.frame_timeline import FrameTimeline, plan_timeline
from dubtool.jobs.shared.kept import KeptNetworks
from dubtool.jobs.shared.load import load_animator
from dubtool.jobs.shared.options import DEFAULT_ANIMATOR, ReenactOptions
from dubtool.jobs.shared.outputs import checked_output
from dubtool.jobs.shared.report import Report
from dubtool.jobs.shared.run import Opened, OpenOutput, Run, running
from dubtool.media.decode import VideoReader
from dubtool.media.frame import Frame
from dubtool.media.probe import MediaInfo
from dubtool.models.keypoint_animator import KeypointAnimator
from dubtool.trace import span
from dubtool.tracking.landmarks import FaceLandmarker
from dubtool.tracking.person import chosen_person
from dubtool.weights.locate import digests, find

SUFFIX = ".reenacted.mp4"
_LOST = "no face"

Step = tuple[int, Look, np.ndarray]


class Reenactor:
    """Reenacts with networks that are loaded once for each size of face. One video at a time.

    model, device, precision: as in `ReenactOptions`; they are the reenactor's own.

    Raises:
        UsageError: the values are refused. (Networks are loaded for the first portrait, whose size they depend on.)
    """

    def __init__(self, model: str = DEFAULT_ANIMATOR, device: str = "auto", *, precision: str = "auto") -> None:
        self._own = {"model": model, "device": device, "precision": precision}
        self._kept = KeptNetworks()
        options_of(ReenactOptions, None, self._own)

    def reenact(
        self,
        portrait: Picture,
        driver: Video,
        output: Path | str | None = None,
        options: ReenactOptions | None = None,
        *,
        frame_rate: Fraction | float | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
        **changes: Any,
    ) -> Report:
        """Write a video in which the face of `portrait` does what the face in `driver` does; see `reenact`."""
        return reenact(
            portrait,
            driver,
            output,
            options,
            frame_rate=frame_rate,
            progress=progress,
            cancel=cancel,
            networks=self._kept,
            **changes | self._own,
        )

    def frames(
        self,
        portrait: Picture,
        driver: Video,
        options: ReenactOptions | None = None,
        *,
        frame_rate: Fraction | float | None = None,
        progress: Progress | None = None,
        **changes: Any,
    ) -> Iterator[np.ndarray]:
        """The result's frames one after the other, uint8 RGB [H, W, 3], drawn as they are asked for.

        Closing the iterator stops the work. Errors are raised when the first frame is asked for.
        """
        chosen = options_of(ReenactOptions, options, changes | self._own)
        with running(chosen, _report(portrait, driver, IN_MEMORY, chosen), progress, networks=self._kept) as run:
            yield from run.pictures(_opened(run, portrait, video_file(driver, frame_rate, run.folder)))


def reenact(
    portrait: Picture,
    driver: Video,
    output: Path | str | None = None,
    options: ReenactOptions | None = None,
    *,
    frame_rate: Fraction | float | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    networks: KeptNetworks | None = None,
    **changes: Any,
) -> Report:
    """Write a video in which the face of `portrait` does what the face in `driver` does, with the driver's sound.

    Args:
        portrait: a picture of a face, a file or uint8 RGB [H, W, 3]. driver: any video of a face that ffmpeg reads, or
            pictures uint8 RGB [H, W, 3] with their `frame_rate`.
        output: where the result goes; by default "<portrait stem>.reenacted.mp4" beside the portrait.
        options, changes: the fields of `ReenactOptions`, as an object, by name, or both.
        progress: called with (stage, done, total or None) as work goes on. cancel: asked now and then whether to stop.
        networks: kept from one job to the next.

    Returns:
        the report; the file appears whole, or not at all.

    Raises:
        UsageError, InputError, NoFaceError, WeightsError, DeviceError, OutputError: one line each says what.
        CancelledError: `cancel` said so.
    """
    chosen = options_of(ReenactOptions, options, changes)
    files = files_among(portrait, driver)
    target = checked_output(place_of(portrait, output), output, vars(chosen), files, SUFFIX)
    with running(chosen, _report(portrait, driver, str(target), chosen), progress, cancel, networks) as run:
        return run.write(_opened(run, portrait, video_file(driver, frame_rate, run.folder)), target)


def _report(portrait: Picture, driver: Video, output: str, chosen: ReenactOptions) -> Report:
    return Report("reenact", output, {"portrait": named(portrait), "driver": named(driver)}, model=chosen.model)


def _opened(run: Run[ReenactOptions], portrait: Picture, driver: Path) -> Opened:
    picture = run.spooled.path(picture_file(portrait, run.folder))
    info = run.probe(driver)
    # The portrait's pictures have no fields.
    return Opened(info, partial(_draw, run, picture), *_written(info, run.options), fields=False)


def _draw(run: Run[ReenactOptions], path: Path, info: MediaInfo, open_output: OpenOutput) -> None:
    """The whole job, once it may be written."""
    options, report = run.options, run.report
    with report.timed("portrait"):
        portrait = load_portrait(path)
    with report.timed("load"):
        side = portrait.natural_side
        asked = (options.model, options.device, options.precision)
        animator, graphs = run.networks.get("reenact", (*asked, side), lambda: load_animator(*asked, natural_side=side))
        shapes = ShapeModel.load(find("face_shape"))
    report.device = animator.device
    report.weights = digests(graphs)
    if portrait.scaled:
        height, width = portrait.rgb.shape[:2]
        report.warn(f"{path} is larger than 4K: it was made smaller, {width} x {height}")
    tracked_video = run.track(info)
    person = chosen_person(info, tracked_video, options.face, shapes, use_cache=options.cache)
    whole = plan_timeline(tracked_video.times, tracked_video.durations, Fraction(0), length="video", loop="hold")
    timeline, begin = _part(whole, options)
    report.frames, report.duration = len(timeline), float(timeline.duration)
    used = np.zeros(tracked_video.tracks.frame_count, bool)
    used[timeline.source] = True
    canvas, reader = Canvas(portrait, animator.side, options.framing), VideoReader(info)
    with FaceLandmarker(find("face_landmarker")) as landmarker:
        driver = Driver(person, len(used), landmarker)
        with report.timed("reference"):
            seen = canvas.landmarks if options.motion == "relative" else None
            reference = driver.reference(VideoReader(info), seen, shapes, used)
        report.details["reference"] = reference.frame.index
        moves: MotionSource = (
            KeypointMotion(animator, canvas, reference, person.pixel_aspect, options)
            if isinstance(animator, KeypointAnimator)
            else LandmarkMotion(animator, canvas, driver, reference, shapes, options)
        )
        looks = driver.looks(reader.frames(timeline.source.tolist()))
        written, sound = _written(info, options)
        sound_start = max(info.require_video().start + begin, Fraction(0))
        with report.timed("reenact"), open_output(written, timeline, sound, sound_start) as outputs:
            stream(
                _steps(moves, looks, timeline, report),
                lambda batch: lambda: _frames(batch, moves, canvas, outputs),
                outputs,
                len(timeline),
                batch_size=options.batch_size,
                progress=run.stage("reenact"),
            )


def _steps(moves: MotionSource, looks: Iterable[Look], timeline: FrameTimeline, report: Report) -> Iterator[Step]:
    """Each output frame's number, the driver's frame, and how the portrait is to move."""
    settle, shot = Settle(moves.rest), -1
    for number, look in enumerate(looks):
        target = moves.target(look)
        jump = look.shot not in (shot, -1)
        move = settle.at(target, float(timeline.times[number]), jump=jump)
        if target is None:
            report.passed[_LOST] += 1
        else:
            report.dubbed += 1
            shot = look.shot
        yield number, look, move.astype(np.float32)


def _frames(
    batch: Sequence[Step], moves: MotionSource, canvas: Canvas, outputs: FrameOutput
) -> Iterator[tuple[int, Frame]]:
    """The frames of some steps, by their numbers."""
    with span("make faces"):
        made = moves.pictures(np.stack([move for _, _, move in batch]))
    for (number, look, move), picture in zip(batch, made, strict=True):
        with span("blend"):
            frame = canvas.frame(picture)
        if outputs.wants(number):
            tiles = partial(_tiles, canvas, moves, move, picture)
            outputs.show(number, canvas.beside(look.frame), frame, tiles)
        yield number, frame


def _tiles(canvas: Canvas, moves: MotionSource, move: np.ndarray, picture: np.ndarray) -> list[np.ndarray]:
    """The contact sheet's tiles of one frame."""
    return [marked(canvas.crop, moves.places(move)), np.clip(picture, 0, 255).astype(np.uint8)]


def _written(info: MediaInfo, options: ReenactOptions) -> tuple[MediaInfo, Path | None]:
    """What of the driver goes into the result, and the sound that is cut for it; None where all sound stays whole."""
    shown = info.drawn()
    if options.start is None and options.stop is None:
        return shown, None
    # Of a part only the main sound can be cut to the frame.
    shown = replace(shown, audio=(), other_streams=(), chapters=())
    return shown, info.path if info.main_audio is not None else None


def _part(timeline: FrameTimeline, options: ReenactOptions) -> tuple[FrameTimeline, Fraction]:
    """The part of the driver between `start` and `stop`, and where in it that begins, seconds.

    Raises:
        UsageError: no frame begins there.
    """
    start, stop = options.start or Fraction(0), timeline.duration if options.stop is None else options.stop
    inside = [place for place, time in enumerate(timeline.times) if start <= time < stop]
    if not inside:
        raise UsageError("no frame of the driver lies within the stretch to be reenacted; check --from and --to")
    begin, end = timeline.times[inside[0]], min(stop, timeline.duration)
    times = [timeline.times[place] - begin for place in inside]
    durations = [min(timeline.durations[place], end - timeline.times[place]) for place in inside]
    return FrameTimeline(timeline.source[inside], times, durations, end - begin), begin
