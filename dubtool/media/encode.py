"""Frames and sound to a finished file, with one ffmpeg process and one encode."""

from __future__ import annotations

import contextlib
import logging
import math
import mmap
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import IO

import av
import numpy as np

from dubtool import leftovers
from dubtool.errors import OutputError, UsageError
from dubtool.media.codecs import (
    FIELD_ENCODERS,
    encoded_layout,
    hdr_parameters,
)
from dubtool.media.color import HDR_TRANSFERS
from dubtool.media.ffmpeg import FfmpegProcess, find_ffmpeg
from dubtool.media.frame import Frame
from dubtool.media.hdr import NOT_COMPATIBLE
from dubtool.media.mux import Soundtrack, VideoEncoding, build_command
from dubtool.media.output_checks import check_target
from dubtool.media.pixels import PixelLayout, layout_of, write_planes
from dubtool.media.probe import MediaInfo, probe
from dubtool.media.sequence import settle_frames, spelled, write_sidecar
from dubtool.media.temporary_output import claim, is_claimed, settle
from dubtool.trace import span

log = logging.getLogger(__name__)

_PIPE_BUFFER = 2**20
_FINEST_TIMESCALE = 1_000_000
_COMMON_TIMESCALE = 90_000
_HDR_DEPTH = 10


def same_file(first: Path, second: Path) -> bool:
    """Whether both paths lead to one existing file, links and spellings seen through."""
    try:
        return first.samefile(second)
    except OSError:
        return first.resolve() == second.resolve()


def busy(output: Path) -> UsageError:
    """What a process is told that wants to write what another is writing."""
    return UsageError(f"{output} is being written by another dubtool: wait for it, or choose another output")


def taken(output: Path) -> UsageError:
    """What a process is told whose output exists and may not be replaced."""
    return UsageError(f"{output} exists; give --overwrite to replace it, or another output")


def save(output: Path, data: bytes, *, overwrite: bool) -> None:
    """Write a small file whole. Raises OutputError, or UsageError where it exists and may not be replaced."""
    try:
        part, descriptor = claim(output)
    except OSError as error:
        raise OutputError(f"{output} cannot be written: {error.strerror}") from error
    try:
        part.write_bytes(data)
        settle(part, output, overwrite=overwrite)
    except OSError as error:
        raise _not_settled(output, error) from error
    finally:
        part.unlink(missing_ok=True)
        os.close(descriptor)


