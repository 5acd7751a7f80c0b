"""`reenact`: let a portrait follow the head and face of a driver."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dubtool.engine.pipeline import Background, batched, prefetched
from dubtool.errors import UsageError
from dubtool.face.shape import ShapeModel
from dubtool.face.transfer import Settle
from dubtool.folders import temporary_folder
from dubtool.jobs.reenact.driver import Driver, Look
from dubtool.jobs.reenact.motion_source import KeypointMotion, LandmarkMotion, MotionSource
from dubtool.jobs.reenact.portrait import Canvas, Portrait, load_portrait
from dubtool.jobs.shared.calls import (
    IN_MEMORY,
    Cancel,
    Picture,
    Progress,
    Video,
    files_among,
    heeding,
    named,
    options_of,
    picture_file,
    place_of,
    video_file,
)
from dubtool.jobs.shared.contact_sheet import marked
from dubtool.jobs.shared.frame_sink import FrameSink
from dubtool.jobs.shared.frame_timeline import FrameTimeline, plan_timeline
from dubtool.jobs.shared.interlacing import without_fields
from dubtool.jobs.shared.kept import KeptNetworks
from dubtool.jobs.shared.load import load_animator
from dubtool.jobs.shared.options import DEFAULT_ANIMATOR, ReenactOptions
from dubtool.jobs.shared.outputs import Outputs, check_writing, checked_output
from dubtool.jobs.shared.report import Report
from dubtool.media.decode import VideoReader
from dubtool.media.probe import MediaInfo, probe
from dubtool.media.spool import spooling
from dubtool.models.animator import Animator
from dubtool.models.keypoint_animator import KeypointAnimator
from dubtool.tracking.landmarks import FaceLandmarker
from dubtool.tracking.person import chosen_person
from dubtool.tracking.track_video import TrackedVideo, track_video
from dubtool.weights.locate import digests, find

SUFFIX = ".reenacted.mp4"
_LOST = "no face"
_QUEUE = 6

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
        with temporary_folder() as folder, spooling() as spooled:
            picture = spooled.path(picture_file(portrait, folder))
            given = spooled.path(video_file(driver, frame_rate, folder))
            report, sink = _report(portrait, driver, IN_MEMORY, chosen), FrameSink()
            tell = heeding(progress, None)

            def draw() -> None:
                info = without_fields(probe(given), chosen.deinterlace, report)
                with _planned(picture, info, chosen, report, tell, self._kept) as job:
                    job.run(lambda: sink, lambda done, total: tell("reenact", done, total))

            yield from sink.pictures(draw)


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
    tell = heeding(progress, cancel)
    files = files_among(portrait, driver)
    target = checked_output(place_of(portrait, output), output, vars(chosen), files, SUFFIX)
    report = _report(portrait, driver, str(target), chosen)
    with temporary_folder() as folder, spooling() as spooled:
        report.told = spooled.told
        picture = spooled.path(picture_file(portrait, folder))
        info = probe(spooled.path(video_file(driver, frame_rate, folder)))
        info.require_video()
        check_writing(target, vars(chosen), *_written(info, chosen))
        # The portrait's pictures have no fields.
        info = without_fields(info, chosen.deinterlace, report)
        with _planned(picture, info, chosen, report, tell, networks or KeptNetworks()) as job:
            job.run(lambda: job.outputs(target), lambda done, total: tell("reenact", done, total))
    return report


def _report(portrait: Picture, driver: Video, output: str, chosen: ReenactOptions) -> Report:
    return Report("reenact", output, {"portrait": named(portrait), "driver": named(driver)}, model=chosen.model)


@contextlib.contextmanager
def _planned(
    portrait: Path, info: MediaInfo, chosen: ReenactOptions, report: Report, tell: Progress, kept: KeptNetworks
) -> Iterator[_Job]:
    with report.timed("portrait"):
        picture = load_portrait(portrait)
    with report.timed("load"):
        key = (chosen.model, chosen.device, chosen.precision, picture.natural_side)
        animator, graphs = kept.get("reenact", key, lambda: load_animator(*key[:3], natural_side=picture.natural_side))
        shapes = ShapeModel.load(find("face_shape"))
    report.device = animator.device
    report.weights = digests(graphs)
    if picture.scaled:
        height, width = picture.rgb.shape[:2]
        report.warn(f"{portrait} is larger than 4K: it was made smaller, {width} x {height}")
    with report.timed("track"):
        tracked_video = track_video(
            info, use_cache=chosen.cache, progress=lambda done, total: tell("track", done, total)
        )
    with FaceLandmarker(find("face_landmarker")) as landmarker:
        yield _Job(info, chosen, picture, animator, shapes, tracked_video, landmarker, report)


class _Job:
    """One reenactment, once everything is loaded."""

    def __init__(
        self,
        info: MediaInfo,
        options: ReenactOptions,
        portrait: Portrait,
        animator: Animator | KeypointAnimator,
        shapes: ShapeModel,
        tracked_video: TrackedVideo,
        landmarker: FaceLandmarker,
        report: Report,
    ) -> None:
        self.info, self.options, self.report = info, options, report
        self.canvas = Canvas(portrait, animator.side, options.framing)
        person, count = (
            chosen_person(info, tracked_video, options.face, shapes, use_cache=options.cache),
            tracked_video.tracks.frame_count,
        )
        self.driver = Driver(person, count, landmarker)
        whole = plan_timeline(tracked_video.times, tracked_video.durations, Fraction(0), length="video", loop="hold")
        self.timeline, self.begin = _part(whole, options)
        report.frames, report.duration = len(self.timeline), float(self.timeline.duration)
        if tracked_video.decode_failures:
            report.warn(f"{info.path}: {tracked_video.decode_failures} damaged packets were passed over")
        used = np.zeros(count, bool)
        used[self.timeline.source] = True
        self.moves = self._moves(animator, person.pixel_aspect, shapes, used)

    def run(
        self, open_outputs: Callable[[], Outputs | FrameSink], progress: Callable[[float, float | None], None]
    ) -> None:
        """Draw everything into what `open_outputs` gives."""
        reader = VideoReader(self.info)
        with self.report.timed("reenact"), open_outputs() as outputs, Background(outputs.write, _QUEUE) as sink:
            coming = prefetched(self._steps(reader), _QUEUE)
            try:
                for batch in batched(coming, self.options.batch_size):
                    made = self.moves.pictures(np.stack([move for _, _, move in batch]))
                    for (number, look, move), picture in zip(batch, made, strict=True):
                        frame = self.canvas.frame(picture)
                        if outputs.wants(number):
                            tiles = partial(self._tiles, move, picture)
                            outputs.show(number, self.canvas.beside(look.frame), frame, tiles)
                        sink.put((number, frame))
                    progress(batch[-1][0] + 1, len(self.timeline))
            finally:
                coming.close()

    def _steps(self, reader: VideoReader) -> Iterator[Step]:
        """Each output frame's number, the driver's frame, and how the portrait is to move."""
        settle, shot = Settle(self.moves.rest), -1
        looks = self.driver.looks(reader.frames(self.timeline.source.tolist()))
        for number, look in enumerate(looks):
            target = self.moves.target(look)
            jump = look.shot not in (shot, -1)
            move = settle.at(target, float(self.timeline.times[number]), jump=jump)
            if target is None:
                self.report.passed[_LOST] += 1
            else:
                self.report.dubbed += 1
                shot = look.shot
            yield number, look, move.astype(np.float32)

    def _moves(
        self, animator: Animator | KeypointAnimator, aspect: float, shapes: ShapeModel, used: np.ndarray
    ) -> MotionSource:
        portrait = self.canvas.landmarks if self.options.motion == "relative" else None
        with self.report.timed("reference"):
            reference = self.driver.reference(VideoReader(self.info), portrait, shapes, used)
        self.report.details["reference"] = reference.frame.index
        if isinstance(animator, KeypointAnimator):
            return KeypointMotion(animator, self.canvas, reference, aspect, self.options)
        return LandmarkMotion(animator, self.canvas, self.driver, reference, shapes, self.options)

    def outputs(self, target: Path) -> Outputs:
        """The files to be written: shaped as the portrait, with the driver's sound, times and tags."""
        begin = max(self.info.require_video().start + self.begin, Fraction(0))
        shown, sound = _written(self.info, self.options)
        return Outputs(target, shown, self.options, self.timeline, self.report, sound, begin)

    def _tiles(self, move: np.ndarray, picture: np.ndarray) -> list[np.ndarray]:
        """The contact sheet's tiles of one frame."""
        return [marked(self.canvas.crop, self.moves.places(move)), np.clip(picture, 0, 255).astype(np.uint8)]


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
