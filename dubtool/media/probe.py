"""What a media file holds, read with PyAV; a file that cannot be used is refused in one clear line."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import cast

import av

from dubtool.errors import InputError
from dubtool.media.channels import channel_names, layout_of_sound
from dubtool.media.color import BT709_LIMITED, PRIMARIES, RANGES, SPACES, TRANSFERS, UNKNOWN, Color
from dubtool.media.described import described
from dubtool.media.ffmpeg import file_url
from dubtool.media.hdr import HdrMetadata, hdr_metadata
from dubtool.media.interlace import FieldOrder, ReadAs, field_order
from dubtool.media.orientation import orientation
from dubtool.media.pixels import nearest_layout
from dubtool.media.spool import is_pipe

log = logging.getLogger(__name__)

_FIRST_FRAME_PACKETS = 2000
_FALLBACK_RATE = Fraction(25)
# PNG gives the colour profile that a picture carries a name, and PyAV 18 frees names of side data twice: the side data
# of such pictures are not looked at, and of a matrix only its rotation is known.
_NAMED_PROFILES = frozenset({"png", "apng"})
_FALLBACK_TIME_BASE = Fraction(1, av.time_base)
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


@dataclass(frozen=True)
class VideoInfo:
    """The video stream. `width` and `height` are coded; `rotation` is what turns the picture upright, clockwise, after
    left and right have changed places where it is `mirrored`.

    `field_order` tells which field of interlaced pictures comes first, `read_as` what a reader is to make of them.
    `hdr` is what the first frame says. `start` is the first frame's time after the file's own start, in seconds.
    `frame_count` is the header's word only.
    """

    index: int
    codec: str
    width: int
    height: int
    rotation: int
    sample_aspect: Fraction
    pixel_format: str
    bit_depth: int
    color_range: str
    color_space: str
    color_primaries: str
    color_trc: str
    average_rate: Fraction
    time_base: Fraction
    start: Fraction
    frame_count: int | None
    metadata: Mapping[str, str] = field(default_factory=dict)
    mirrored: bool = False
    field_order: FieldOrder = "progressive"
    read_as: ReadAs = "frames"
    hdr: HdrMetadata | None = None

    @property
    def pictures_a_frame(self) -> int:
        """How many pictures a reader makes of each frame."""
        return 2 if self.read_as == "fields" else 1

    @property
    def upright_width(self) -> int:
        return self.height if self.rotation % 180 else self.width

    @property
    def upright_height(self) -> int:
        return self.width if self.rotation % 180 else self.height

    @property
    def pixel_aspect(self) -> Fraction:
        """A pixel's width over its height, in the upright picture."""
        return 1 / self.sample_aspect if self.rotation % 180 else self.sample_aspect

    def drawn(self) -> VideoInfo:
        """The same times and tags for pictures that are drawn anew: upright, square pixels, progressive, no HDR."""
        return replace(
            self,
            rotation=0,
            mirrored=False,
            sample_aspect=Fraction(1),
            pixel_format="yuv420p",
            bit_depth=8,
            color_range=BT709_LIMITED.range,
            color_space=BT709_LIMITED.space,
            color_primaries=BT709_LIMITED.primaries,
            color_trc=BT709_LIMITED.trc,
            field_order="progressive",
            hdr=None,
        )

    @property
    def color(self) -> Color:
        return Color(self.color_range, self.color_space, self.color_primaries, self.color_trc)


@dataclass(frozen=True)
class AudioInfo:
    """A sound stream; `duration` is the header's word, `layout` libavformat's name ("5.1", "16 channels"). `start` is
    the stream's after the file's own, in seconds.
    """

    index: int
    codec: str
    sample_rate: int
    channels: int
    layout: str
    duration: Fraction | None
    default: bool
    start: Fraction = Fraction(0)
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class StreamInfo:
    """A stream that is neither the video nor sound. `kind`: "subtitle", "data", "attachment", "picture" or "video"."""

    index: int
    kind: str
    codec: str
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Chapter:
    start: Fraction
    end: Fraction
    title: str


