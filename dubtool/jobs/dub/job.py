"""`dub`: make the mouth in a video say a speech. Reads like the way of a frame in the design."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dubtool.face.shape import ShapeModel
from dubtool.folders import temporary_folder
from dubtool.jobs.dub.conditioning import drivers
from dubtool.jobs.dub.dubbing import Dubbing
from dubtool.jobs.shared.interlacing import with_fields
from dubtool.jobs.shared.load import load_networks
from dubtool.jobs.shared.options import DubOptions
from dubtool.jobs.shared.outputs import check_writing, checked_output
from dubtool.jobs.shared.report import Report
from dubtool.jobs.shared.worker_pool import places
from dubtool.media.audio import Speech, load_speech
from dubtool.media.probe import probe
from dubtool.media.spool import spooling
from dubtool.tracking.track_video import follow
from dubtool.weights.locate import digests, find

_QUIET_RMS = 1e-4

Progress = Callable[[str, float, float | None], None]


def dub(
    video: Path | str,
    speech: Path | str,
    output: Path | str | None = None,
    *,
    progress: Progress | None = None,
    devices: Sequence[str] = (),
    workers: int | None = None,
    **options: Any,
) -> Report:
    """Write a copy of `video` whose mouth says `speech`.

    Args:
        video: any video file that ffmpeg reads. speech: any file with sound. Both may be pipes.
        output: where the result goes; by default "<video stem>.dubbed.mp4" beside the video.
        progress: called with (stage, done, total or None) as work goes on.
        devices, workers: share the drawing of this one file out to several processes; see `jobs.crew.places`. The
            result is the same. They start anew from the main module, which must not dub when it is only imported.
        options: the fields of `DubOptions`.

    Returns:
        the report; the file appears whole, or not at all.

    Raises:
        UsageError, InputError, NoFaceError, WeightsError, DeviceError, OutputError: one line each says what.
    """
    chosen = DubOptions(**options)
    crew = places(chosen.device, devices, workers)
    chosen = replace(chosen, device=crew[0])
    tell = progress or (lambda stage, done, total: None)
    video, speech = Path(video), Path(speech)
    target = checked_output(video, output, vars(chosen), (video, speech, chosen.soundtrack))
    report = Report("dub", str(target), {"video": str(video), "speech": str(speech)}, model=chosen.model)
    with spooling() as spooled:
        report.told = spooled.told
        if chosen.soundtrack is not None:
            chosen = replace(chosen, soundtrack=spooled.path(chosen.soundtrack))
        _dub(spooled.path(video), spooled.path(speech), target, chosen, crew, report, tell)
    return report


def _dub(
    video: Path, speech: Path, target: Path, chosen: DubOptions, crew: list[str], report: Report, tell: Progress
) -> None:
    info = probe(video)
    info.require_video()
    with temporary_folder() as folder:
        with report.timed("speech"):
            sound = load_speech(speech, folder)
        _warn_of_sound(sound, report)
        codec = check_writing(target, vars(chosen), info, chosen.soundtrack or speech)
        info = with_fields(info, codec, chosen.deinterlace, report)
        with report.timed("load"):
            networks = load_networks(chosen)
            model = ShapeModel.load(find("face_shape"))
        report.device = networks.generator.device if len(crew) == 1 else ", ".join(dict.fromkeys(crew))
        report.details["workers"] = len(crew)
        report.weights = digests([*networks.graphs, *drivers(networks.generator.spec)])
        if chosen.adapted is not None:
            report.details["adapted"] = chosen.adapted.as_dict()
            if chosen.adapted.painter.used:
                report.weights |= chosen.adapted.weights
        with report.timed("track"):
            followed = follow(info, use_cache=chosen.cache, progress=lambda done, total: tell("track", done, total))
        job = Dubbing(info, chosen, networks, model, sound, followed, report)
        job.run(target, crew, lambda done, total: tell("dub", done, total))


def _warn_of_sound(sound: Speech, report: Report) -> None:
    if sound.rms < _QUIET_RMS:
        report.warn(f"{sound.source} is silent: the mouth will stay at rest")
    if sound.decode_failures:
        report.warn(f"{sound.source}: {sound.decode_failures} damaged packets were passed over")
