"""Where a job's frames go: the result, and on request a side-by-side preview, a contact sheet and a sidecar."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from dubtool.errors import UsageError
from dubtool.jobs.shared.attestation import Attestation, check_signing
from dubtool.jobs.shared.cast import Cast, cast_text
from dubtool.jobs.shared.contact_sheet import ContactSheet
from dubtool.jobs.shared.frame_output import FrameOutput, Tiles
from dubtool.jobs.shared.frame_timeline import FrameTimeline
from dubtool.jobs.shared.options import JobOptions
from dubtool.jobs.shared.report import Report
from dubtool.jobs.shared.woven_outputs import WovenOutputs
from dubtool.media.codecs import container_for, is_container
from dubtool.media.encode import VideoWriter, busy, same_file, save, taken
from dubtool.media.frame import Frame
from dubtool.media.likeness import Likeness, likeness
from dubtool.media.output_checks import check_place, check_sounds, check_target, check_times
from dubtool.media.preview import side_by_side
from dubtool.media.probe import MediaInfo, probe
from dubtool.media.sequence import SUFFIXES, files_of, is_pattern, output_pattern
from dubtool.media.spool import is_pipe, lasting
from dubtool.media.temporary_output import is_claimed
from dubtool.provenance.mark import mark, tags
from dubtool.trace import span

# Further files that a job writes beside its result: their suffixes, by the option that asks for them.
EXTRAS: Mapping[str, str] = {
    "preview": ".preview.mp4",
    "sheet": ".sheet.png",
    "sidecar": ".json",
    "speaking": ".cast.csv",
}
# What `dubtool report` and `dubtool review` write beside a dub.
PLOTS, PAGE = ".plots.png", ".review.html"

_SHEET_ROWS = 6
_LONGEST_NAME = 255


def checked_output(
    video: Path,
    output: Path | str | None,
    options: Mapping[str, object],
    inputs: Sequence[Path | None],
    suffix: str = ".dubbed.mp4",
    *,
    film: bool = True,
) -> Path:
    """The path of the result, by default beside the video.

    options: of the job: `overwrite`, and those of `EXTRAS`. film: whether the result is one, which may go into files of
    one picture each.

    Raises:
        UsageError: it, or another file of the job, exists and may not be overwritten, is one of the inputs, has too
        long a name, or is being written by another process.
    """
    if output is None and (is_pipe(video) or lasting(video) != video):
        raise UsageError(f"{video} has no place for the result beside it: name one with --output")
    container = options.get("container")
    named = None if container is None else str(container)
    if output is None:
        target = named_after(video, suffix, options)
    else:
        target = output_pattern(Path(output), named) if film else Path(output)
    files = written_files(target, options)
    for place, path in enumerate(files):
        check_name(path)
        if any(same_file(path, other) for other in files[:place]):
            raise UsageError(f"{path} would be written twice: choose another file for the trace")
        for used in inputs:
            if used is not None and same_file(path, used):
                raise UsageError(f"{path} is also an input: choose another output")
        exists = files_of(path) if is_pattern(path) else os.path.lexists(path) and not path.is_dir()
        if exists and not options.get("overwrite"):
            raise taken(path)
        if is_claimed(path.parent if is_pattern(path) else path):
            raise busy(path)
    return target


def check_name(path: Path) -> None:
    """Raise UsageError where no file can be called so."""
    if len(os.fsencode(path.name)) > _LONGEST_NAME:
        raise UsageError(f"{path.name} is too long a name for a file: choose a shorter output")


def named_after(first: Path, suffix: str, options: Mapping[str, object]) -> Path:
    """The result's path where none is named: beside the first input. suffix: the job's own, such as ".dubbed.mp4".

    Raises:
        UsageError: the option `container` names none that can be written.
    """
    container = options.get("container")
    if is_pattern(first):
        first = first.absolute().parent
    like = first.suffix if options.get("like_source") and first.suffix.lower() not in SUFFIXES else ""
    if container is None:
        return first.with_name(first.stem + (Path(suffix).stem + like if is_container(like) else suffix))
    ending = f".{str(container).lower().removeprefix('.')}"
    named = first.with_name(first.stem + Path(suffix).stem + ending)
    container_for(named)
    return output_pattern(named.with_suffix(""), str(container)) if ending in SUFFIXES else named


def written_files(target: Path, options: Mapping[str, object]) -> list[Path]:
    """Every file that a job with these options writes, its result first."""
    extras = [beside(target, suffix) for option, suffix in EXTRAS.items() if options.get(option)]
    trace = options.get("trace")
    return [target, *extras, *([] if trace is None else [Path(str(trace))])]


def check_writing(target: Path, options: Mapping[str, Any], info: MediaInfo, soundtrack: Path | None = None) -> str:
    """The codec of the result. What cannot be written is refused before any work: container, codec, preset, folder,
    and the soundtrack in it.

    info: as for `Outputs`, which the choice of a codec depends on where none is asked for.

    Raises:
        UsageError, InputError, OutputError: one line says why.
    """
    check_signing(target, options)
    preset, lossless = options.get("preset", "veryfast"), bool(options.get("lossless"))
    like = _likeness(target, options, info)
    named = options.get("codec") if like is None else like.codec
    _, codec = check_target(target, named, preset, info.video, lossless=lossless)
    check_times(target, info)
    if options.get("trace") is not None:
        check_place(options["trace"])
    heard = None if soundtrack is None else probe(soundtrack)
    for path in written_files(target, {"preview": options.get("preview")}):
        check_sounds(path, info, heard)
    return codec


class Outputs:
    """Takes finished frames in order; the files get their names when the block ends well, and vanish otherwise."""

    def __init__(
        self,
        target: Path,
        info: MediaInfo,
        options: JobOptions,
        timeline: FrameTimeline,
        report: Report,
        soundtrack: Path | None = None,
        sound_start: Fraction = Fraction(0),
        cast: Cast | None = None,
    ) -> None:
        """soundtrack: the result's sound from `sound_start` seconds on, cut or padded to the timeline; if None, all
        that the source has is kept. cast: who speaks when, to be written beside the result as a table."""
        self._target, self._options, self._timeline, self._report = target, options, timeline, report
        self._cast = cast
        if cast is not None:
            report.extra["cast"] = str(beside(target, EXTRAS["speaking"]))
        self._before: dict[int, Frame] = {}
        duration = None if soundtrack is None else timeline.duration
        like = _likeness(target, vars(options), info)
        if like is not None:
            report.details["like_source"] = asdict(like)
            if like.codec is None:
                report.warn(f"{info.path}: nothing here encodes {like.source.codec}: the usual codec is taken")
        self._attestation = Attestation(target, options, report, info.path, soundtrack)
        self._writer = VideoWriter(
            target,
            info,
            codec=options.codec if like is None else like.codec,
            bit_rate=None if like is None else like.bit_rate,
            gop=None if like is None else like.gop,
            crf=options.crf,
            preset=options.preset,
            lossless=options.lossless,
            soundtrack=soundtrack,
            sound_start=sound_start,
            audio_duration=duration,
            metadata={"comment": self._attestation.comment, **tags(target.suffix)},
            overwrite=options.overwrite,
        )
        self._preview: VideoWriter | None = None
        if options.preview:
            path = beside(target, EXTRAS["preview"])
            report.extra["preview"] = str(path)
            try:
                self._preview = _preview_writer(
                    path, info, options, soundtrack, sound_start, duration, self._attestation.description
                )
            except BaseException:
                self._writer.abort()
                raise
        shown = np.linspace(0, report.frames - 1, _SHEET_ROWS).round().astype(int)
        self._sheet = ContactSheet(set(shown.tolist())) if options.sheet else None

    def __enter__(self) -> Outputs:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        writers = [self._writer] if self._preview is None else [self._writer, self._preview]
        try:
            if kind is None:
                for writer in writers:
                    writer.finish()
                self._attestation.attest(self._writer)
                if self._preview is not None:
                    mark(self._preview.part, self._attestation.description)
                # The result first: what stands beside it without it would be taken for another's when tried again.
                for writer in writers:
                    writer.settle()
                self._save_beside()
        finally:
            for writer in writers:
                writer.abort()

    def _save_beside(self) -> None:
        self._report.warn(*self._writer.warnings)
        overwrite = self._options.overwrite
        if self._sheet is not None:
            path = beside(self._target, EXTRAS["sheet"])
            self._sheet.save(path, overwrite=overwrite, description=self._attestation.description)
            self._report.extra["sheet"] = str(path)
        if self._options.sidecar:
            path = beside(self._target, EXTRAS["sidecar"])
            self._report.extra["sidecar"] = str(path)
            save_text(path, self._report.text(), overwrite=overwrite)
        if self._cast is not None:
            place = beside(self._target, EXTRAS["speaking"])
            save_text(place, cast_text(self._cast, place.parent), overwrite=overwrite)

    def wants(self, number: int) -> bool:
        """See `FrameOutput.wants`."""
        return self._preview is not None or self.draws(number)

    def draws(self, number: int) -> bool:
        """See `FrameOutput.draws`."""
        return self._sheet is not None and self._sheet.wants(number)

    def show(self, number: int, before: Frame, after: Frame, tiles: Tiles) -> None:
        """A changed frame with what led to it, for the preview and the sheet; `tiles` is called where they are."""
        if self._preview is not None:
            self._before[number] = before
        if self._sheet is not None and self.draws(number):
            self._sheet.add(number, before, tiles(), after)

    def write(self, item: tuple[int, Frame]) -> None:
        """The next frame of the output."""
        number, frame = item
        time, duration = self._timeline.times[number], self._timeline.durations[number]
        if self._preview is not None:
            with span("encode preview"):
                before = self._before.pop(number, frame)
                self._preview.write(side_by_side(before, frame), time, duration)
        with span("encode"):
            self._writer.write(frame, time, duration)


def open_outputs(
    info: MediaInfo,
    timeline: FrameTimeline,
    soundtrack: Path | None = None,
    sound_start: Fraction = Fraction(0),
    cast: Cast | None = None,
    *,
    target: Path,
    options: JobOptions,
    report: Report,
) -> FrameOutput:
    """`Outputs` for the pictures of the timeline, frames or fields as `info` is read. Arguments as there."""
    video = info.require_video()
    by_frames = timeline.by_frames(video.pictures_a_frame)
    outputs = Outputs(target, info, options, by_frames, report, soundtrack, sound_start, cast)
    return WovenOutputs(outputs, video.field_order) if video.read_as == "fields" else outputs


def beside(target: Path, suffix: str) -> Path:
    """A file named after the target, or the folder of a sequence, beside it."""
    if is_pattern(target):
        folder = target.absolute().parent
        return folder.with_name(folder.name + suffix)
    return target.with_name(target.stem + suffix)


def save_text(path: Path, text: str, *, overwrite: bool) -> None:
    """Write a small file whole. Raises OutputError, or UsageError where it exists and may not be replaced."""
    save(path, text.encode("utf-8", "surrogateescape"), overwrite=overwrite)


def _likeness(target: Path, options: Mapping[str, Any], info: MediaInfo) -> Likeness | None:
    return likeness(info, container_for(target)) if options.get("like_source") else None


def _preview_writer(
    path: Path,
    info: MediaInfo,
    options: JobOptions,
    soundtrack: Path | None,
    sound_start: Fraction,
    duration: Fraction | None,
    comment: str,
) -> VideoWriter:
    return VideoWriter(
        path,
        info.drawn(),
        crf=23,
        preset="veryfast",
        soundtrack=soundtrack,
        sound_start=sound_start,
        audio_duration=duration,
        metadata={"comment": comment},
        overwrite=options.overwrite,
    )
