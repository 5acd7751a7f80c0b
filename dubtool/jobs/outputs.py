"""Where a job's frames go: the result, and on request a side-by-side preview, a contact sheet and a sidecar."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import numpy as np

from dubtool import __version__
from dubtool.errors import OutputError, UsageError
from dubtool.jobs.options import JobOptions
from dubtool.jobs.report import Report
from dubtool.jobs.sheet import ContactSheet
from dubtool.jobs.take import Take
from dubtool.media.encode import VideoWriter, same_file
from dubtool.media.frame import Frame
from dubtool.media.preview import side_by_side
from dubtool.media.probe import MediaInfo

_SHEET_ROWS = 6
# What the output's metadata say of a job.
_MADE = {
    "dub": "the mouth was generated",
    "reenact": "the portrait was animated",
    "restore-teeth": "the teeth were redrawn",
}


def checked_output(
    video: Path, output: Path | str | None, overwrite: bool, inputs: Sequence[Path | None], suffix: str = ".dubbed.mp4"
) -> Path:
    """The path of the result, by default beside the video.

    Raises:
        UsageError: it exists and may not be overwritten, or is one of the inputs.
    """
    target = Path(output) if output is not None else video.with_name(video.stem + suffix)
    for used in inputs:
        if used is not None and same_file(target, used):
            raise UsageError(f"{target} is also an input: choose another output")
    if target.exists() and not target.is_dir() and not overwrite:
        raise UsageError(f"{target} exists; give --overwrite to replace it, or another output")
    return target


class Outputs:
    """Takes finished frames in order; the files get their names when the block ends well, and vanish otherwise."""

    def __init__(
        self,
        target: Path,
        info: MediaInfo,
        options: JobOptions,
        take: Take,
        report: Report,
        soundtrack: Path | None = None,
        sound_start: Fraction = Fraction(0),
    ) -> None:
        """soundtrack: the result's sound from `sound_start` seconds on, cut or padded to the take; if None, all that
        the source has is kept."""
        self._target, self._options, self._take, self._report = target, options, take, report
        self._stack = contextlib.ExitStack()
        self._before: dict[int, Frame] = {}
        duration = None if soundtrack is None else take.duration
        with self._stack:
            self._writer = self._stack.enter_context(
                VideoWriter(
                    target,
                    info,
                    codec=options.codec,
                    crf=options.crf,
                    preset=options.preset,
                    lossless=options.lossless,
                    soundtrack=soundtrack,
                    sound_start=sound_start,
                    audio_duration=duration,
                    metadata={"comment": provenance(report)},
                )
            )
            self._preview: VideoWriter | None = None
            if options.preview:
                path = beside(target, ".preview.mp4")
                report.extra["preview"] = str(path)
                self._preview = self._stack.enter_context(
                    _preview_writer(path, info, soundtrack, sound_start, duration)
                )
            self._pending = self._stack.pop_all()
        shown = np.linspace(0, report.frames - 1, _SHEET_ROWS).round().astype(int)
        self._sheet = ContactSheet(set(shown.tolist())) if options.sheet else None

    def __enter__(self) -> Outputs:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pending.__exit__(kind, error, trace)
        self._report.warnings += self._writer.warnings
        if kind is not None:
            return
        if self._sheet is not None:
            path = beside(self._target, ".sheet.png")
            self._sheet.save(path)
            self._report.extra["sheet"] = str(path)
        if self._options.sidecar:
            path = beside(self._target, ".json")
            self._report.extra["sidecar"] = str(path)
            save_text(path, json.dumps(self._report.as_dict(), indent=2))

    def wants(self, number: int) -> bool:
        """Whether `show` needs frame `number` as it was before."""
        return self._preview is not None or self.draws(number)

    def draws(self, number: int) -> bool:
        """Whether `show` will call for the tiles of frame `number`."""
        return self._sheet is not None and self._sheet.wants(number)

    def show(self, number: int, before: Frame, after: Frame, tiles: Callable[[], Sequence[np.ndarray]]) -> None:
        """A changed frame with what led to it, for the preview and the sheet; `tiles` is called where they are."""
        if self._preview is not None:
            self._before[number] = before
        if self._sheet is not None and self.draws(number):
            self._sheet.add(number, before, tiles(), after)

    def write(self, item: tuple[int, Frame]) -> None:
        """The next frame of the output."""
        number, frame = item
        time, duration = self._take.times[number], self._take.durations[number]
        if self._preview is not None:
            before = self._before.pop(number, frame)
            self._preview.write(side_by_side(before, frame), time, duration)
        self._writer.write(frame, time, duration)


def beside(target: Path, suffix: str) -> Path:
    """A file named after the target, beside it."""
    return target.with_name(target.stem + suffix)


def save_text(path: Path, text: str) -> None:
    """Write a small file whole. Raises OutputError."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(f"{path} cannot be written: {error.strerror}") from error


def provenance(report: Report) -> str:
    """One line for the output's metadata: that it is synthetic, and what made it."""
    weights = ", ".join(f"{name} sha256:{digest[:16]}" for name, digest in report.weights.items())
    what = _MADE[report.job]
    named = f" ({weights})" if weights else ""
    return f"Synthetic: {what} by dubtool {__version__}, model {report.model}{named}"


def _preview_writer(
    path: Path, info: MediaInfo, soundtrack: Path | None, sound_start: Fraction, duration: Fraction | None
) -> VideoWriter:
    plain = replace(info, video=info.require_video().drawn())
    return VideoWriter(
        path,
        plain,
        crf=23,
        preset="veryfast",
        soundtrack=soundtrack,
        sound_start=sound_start,
        audio_duration=duration,
    )
