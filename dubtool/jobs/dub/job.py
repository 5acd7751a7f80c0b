"""`dub`: make the mouth in a video say a speech. Reads like the way of a frame in the design."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dubtool.face.shape import ShapeModel
from dubtool.folders import temporary_folder
from dubtool.jobs.dub.conditioning import drivers
from dubtool.jobs.dub.plan import DubPlan, plan_dub
from dubtool.jobs.dub.references import prepared
from dubtool.jobs.shared.calls import (
    IN_MEMORY,
    Cancel,
    Progress,
    Sound,
    Video,
    files_among,
    heeding,
    named,
    options_of,
    place_of,
    sound_file,
    video_file,
)
from dubtool.jobs.shared.frame_output import FrameOutput
from dubtool.jobs.shared.frame_sink import FrameSink
from dubtool.jobs.shared.frame_stream import stream
from dubtool.jobs.shared.interlacing import with_fields, without_fields
from dubtool.jobs.shared.kept import KeptNetworks
from dubtool.jobs.shared.load import Networks, load_networks
from dubtool.jobs.shared.options import DEFAULT_MODEL, DubOptions
from dubtool.jobs.shared.outputs import check_writing, checked_output, open_outputs
from dubtool.jobs.shared.report import Report
from dubtool.jobs.shared.worker_pool import WorkerPool, assign_devices
from dubtool.media.audio import Speech, load_speech
from dubtool.media.decode import VideoReader
from dubtool.media.probe import MediaInfo, probe
from dubtool.media.spool import spooling
from dubtool.tracking.track_video import track_video
from dubtool.weights.locate import digests, find

_QUIET_RMS = 1e-4


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
        speech: Sound,
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
        speech: Sound,
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
        with temporary_folder() as folder:
            files = video_file(video, frame_rate, folder), sound_file(speech, sample_rate, folder)
            job = _Job(*files, chosen, _report(video, speech, IN_MEMORY, chosen), heeding(progress, None), self._kept)
            sink = FrameSink()
            yield from sink.pictures(lambda: job.draw(sink))


def dub(
    video: Video,
    speech: Sound,
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
            file with sound, or samples in -1..1 with their `sample_rate`. Files may be pipes.
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
    pool = assign_devices(chosen.device, devices, workers)
    chosen = replace(chosen, device=pool[0])
    files = files_among(video, speech, chosen.soundtrack)
    target = checked_output(place_of(video, output), output, vars(chosen), files)
    report = _report(video, speech, str(target), chosen)
    with temporary_folder() as folder:
        inputs = video_file(video, frame_rate, folder), sound_file(speech, sample_rate, folder)
        job = _Job(*inputs, chosen, report, heeding(progress, cancel), networks or KeptNetworks())
        job.write(target, pool)
    return report


class _Job:
    """One dub from files to frames."""

    def __init__(
        self, video: Path, speech: Path, options: DubOptions, report: Report, tell: Progress, kept: KeptNetworks
    ) -> None:
        self._video, self._speech, self._options = video, speech, options
        self._report, self._tell, self._kept = report, tell, kept

    def write(self, target: Path, pool: Sequence[str]) -> None:
        """Dub into files. pool: the device of each worker."""
        with spooling() as spooled, temporary_folder() as folder:
            self._report.told = spooled.told
            options = self._options
            if options.soundtrack is not None:
                options = replace(options, soundtrack=spooled.path(options.soundtrack))
            info, sound = self._open(spooled.path(self._video), spooled.path(self._speech), folder)
            codec = check_writing(target, vars(options), info, options.soundtrack or sound.source)
            info = with_fields(info, codec, options.deinterlace, self._report)
            networks, plan = self._planned(info, sound, options, pool)
            soundtrack = options.soundtrack or sound.source
            outputs = partial(open_outputs, target, plan.info, options, plan.timeline, self._report, soundtrack)
            self._draw(networks, plan, outputs, pool)

    def draw(self, sink: FrameSink) -> None:
        """Dub into a sink of frames."""
        with spooling() as spooled, temporary_folder() as folder:
            info, sound = self._open(spooled.path(self._video), spooled.path(self._speech), folder)
            info = without_fields(info, self._options.deinterlace, self._report)
            device = self._options.device
            networks, plan = self._planned(info, sound, self._options, [device])
            self._draw(networks, plan, lambda: sink, [device])

    def _open(self, video: Path, speech: Path, folder: Path) -> tuple[MediaInfo, Speech]:
        info = probe(video)
        info.require_video()
        with self._report.timed("speech"):
            sound = load_speech(speech, folder)
        if sound.rms < _QUIET_RMS:
            self._report.warn(f"{sound.source} is silent: the mouth will stay at rest")
        if sound.decode_failures:
            self._report.warn(f"{sound.source}: {sound.decode_failures} damaged packets were passed over")
        return info, sound

    def _planned(
        self, info: MediaInfo, sound: Speech, options: DubOptions, pool: Sequence[str]
    ) -> tuple[Networks, DubPlan]:
        report = self._report
        with report.timed("load"):
            networks = _networks(options, self._kept)
            model = ShapeModel.load(find("face_shape"))
        report.device = networks.generator.device if len(pool) == 1 else ", ".join(dict.fromkeys(pool))
        report.details["workers"] = len(pool)
        report.weights = digests([*networks.graphs, *drivers(networks.generator.spec)])
        if options.adapted is not None:
            report.details["adapted"] = options.adapted.as_dict()
            if options.adapted.painter.used:
                report.weights |= options.adapted.weights
        with report.timed("track"):
            tracked_video = track_video(info, use_cache=options.cache, progress=self._stage("track"))
        return networks, plan_dub(info, options, model, sound, tracked_video, report)

    def _draw(
        self, networks: Networks, plan: DubPlan, outputs_of: Callable[[], FrameOutput], pool: Sequence[str]
    ) -> None:
        """Pass 2: every frame decoded, changed where it is to be, and written."""
        reader = VideoReader(plan.info)
        renderer, asked = prepared(plan, networks, reader, self._report)
        with (
            self._report.timed("dub"),
            outputs_of() as outputs,
            WorkerPool(renderer, pool, plan.options.batch_size) as others,
        ):
            change = renderer.change if len(pool) == 1 else others.change
            stream(
                plan.frame_plans,
                reader.frames(plan.timeline.source.tolist()),
                lambda batch: change(batch, asked([frame_plan for frame_plan, _ in batch]), outputs),
                outputs,
                batch_size=plan.options.batch_size,
                progress=self._stage("dub"),
                ahead=0 if len(pool) == 1 else others.ahead,
                pictures=plan.info.require_video().pictures_a_frame,
            )

    def _stage(self, name: str) -> Callable[[float, float | None], None]:
        return lambda done, total: self._tell(name, done, total)


def _networks(options: DubOptions, kept: KeptNetworks) -> Networks:
    adapted = None
    if options.adapted is not None and options.adapted.painter.used:
        # What is kept in its folder may be taught anew meanwhile.
        adapted = (options.adapted.folder, options.adapted.painter.sharpen, *options.adapted.weights.values())
    restorer = options.restorer if options.restore_teeth else None
    key = (options.model, options.device, options.precision, adapted, restorer)
    return kept.get("dub", key, lambda: load_networks(options))


def _report(video: Video, speech: Sound, output: str, options: DubOptions) -> Report:
    return Report("dub", output, {"video": named(video), "speech": named(speech)}, model=options.model)