@dataclass(frozen=True)
class MediaInfo:
    """What a file holds. `duration` is the header's estimate in seconds: never trust it, headers lie."""

    path: Path
    container: str
    duration: Fraction | None
    video: VideoInfo | None
    audio: tuple[AudioInfo, ...] = ()
    other_streams: tuple[StreamInfo, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def main_audio(self) -> AudioInfo | None:
        """The sound a player would choose: the default one, else the first."""
        return next((stream for stream in self.audio if stream.default), self.audio[0] if self.audio else None)

    def require_video(self) -> VideoInfo:
        """The video stream; raises InputError where there is none (a cover picture is not a video)."""
        if self.video is None:
            raise InputError(f"{self.path} holds sound but no video: give a video file here")
        return self.video

    def require_audio(self) -> AudioInfo:
        """The main sound; raises InputError where there is none."""
        if self.main_audio is None:
            raise InputError(f"{self.path} holds no sound: give a file with a sound stream here")
        return self.main_audio

    def drawn(self) -> MediaInfo:
        """The same for pictures drawn anew, see `VideoInfo.drawn`; raises InputError where there is no video."""
        return replace(self, video=self.require_video().drawn())


def probe(path: Path) -> MediaInfo:
    """Read what the file holds, its first frame included.

    Raises InputError for a file that is missing, a directory, empty, not media, cut off before its index, or whose
    video yields no frame at all.
    """
    path = Path(path)
    with open_media(path) as container:
        video_stream = choose_video(container)
        told = described(container)
        video = None if video_stream is None else _video(path, container, video_stream, told)
        audio = tuple(
            _audio(container, stream, layout_of_sound(told.get(stream.index, "")))
            for stream in container.streams.audio
            if stream.codec_context is not None
        )
        if video is None and not audio:
            raise InputError(f"{path} holds neither video nor sound")
        return MediaInfo(
            path=path,
            container=container.format.name,
            duration=None if not container.duration else Fraction(container.duration, av.time_base),
            video=video,
            audio=audio,
            other_streams=tuple(
                _other(stream) for stream in container.streams if stream.type != "audio" and stream is not video_stream
            ),
            chapters=tuple(_chapter(raw) for raw in container.chapters()),
            metadata=dict(container.metadata),
        )


def open_media(path: Path) -> av.container.InputContainer:
    """The opened container; raises InputError that says why it cannot be."""
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder: give a media file")
        if is_pipe(path):
            raise InputError(f"{path} is a pipe: give a file here")
        if path.stat().st_size == 0:
            raise InputError(f"{path} is empty")
        # A playlist must not make us fetch addresses from it: files only.
        return av.open(file_url(path), metadata_errors="replace", options={"protocol_whitelist": "file"})
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist") from error
    except PermissionError as error:
        raise InputError(f"{path} cannot be read: permission denied") from error
    except (OSError, ValueError, av.error.FFmpegError) as error:
        if _is_headless_mp4(path):
            raise InputError(f"{path} is cut off: its index (moov) is missing; copy or record it again") from error
        raise InputError(f"{path} is not a media file that ffmpeg can read") from error


def choose_video(container: av.container.InputContainer) -> av.VideoStream | None:
    """The stream a player would show: not a cover picture, the default one first, then the largest."""
    candidates = [stream for stream in container.streams.video if not _is_picture(stream) and stream.codec_context]
    return max(
        candidates,
        key=lambda stream: (bool(stream.disposition & av.stream.Disposition.default), stream.width * stream.height),
        default=None,
    )


def _is_picture(stream: av.stream.Stream) -> bool:
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _is_headless_mp4(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(8)[4:] == b"ftyp"
    except OSError:
        return False


def decoder_of(stream: av.VideoStream) -> av.VideoCodecContext:
    """What decodes the stream; FFmpeg's own decoders of VP8 and VP9 leave out alpha."""
    context = stream.codec_context
    name = _ALPHA_DECODERS.get(context.codec.canonical_name)
    if name is None or stream.metadata.get("alpha_mode") != "1" or name not in av.codecs_available:
        return context
    decoder = cast(av.VideoCodecContext, av.CodecContext.create(name, "r"))
    decoder.extradata = context.extradata
    return decoder


def _first_frame(container: av.container.InputContainer, stream: av.VideoStream) -> av.VideoFrame | None:
    decoder = decoder_of(stream)
    try:
        for number, packet in enumerate(container.demux(stream)):
            try:
                frames = decoder.decode(packet)
            except av.error.FFmpegError:
                frames = []
            if frames:
                return frames[0]
            if number > _FIRST_FRAME_PACKETS:
                break
    except av.error.FFmpegError as error:
        log.debug("%s: %s", container.name, error)
    return None


def _video(
    path: Path, container: av.container.InputContainer, stream: av.VideoStream, told: Mapping[int, str]
) -> VideoInfo:
    frame = _first_frame(container, stream)
    if frame is None:
        raise InputError(f"{path}: not one frame of its video can be decoded")
    context = stream.codec_context
    pixel_format = frame.format.name
    try:
        nearest_layout(pixel_format)
    except ValueError as error:
        raise InputError(f"{path}: {error}; convert the video to yuv420p, yuv444p or gbrp first") from error
    named = context.codec.canonical_name in _NAMED_PROFILES
    rotation, mirrored = (-frame.rotation % 360, False) if named else orientation(frame)
    file_start = Fraction(container.start_time or 0, av.time_base)
    start = (
        Fraction(0) if frame.pts is None else frame.pts * Fraction(frame.time_base or _FALLBACK_TIME_BASE) - file_start
    )
    return VideoInfo(
        index=stream.index,
        codec=context.codec.canonical_name,
        width=frame.width,
        height=frame.height,
        rotation=rotation,
        mirrored=mirrored,
        sample_aspect=Fraction(stream.sample_aspect_ratio or context.sample_aspect_ratio or 1) or Fraction(1),
        pixel_format=pixel_format,
        bit_depth=max((component.bits for component in frame.format.components), default=8),
        color_range="pc" if pixel_format.startswith("yuvj") else _tag(RANGES, frame.color_range, context.color_range),
        color_space=_tag(SPACES, frame.colorspace, context.colorspace),
        color_primaries=_tag(PRIMARIES, frame.color_primaries, context.color_primaries),
        color_trc=_tag(TRANSFERS, frame.color_trc, context.color_trc),
        average_rate=Fraction(stream.average_rate or stream.guessed_rate or _FALLBACK_RATE),
        time_base=Fraction(stream.time_base or _FALLBACK_TIME_BASE),
        start=start,
        frame_count=stream.frames or None,
        metadata=dict(stream.metadata),
        field_order=field_order(frame, context.field_order),
        hdr=None if named else hdr_metadata(frame, told.get(stream.index, "")),
    )


def _tag(names: Mapping[int, str], *told: int) -> str:
    """The first that says something: decoders other than the stream's own do not know what the file says."""
    return next((names[int(number)] for number in told if int(number) in names), UNKNOWN)


def _audio(container: av.container.InputContainer, stream: av.AudioStream, layout: str) -> AudioInfo:
    context = stream.codec_context
    time_base = Fraction(stream.time_base or _FALLBACK_TIME_BASE)
    file_start = Fraction(container.start_time or 0, av.time_base)
    return AudioInfo(
        index=stream.index,
        codec=context.codec.canonical_name,
        sample_rate=context.sample_rate,
        channels=len(channel_names(layout)),
        layout=layout,
        duration=None if not stream.duration else stream.duration * time_base,
        start=Fraction(0)
        if stream.start_time is None
        else max(stream.start_time * time_base - file_start, Fraction(0)),
        default=bool(stream.disposition & av.stream.Disposition.default),
        metadata=dict(stream.metadata),
    )


def _other(stream: av.stream.Stream) -> StreamInfo:
    kind = "picture" if stream.type == "video" and _is_picture(stream) else stream.type
    codec = stream.codec_context.codec.canonical_name if stream.codec_context is not None else UNKNOWN
    return StreamInfo(stream.index, kind, codec, dict(stream.metadata))


def _chapter(raw: av.container.core.Chapter) -> Chapter:
    base = Fraction(raw["time_base"] or Fraction(1, 1000))
    return Chapter(raw["start"] * base, raw["end"] * base, raw["metadata"].get("title", ""))