class _Sink:
    """ffmpeg's stdin for PyAV, whose muxer must never meet an exception: the first one is kept, later bytes vanish."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.error: BaseException | None = None

    def write(self, data: bytes) -> int:
        if self.error is None:
            try:
                with span("wait: for ffmpeg"):
                    self._stream.write(data)
            except BaseException as error:
                self.error = error
        return len(data)


class VideoWriter:
    """Encodes frames and lays the soundtrack and the source's other streams beside them; use it in a `with` block.

    ffmpeg writes a hidden file beside the output, renamed when everything is done; after any failure nothing is left.
    The picture's size, pixel format, colour tags and rotation are those of the first frame written; SAR, time base,
    tags, chapters and other streams come from `info`. `duration` (seconds) is the output's length: the soundtrack, from
    its second `sound_start` on, is cut or padded to it and what lies after it in the source is dropped. `warnings`
    names what could not be kept. `bit_rate` (a second) is aimed at instead of a quality; `gop`: frames from keyframe to
    keyframe. Without `overwrite` no file is replaced, one that appears meanwhile neither.

    Raises OutputError when ffmpeg or the disk fails, UsageError for a codec, preset or suffix that is not known, and
    where another process is writing the same output.
    """

    def __init__(
        self,
        output: Path,
        info: MediaInfo,
        *,
        codec: str | None = None,
        crf: int = 18,
        preset: str = "medium",
        lossless: bool = False,
        bit_rate: int | None = None,
        gop: int | None = None,
        soundtrack: Path | None = None,
        sound_start: Fraction = Fraction(0),
        audio_duration: Fraction | None = None,
        metadata: Mapping[str, str] | None = None,
        overwrite: bool = True,
    ) -> None:
        self.output = Path(output)
        self._overwrite = overwrite
        self.warnings: list[str] = []
        self._info = info
        self._container, self._codec = check_target(self.output, codec, preset, info.video, lossless=lossless)
        self._quality = (crf, preset, lossless)
        self._aims = (bit_rate, gop)
        self._soundtrack: Soundtrack | None = None
        if soundtrack is not None:
            self._soundtrack = Soundtrack(probe(Path(soundtrack)), audio_duration, sound_start)
        self._duration = audio_duration
        self._metadata = dict(metadata or {})
        for used in (info.path, soundtrack):
            if used is not None and same_file(self.output, Path(used)):
                raise UsageError(f"{self.output} is also an input: choose another output")
        self._timescale = _timescale(info)
        self._process: FfmpegProcess | None = None
        self._sink: _Sink | None = None
        self._pipe: av.container.OutputContainer | None = None
        self._piped: PixelLayout | None = None
        self._shape: tuple[int, int, int, bool] | None = None
        self._last_tick: int | None = None
        # What is claimed: the output, or the folder of a sequence.
        self._place = self.output.parent if self._container.sequence else self.output
        self._temporary, self._claim = self._reserve()
        self._frames = self._folder_of_frames() if self._container.sequence else None
        self._color: dict[str, str] = {}

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def write(self, frame: Frame, time: Fraction, duration: Fraction) -> None:
        """Encode the frame at `time` seconds, shown for `duration`; times rise from call to call.

        Blocks while ffmpeg is busy. Times are rounded to the source's own time base, on which its frames already lie.
        """
        shape = (frame.width, frame.height, frame.rotation, frame.mirrored)
        if self._pipe is None:
            self._shape = shape
            self._start(frame, duration)
        elif shape != self._shape:
            raise ValueError(f"a frame of {shape} cannot follow frames of {self._shape}")
        if self._duration is not None and time >= self._duration:
            raise ValueError(f"a frame at {float(time):.3f} s lies behind the end at {float(self._duration):.3f} s")
        assert self._pipe is not None and self._piped is not None
        tick = round(time * self._timescale)
        if self._last_tick is not None:
            tick = max(tick, self._last_tick + 1)
        self._last_tick = tick
        packet = av.Packet(_packed(frame, self._piped))
        packet.stream = self._pipe.streams[0]
        packet.time_base = Fraction(1, self._timescale)
        packet.pts = packet.dts = tick
        packet.is_keyframe = True
        self._pipe.mux_one(packet)
        assert self._sink is not None
        if self._sink.error is not None:
            if isinstance(self._sink.error, OSError):
                raise self._failure() from self._sink.error
            raise self._sink.error

    def close(self) -> None:
        """Finish the file and give it its name. Raises OutputError or UsageError, and leaves nothing, if that fails."""
        self.finish()
        self.settle()

    def finish(self) -> None:
        """Write the file to its end, under its hidden name. Raises OutputError, and leaves nothing, if that fails."""
        try:
            if self._pipe is None or self._process is None:
                raise OutputError(f"{self.output}: no frame was written")
            with span("wait: for ffmpeg"):
                self._end_input()
                status = self._process.wait()
            if status != 0 or not (self._frames or self._temporary.stat().st_size):
                raise self._failure()
            if self._frames is not None:
                self._describe(self._frames)
        except BaseException:
            self.abort()
            raise

    @property
    def part(self) -> Path:
        """The file (of a sequence the folder) that is being written, and after `finish` is whole, under its hidden
        name."""
        return self._frames or self._temporary

    def rewrite(self, made: Callable[[Path, Path], None]) -> None:
        """Replace the finished file by what `made`, called with it and an empty file, writes into the latter.

        Leaves nothing if that fails. Raises OutputError, or what `made` raises.
        """
        before, claimed = self._temporary, self._claim
        try:
            try:
                self._temporary, self._claim = claim(self.output)
            except OSError as error:
                raise OutputError(f"{self.output} cannot be written: {error.strerror}") from error
            made(before, self._temporary)
        except BaseException:
            self.abort()
            raise
        finally:
            if self._temporary != before:
                before.unlink(missing_ok=True)
                os.close(claimed)

    def settle(self) -> None:
        """Give the finished file its name. Raises OutputError or UsageError, and leaves nothing, if that fails."""
        try:
            if self._frames is None:
                settle(self._temporary, self.output, overwrite=self._overwrite)
            else:
                settle_frames(self._frames, self.output, overwrite=self._overwrite)
                leftovers.forget(self._frames)
                self._temporary.unlink(missing_ok=True)
        except BaseException as error:
            self.abort()
            raise _not_settled(self.output, error) from error
        self._release()

    def abort(self) -> None:
        """End ffmpeg and remove what it wrote; harmless when called twice."""
        if self._process is not None:
            # What it has written is thrown away, and ffmpeg does not hear SIGTERM while it waits for a frame.
            self._process.stop(grace=0.0)
        self._end_input()
        self._temporary.unlink(missing_ok=True)
        if self._frames is not None:
            shutil.rmtree(self._frames, ignore_errors=True)
        self._release()

    def _end_input(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
        if self._process is not None:
            with contextlib.suppress(OSError):  # ffmpeg may have ended by now; its status tells why
                self._process.stdin.close()

    def _reserve(self) -> tuple[Path, int]:
        try:
            temporary, descriptor = claim(self._place)
        except OSError as error:
            raise OutputError(f"{self.output} cannot be written: {error.strerror}") from error
        if is_claimed(self._place, temporary):
            temporary.unlink(missing_ok=True)
            os.close(descriptor)
            raise busy(self.output)
        return temporary, descriptor

    def _release(self) -> None:
        if self._claim >= 0:
            os.close(self._claim)
            self._claim = -1

    def _folder_of_frames(self) -> Path:
        folder = self._temporary.with_name(f"{self._temporary.name}.frames")
        try:
            folder.mkdir()
        except OSError as error:
            self._temporary.unlink(missing_ok=True)
            self._release()
            raise OutputError(f"{self.output} cannot be written: {error.strerror}") from error
        leftovers.note(folder)
        return folder

    def _describe(self, folder: Path) -> None:
        assert self._shape is not None
        try:
            write_sidecar(folder, self.output, self._rate, self._shape[:2], self._color, self._metadata)
        except OSError as error:
            raise OutputError(f"{self.output} cannot be written: {error.strerror}") from error

    @property
    def _rate(self) -> Fraction:
        return Fraction(25) if self._info.video is None else self._info.video.average_rate

    def _start(self, frame: Frame, duration: Fraction) -> None:
        program = find_ffmpeg()
        coded_width, coded_height = frame.width, frame.height
        if frame.rotation % 180:
            coded_width, coded_height = coded_height, coded_width
        coded = encoded_layout(self._codec, frame.layout, coded_width, coded_height)
        self.warnings += self._losses(frame, coded)
        piped = _piped(frame.layout, coded)
        crf, preset, lossless = self._quality
        encoding = VideoEncoding(
            self._codec,
            crf,
            preset,
            lossless,
            piped,
            coded,
            frame.color,
            frame.rotation,
            Fraction(1) if self._info.video is None else self._info.video.sample_aspect,
            self._timescale,
            mirrored=frame.mirrored,
            field_order=frame.field_order if self._codec in FIELD_ENCODERS else "progressive",
            hdr=None if self._info.video is None else self._info.video.hdr,
            rate=self._rate,
            bit_rate=self._aims[0],
            gop=self._aims[1],
        )
        self._color = {"primaries": frame.color.primaries, "trc": frame.color.trc}
        written = self._temporary if self._frames is None else spelled(self._frames / self.output.name)
        command, warnings = build_command(
            program, written, self._container, encoding, self._info, self._soundtrack, self._duration,
            self._metadata,
        )  # fmt: skip
        self.warnings += warnings
        self._process = FfmpegProcess(command, piped_input=True)
        self._sink = _Sink(self._process.stdin)
        self._pipe = av.open(self._sink, "w", format="nut", buffer_size=_PIPE_BUFFER, options={"write_index": "0"})
        stream = self._pipe.add_stream("rawvideo", rate=1 / duration if duration > 0 else 25)
        stream.width, stream.height, stream.pix_fmt = coded_width, coded_height, piped.name
        stream.time_base = stream.codec_context.time_base = Fraction(1, self._timescale)
        self._piped = piped

    def _losses(self, frame: Frame, coded: PixelLayout) -> Iterator[str]:
        """One line for each thing of the frames that the encoder cannot hold."""
        kept, codec = frame.layout, self._codec
        if kept.alpha and not coded.alpha:
            yield (
                f"{codec} has no alpha: the transparency of the source is lost; "
                ".mov with prores_ks, .mkv with ffv1 and .webm with libvpx-vp9 keep it"
            )
        if coded.depth < kept.depth:
            yield f"{codec} takes {coded.depth} bits: {kept.depth} are rounded to that"
        if not kept.gray and any(got > had for got, had in zip(coded.shifts, kept.shifts, strict=True)):
            chroma = ":".join(coded.chroma)
            yield f"{codec} takes {chroma}{' with alpha' if coded.alpha else ''}: the finer chroma is averaged to that"
        hdr = None if self._info.video is None else self._info.video.hdr
        if frame.color.trc in HDR_TRANSFERS and coded.depth < _HDR_DEPTH:
            yield f"{codec} takes {coded.depth} bits, in which high dynamic range shows bands: libx265 takes 10"
        if self._container.sequence and (self._soundtrack is not None or self._info.audio):
            yield "an image sequence holds no sound: the sound is left out"
        static = hdr is not None and (hdr.mastering or hdr.light)
        if hdr is not None and static and not hdr_parameters(codec, hdr):
            yield f"{codec} takes no mastering display and light levels: the source's are lost; libx265 keeps them"
        for name in () if hdr is None else hdr.dynamic:
            yield f"the source's {name} metadata are lost: they cannot be written yet; {_without(name)}"
        if frame.field_order != "progressive" and codec not in FIELD_ENCODERS:
            yield f"{codec} knows no fields: the interlaced source is coded as if it were progressive"

    def _failure(self) -> OutputError:
        """What ffmpeg died of, in one line; ends it first when it still runs."""
        assert self._process is not None
        status = self._process.wait(timeout=10.0)
        lines = self._process.stderr_tail
        log.debug("ffmpeg ended with %s: %s", status, lines)
        if any("No space left on device" in line for line in lines) or disk_is_full(self._temporary):
            return OutputError(f"{self.output}: the disk is full; free some space or choose another folder")
        reason = self._process.complaint() or (f"killed by signal {-status}" if status < 0 else f"exit status {status}")
        return OutputError(f"{self.output} could not be written; ffmpeg says: {reason}")


def _not_settled(output: Path, error: BaseException) -> BaseException:
    """The error to raise for one that stopped a finished file from getting its name."""
    if isinstance(error, FileExistsError):
        return taken(output)
    if isinstance(error, OSError):
        return OutputError(f"{output} cannot be written: {error.strerror}")
    return error


def _timescale(info: MediaInfo) -> int:
    """Ticks a second on which the source's stamps lie; a common one when the source's own is useless."""
    if info.video is None:
        return _COMMON_TIMESCALE
    ticks = info.video.time_base.denominator
    if ticks > _FINEST_TIMESCALE:
        # Containers that count nanoseconds: the grid of the frame rate is exact for constant rates.
        ticks = info.video.average_rate.numerator
        return ticks * math.ceil(_COMMON_TIMESCALE / ticks) if ticks <= _COMMON_TIMESCALE else _COMMON_TIMESCALE
    return ticks * max(1, math.ceil(1000 / ticks))


def _piped(kept: PixelLayout, coded: PixelLayout) -> PixelLayout:
    """The layout in which frames go to ffmpeg."""
    # Gray gets its neutral chroma here: ffmpeg would stretch the range of a gray picture on the way.
    chroma = "420" if kept.gray and not coded.gray else kept.chroma
    if chroma == kept.chroma and kept.alpha == coded.alpha:
        return kept
    return layout_of(chroma, kept.depth, alpha=kept.alpha and coded.alpha)


def _without(dynamic: str) -> str:
    """What a film is without its dynamic metadata."""
    if dynamic == NOT_COMPATIBLE:
        return "without them its colours are wrong: convert it to HDR10 first"
    return "the result plays as plain HDR10 or HLG"


def _packed(frame: Frame, piped: PixelLayout) -> bytes:
    planes = frame.coded_planes()
    alpha = [planes.pop()] if frame.layout.alpha else []
    if frame.layout.gray and not piped.gray:
        height, width = planes[0].shape
        neutral = 2 ** (piped.depth - 1)
        planes += [np.full(shape, neutral, piped.dtype) for shape in piped.plane_shapes(width, height)[1:3]]
    return write_planes(planes + (alpha if piped.alpha else []), piped)


def disk_is_full(path: Path) -> bool:
    """Whether there is no room beside a file; what cannot be asked has some."""
    try:
        return shutil.disk_usage(path.parent).free < mmap.PAGESIZE
    except OSError:
        return False
