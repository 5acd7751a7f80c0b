"""One job looked at before it is done: what it would do, or the very error that it would end with."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from dubtool.batch.estimate import bytes_of
from dubtool.batch.film import Film
from dubtool.batch.kinds import Kind
from dubtool.batch.pace_memory import remembered
from dubtool.engine.device import resolve
from dubtool.errors import UsageError
from dubtool.folders import temporary_folder
from dubtool.jobs.dub.heard import cast_of
from dubtool.jobs.dub.lines import HEADERS_ERR, QUIET_RMS, Speeches
from dubtool.jobs.reenact.portrait import load_portrait
from dubtool.jobs.shared.interlacing import with_fields, without_fields
from dubtool.jobs.shared.load import load_animator, load_networks, load_restorer
from dubtool.jobs.shared.options import RETRIEVAL, DubOptions, ReenactOptions, RestoreOptions
from dubtool.jobs.shared.outputs import check_writing, checked_output, written_files
from dubtool.jobs.shared.overrides import overrides_of
from dubtool.jobs.shared.report import Report
from dubtool.jobs.shared.worker_pool import assign_devices
from dubtool.media.audio import load_speech
from dubtool.media.probe import AudioInfo, MediaInfo, probe
from dubtool.media.spool import Spooled, spooling
from dubtool.tracking.face_words import check_face
from dubtool.weights.locate import digests


@dataclass
class Rehearsal:
    """What a job would do.

    inputs: what each holds, by name. output: the result; files: all that would be written. seconds, frames, bytes: of
    the result, about. hours: of work, None where no such job was done on this machine; by: how that is known.
    """

    job: str
    output: str
    files: list[str]
    codec: str
    model: str
    device: str
    inputs: dict[str, str] = field(default_factory=dict)
    weights: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    frames: int = 0
    bytes: int = 0
    hours: float | None = None
    by: str = ""
    warnings: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"dry_run": True}

    def rows(self) -> list[tuple[str, str]]:
        """Names and values for people."""
        size = f"about {self.bytes / 1e6:.1f} MB" if self.bytes < 1e9 else f"about {self.bytes / 1e9:.1f} GB"
        if self.hours is None:
            time = "not known: no such job was done on this machine"
        else:
            seconds = 3600 * self.hours
            long = f"{seconds / 60:.1f} minutes" if self.hours < 1 else f"{self.hours:.1f} hours"
            time = f"about {f'{seconds:.0f} seconds' if seconds < 90 else long}, by {self.by}"
        rows = [*self.inputs.items(), ("output", self.output)]
        rows += [("also", path) for path in self.files[1:]]
        rows += [("codec", self.codec), ("model", f"{self.model} on {self.device}")]
        return [*rows, ("result", f"{self.seconds:.1f} s, about {self.frames} frames, {size}"), ("time", time)]


def rehearse(
    kind: Kind,
    inputs: Mapping[str, Path],
    output: Path | None,
    options: DubOptions | RestoreOptions | ReenactOptions,
    devices: Sequence[str] = (),
    workers: int | None = None,
    rate: Fraction | None = None,
) -> Rehearsal:
    """What the job would do. Nothing is written and no face is looked for; pipes are read.

    Raises:
        UsageError, InputError, WeightsError, DeviceError, OutputError: as the job would, in the same order.
    """
    pool = assign_devices(options.device, devices, workers)
    options = replace(options, device=pool[0])
    values = vars(options)
    if isinstance(options, DubOptions):
        overrides_of(options.overrides)
    others = [values.get("soundtrack"), values.get("source")]
    target = checked_output(inputs[kind.inputs[0]], output, values, [*inputs.values(), *others], kind.suffix)
    report = Report(kind.name, str(target), {name: str(path) for name, path in inputs.items()}, model=options.model)
    with spooling() as spooled, temporary_folder() as folder:
        report.told = spooled.told
        video = Film(spooled.path(inputs[kind.video]), folder, rate)
        return _looked_at(kind, inputs, video, target, options, report, spooled, folder, len(pool))


def _looked_at(
    kind: Kind,
    inputs: Mapping[str, Path],
    film: Film,
    target: Path,
    options: DubOptions | RestoreOptions | ReenactOptions,
    report: Report,
    spooled: Spooled,
    folder: Path,
    workers: int,
) -> Rehearsal:
    sides = [load_portrait(spooled.path(inputs[name])).natural_side for name in kind.stills]
    info = film.info
    picture = info.require_video()
    told = {kind.video: _described(info)}
    heard, seconds = None, float(info.duration or 0)
    if "speech" in inputs:
        heard = spooled.path(inputs["speech"])
        length, sound = _speech(heard, report)
        told["speech"] = f"{length:.1f} s of {_sound(sound)}"
        seconds = {"video": seconds, "shortest": min(seconds, length)}.get(getattr(options, "length", ""), length)
    elif isinstance(options, DubOptions):
        heard, told["speech"] = _cast(options, seconds, folder, spooled)
    soundtrack = getattr(options, "soundtrack", None)
    heard = spooled.path(soundtrack) if soundtrack else heard
    codec = check_writing(target, vars(options), info.drawn() if kind.stills else info, heard)
    info = without_fields(info, options.deinterlace, report) if kind.stills else (
        with_fields(info, codec, options.deinterlace, report)
    )  # fmt: skip
    if not (isinstance(options, DubOptions) and options.speaking):
        check_face(options.face)
    device, weights = _networks(options, sides, spooled)
    if kind.stills:
        first = float(options.start or 0)
        seconds = (seconds if options.stop is None else min(seconds, float(options.stop))) - first
        if seconds <= 0:
            raise UsageError("no frame of the driver lies within the stretch to be reenacted; check --from and --to")
    rate = float(picture.average_rate)
    length = float(info.duration or 0) or seconds or 1.0
    size = bytes_of(picture.width, picture.height, rate, seconds, film.bytes / length)
    model = RETRIEVAL if isinstance(options, RestoreOptions) and options.source else options.model
    found = Rehearsal(
        job=kind.name,
        output=str(target),
        files=[str(path) for path in written_files(target, vars(options))],
        codec=codec,
        model=model,
        device=device,
        inputs=told,
        weights=weights,
        seconds=round(seconds, 3),
        frames=max(1, round(seconds * rate)),
        bytes=size,
        warnings=report.warnings,
    )
    pace = remembered(kind.name, model, device)
    if pace is not None:
        looking = pace.looking * float(info.duration or seconds) * rate
        found.hours, found.by = (looking + pace.rest * found.frames / workers) / 3600, pace.source
    free = shutil.disk_usage(target.absolute().parent).free
    if found.bytes > free:
        found.warnings.append(f"{target}: about {found.bytes / 1e9:.1f} GB are needed, {free / 1e9:.1f} GB are free")
    return found


def _networks(
    options: DubOptions | RestoreOptions | ReenactOptions, sides: Sequence[int], spooled: Spooled
) -> tuple[str, dict[str, str]]:
    """Where the networks would run, and their digests. They are loaded: nothing less tells whether they can be."""
    asked = options.model, options.device, options.precision
    if isinstance(options, DubOptions):
        networks = load_networks(options)
        return networks.generator.device, digests(networks.graphs)
    if isinstance(options, ReenactOptions):
        animator, graphs = load_animator(*asked, natural_side=sides[0])
        return animator.device, digests(graphs)
    if options.source is not None:
        probe(spooled.path(options.source)).require_video()
        resolve(options.device)
        return "cpu", {}
    restorer, graphs = load_restorer(*asked)
    return restorer.device, digests(graphs)


def _speech(path: Path, report: Report) -> tuple[float, AudioInfo]:
    """Seconds, and the stream; an almost silent speech is warned of, as the job does."""
    with temporary_folder() as folder:
        speech = load_speech(path, folder)
    if speech.rms < QUIET_RMS:
        report.warn(f"{path} is silent: the mouth will stay at rest")
    return speech.duration, probe(path).require_audio()


def _cast(options: DubOptions, seconds: float, folder: Path, spooled: Spooled) -> tuple[Path, str]:
    """A sound like the mix, and what the cast says in words.

    Raises:
        UsageError: nobody speaks, or a row fits in no way. InputError: a speech of a row cannot be used.
    """
    cast = cast_of(options, None)
    assert cast is not None, "without a speech, it raises"
    speeches = Speeches(cast, spooled.path, folder)
    lines = speeches.lines(Fraction(seconds), options.fit, HEADERS_ERR)
    faces = dict.fromkeys(line.row.face for line in lines)
    return speeches.sample(), f"{len(lines)} lines of {len(faces)} people"


def _described(info: MediaInfo) -> str:
    video = info.require_video()
    sound = f"sound {_sound(info.main_audio)}" if info.main_audio else "no sound"
    size = f"{video.upright_width}x{video.upright_height}"
    rate = f"{float(video.average_rate):.6g} frames a second"
    return f"{float(info.duration or 0):.1f} s of {video.codec}, {size}, {video.pixel_format}, {rate}, {sound}"


def _sound(sound: AudioInfo) -> str:
    return f"{sound.codec}, {sound.sample_rate} Hz, {sound.layout}"
