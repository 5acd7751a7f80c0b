"""The one ffmpeg command that encodes the frames and lays sound, subtitles, chapters and tags beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import ffmpeg

from dubtool.errors import InputError, OutputError
from dubtool.media.codecs import (
    Arguments,
    Container,
    hdr_parameters,
    layout_arguments,
    pixel_format,
    subtitle_codec,
    video_arguments,
)
from dubtool.media.color import BT709_LIMITED, Color
from dubtool.media.delivery import encoder_of
from dubtool.media.ffmpeg import Ffmpeg, file_url
from dubtool.media.hdr import HdrMetadata
from dubtool.media.interlace import FieldOrder
from dubtool.media.pixels import PixelLayout
from dubtool.media.probe import AudioInfo, MediaInfo
from dubtool.media.sound import plan_sound

# Tags that describe the source file itself, not what it shows.
_FILE_TAGS = {"major_brand", "minor_version", "compatible_brands", "encoder", "duration", "timecode"}
# What MXF files say of themselves.
_MXF_TAGS = ("uid", "generation_uid", "operational_pattern_ul", "company_name", "material_package_", "file_package_",
             "product_", "application_platform", "toolkit_version", "modification_date", "project_name")  # fmt: skip
# Keys that iTunes-style atoms carry; others need QuickTime's free-form keys to survive in mp4 and mov.
_MP4_TAGS = {
    "title", "artist", "album_artist", "composer", "album", "date", "comment", "genre", "copyright", "grouping",
    "lyrics", "description", "synopsis", "show", "episode_id", "network", "keywords", "creation_time", "compilation",
    "track", "disc", "location", "timecode", "media_type", "hd_video", "gapless_playback", "season_number",
    "episode_sort", "sort_name", "sort_artist", "sort_album", "sort_composer", "sort_show", "sort_album_artist",
}  # fmt: skip
_SMALLEST_OFFSET = Fraction(1, 1000)


@dataclass(frozen=True)
class VideoEncoding:
    """How the frames are encoded: `piped` is the layout they travel in, `coded` the one that is encoded."""

    codec: str
    crf: int
    preset: str
    lossless: bool
    piped: PixelLayout
    coded: PixelLayout
    color: Color
    rotation: int
    sample_aspect: Fraction
    timescale: int
    mirrored: bool = False
    field_order: FieldOrder = "progressive"
    hdr: HdrMetadata | None = None
    rate: Fraction = Fraction(25)
    bit_rate: int | None = None
    gop: int | None = None


@dataclass(frozen=True)
class Soundtrack:
    """The sound that goes first, from `start` seconds on; with `duration` (seconds) it is cut or padded with silence to
    that length.
    """

    info: MediaInfo
    duration: Fraction | None
    start: Fraction = Fraction(0)


def build_command(
    program: Ffmpeg,
    temporary: Path,
    container: Container,
    video: VideoEncoding,
    source: MediaInfo,
    soundtrack: Soundtrack | None,
    duration: Fraction | None,
    tags: Mapping[str, str],
) -> tuple[list[str], list[str]]:
    """The argument list, and one line of warning for each thing of the source that the output cannot hold.

    Frames arrive on stdin as NUT. Without a soundtrack all of the source's sound is kept, else all but its main one.
    """
    warnings: list[str] = []
    frames = ffmpeg.input("pipe:0", **_frame_input(program, video))
    options: dict[str, object] = {"c:v:0": encoder_of(video.codec), **_video_output(program, container, video)}
    streams = [frames["v:0"]]
    # ffmpeg-python takes no name that is not UTF-8: it gets placeholders.
    files = {"file:written": file_url(temporary), "file:source": file_url(source.path)}
    if container.sequence:
        soundtrack = None
    if soundtrack is not None:
        sound = soundtrack.info.require_audio()
        # Without -vn, a soundtrack that is the source itself would be taken for the same input.
        begin = {"ss": _seconds(soundtrack.start)} if soundtrack.start > 0 else {}
        files["file:heard"] = file_url(soundtrack.info.path)
        heard = ffmpeg.input("file:heard", vn=None, **begin)
        streams.append(heard[str(sound.index)])
        options |= _sound_output(container, soundtrack, warnings)
    other = ffmpeg.input("file:source", **_source_input(source))
    kept = [] if container.sequence else _kept_streams(container, source, soundtrack is not None, warnings)
    for stream, arguments in kept:
        streams.append(other[str(stream)])
        options |= arguments
    # Chapters come from this input even when no stream of it does, and an input needs some map to be opened.
    streams.append(other["v:999?"])
    options["map_chapters"] = 1 if soundtrack is None else 2
    if duration is not None:
        options["t"] = _seconds(duration)
    tag_arguments, flags = _tags(container, source, tags)
    if container.has_timescale:
        options["movflags"] = flags
    output = ffmpeg.output(*streams, "file:written", format=container.name, **options)
    output = output.global_args("-hide_banner", "-nostdin", "-loglevel", "error")
    command = [files.get(word, word) for word in ffmpeg.compile(output, cmd="ffmpeg", overwrite_output=True)]
    command[0] = program.path
    # ffmpeg-python cannot repeat an option, and there is one -metadata for each tag.
    place = command.index(file_url(temporary))
    command[place:place] = tag_arguments
    return command, warnings


def _frame_input(program: Ffmpeg, video: VideoEncoding) -> dict[str, object]:
    arguments: dict[str, object] = {"format": "nut"}
    if video.rotation or video.mirrored:
        if program.version < (6, 0):
            raise OutputError(
                f"ffmpeg {program.version[0]}.{program.version[1]} cannot keep a rotation: use 6.0 or newer"
            )
        # ffmpeg turns first and mirrors then, which turns the other way round.
        arguments |= {"noautorotate": None, "display_rotation": video.rotation if video.mirrored else -video.rotation}
        if video.mirrored:
            arguments["display_hflip"] = None
    return arguments


def _video_output(program: Ffmpeg, container: Container, video: VideoEncoding) -> dict[str, object]:
    filters = _filters(video)
    format_name = pixel_format(video.codec, video.coded)
    arguments: dict[str, object] = {
        "filter:v:0": ",".join([*filters, f"format={format_name}"]),
        "pix_fmt:v:0": format_name,
        "enc_time_base:v:0": f"1:{video.timescale}",
        "max_muxing_queue_size": 9999,
        **{f"{name}:v:0" if ":" not in name else f"{name}:0": value for name, value in _encoder(video).items()},
    }
    arguments["fps_mode:v:0" if program.version >= (5, 1) else "vsync"] = "cfr" if container.even else "passthrough"
    if container.even:
        arguments["r:v:0"] = str(video.rate)
        del arguments["enc_time_base:v:0"]
    if container.has_timescale:
        arguments["video_track_timescale"] = video.timescale
        encoder = encoder_of(video.codec)
        if "26" in encoder or "hevc" in encoder:
            arguments["tag:v:0"] = "hvc1" if encoder in ("libx265", "hevc_nvenc") else "avc1"
    return arguments


def _filters(video: VideoEncoding) -> list[str]:
    """What declares the frames, and turns them into the layout that is coded."""
    aspect = video.sample_aspect
    filters = [f"setsar={aspect.numerator}/{aspect.denominator}", *_declared(video.color)]
    interlaced = video.field_order != "progressive"
    if interlaced:
        filters.append("setfield=" + ("tff" if video.field_order == "tt" else "bff"))
    if video.coded != video.piped:
        scale = "scale=flags=bicubic+accurate_rnd+full_chroma_inp" + (":interl=1" if interlaced else "")
        if video.piped.rgb and not video.coded.rgb:
            color = replace(video.color, range=BT709_LIMITED.range, space=BT709_LIMITED.space)
            filters += [f"{scale}:out_color_matrix=bt709:out_range=tv", *_declared(color)]
        else:
            # From coarse chroma to colours of every pixel it is interpolated, not repeated.
            filters.append(scale + ("+full_chroma_int" if video.coded.rgb and not interlaced else ""))
    if video.codec == "exr" and video.coded.alpha:
        # OpenEXR's colours are those that light the scene behind: of a clear pixel there are none.
        filters += [f"format={video.coded.name}", "premultiply=inplace=1"]
    return filters


def _declared(color: Color) -> list[str]:
    parameters = color.set_parameters()
    return ["setparams=" + ":".join(f"{name}={value}" for name, value in parameters.items())] if parameters else []


def _encoder(video: VideoEncoding) -> Arguments:
    """All arguments of the encoder."""
    arguments = video_arguments(video.codec, video.crf, video.preset, lossless=video.lossless)
    arguments |= layout_arguments(video.codec, video.coded)
    if video.bit_rate is not None:
        arguments.pop("crf", None)
        arguments["b:v"] = video.bit_rate
        if encoder_of(video.codec) in ("libx264", "libx265"):
            # Without a bound short films come out far larger.
            arguments |= {"maxrate:v": video.bit_rate * 3 // 2, "bufsize:v": video.bit_rate * 2}
    if video.gop is not None:
        arguments["g"] = video.gop
    told = [] if video.hdr is None else hdr_parameters(video.codec, video.hdr)
    if video.field_order != "progressive":
        arguments["flags"] = "+ilme+ildct"
        if encoder_of(video.codec) == "libx264":
            # The pictures say it anyhow; without it the stream says the top one.
            told.append("tff=1" if video.field_order == "tt" else "bff=1")
    if told:
        name = encoder_of(video.codec).removeprefix("lib") + "-params"
        arguments[name] = ":".join([*filter(None, [str(arguments.get(name, ""))]), *told])
    return arguments


def _sound_output(container: Container, soundtrack: Soundtrack, warnings: list[str]) -> dict[str, object]:
    path, sound = soundtrack.info.path, soundtrack.info.require_audio()
    plan = plan_sound(path, sound, container)
    options: dict[str, object] = {"c:a:0": plan.codec, "disposition:a:0": "default"}
    lost = plan.warning(path, sound, container)
    if lost:
        warnings.append(lost)
    if plan.codec != "copy":
        # Gaps in the stamps become silence, so that sound never runs ahead of the picture.
        filters = [_fill(sound, soundtrack.start), *([plan.placing] if plan.placing else [])]
        if soundtrack.duration is not None:
            length = _seconds(soundtrack.duration)
            filters += [f"apad=whole_dur={length}", f"atrim=end={length}"]
        options["filter:a:0"] = ",".join(filters)
    return options | plan.options


def _fill(sound: AudioInfo, start: Fraction) -> str:
    # Where the layout changes midway ffmpeg begins anew, and would put the silence before the first sample there again.
    late = sound.start > _SMALLEST_OFFSET or start > 0
    return "aresample=async=1" + (":first_pts=0" if late else "")


def _source_input(source: MediaInfo) -> dict[str, object]:
    start = source.video.start if source.video is not None else Fraction(0)
    # The first frame becomes time zero; what stood beside it moves with it.
    return {"itsoffset": _seconds(-start)} if abs(start) > _SMALLEST_OFFSET else {}


def _kept_streams(
    container: Container, source: MediaInfo, dubbed: bool, warnings: list[str]
) -> list[tuple[int, Arguments]]:
    """Indices of the source's streams that go along, with their output arguments."""
    kept: list[tuple[int, Arguments]] = []
    sounds = int(dubbed)
    for sound in source.audio:
        if dubbed and sound is source.main_audio:
            continue
        try:
            plan = plan_sound(source.path, sound, container)
        except InputError:
            warnings.append(f"stream {sound.index} (audio, {sound.codec}) does not fit into {container.name}")
            continue
        lost = plan.warning(source.path, sound, container)
        if lost:
            warnings.append(lost)
        arguments: Arguments = {"filter:a:0": plan.placing} if plan.placing else {}
        arguments |= plan.options
        placed = {name.replace(":a:0", f":a:{sounds}"): value for name, value in arguments.items()}
        kept.append((sound.index, {f"c:a:{sounds}": plan.codec, **placed}))
        if dubbed:
            kept[-1][1][f"disposition:a:{sounds}"] = "-default"
        sounds += 1
    subtitles, pictures = 0, 1
    for stream in source.other_streams:
        if stream.kind == "subtitle":
            how = subtitle_codec(container, stream.codec)
            if how is not None:
                kept.append((stream.index, {f"c:s:{subtitles}": how}))
                subtitles += 1
                continue
        elif stream.kind == "picture" and container.pictures:
            kept.append((stream.index, {f"c:v:{pictures}": "copy", f"disposition:v:{pictures}": "attached_pic"}))
            pictures += 1
            continue
        elif stream.kind == "attachment" and container.name == "matroska":
            kept.append((stream.index, {}))
            continue
        elif "timecode" in stream.metadata:
            if _timecode(source) is None:
                warnings.append(
                    f"the timecode {stream.metadata['timecode']} does not go with the frame rate: it is lost"
                )
            continue  # it is a tag of the video, of which mov and mp4 make a track anew
        elif stream.kind == "data" and source.chapters:
            continue  # the text track that holds the chapters' titles: it is written anew
        warnings.append(f"stream {stream.index} ({stream.kind}, {stream.codec}) does not fit into {container.name}")
    return kept


def _tags(container: Container, source: MediaInfo, added: Mapping[str, str]) -> tuple[list[str], str]:
    """`-metadata` arguments of the file and its video, and the muxer flags they need."""
    tags = {key: value for key, value in source.metadata.items() if not _is_of_file(key)} | dict(added)
    if container.name == "mxf":
        # Its muxer keeps no other tags than those called so.
        tags = {f"comment_{key.removeprefix('comment_')}": value for key, value in tags.items()}
    arguments = [word for key, value in tags.items() for word in ("-metadata", f"{key}={value}")]
    for key, value in (source.video.metadata if source.video is not None else {}).items():
        if key.lower() in ("language", "title", "handler_name") and (key, value) != ("language", "und"):
            arguments += ["-metadata:s:v:0", f"{key}={value}"]
    timecode = _timecode(source)
    if timecode is not None:
        arguments += ["-metadata:s:v:0", f"timecode={timecode}"]
    free_form = container.has_timescale and any(key.lower() not in _MP4_TAGS for key in tags)
    return arguments, "+faststart" + ("+use_metadata_tags" if free_form else "")


def _is_of_file(key: str) -> bool:
    return key.lower() in _FILE_TAGS or key.lower().startswith(_MXF_TAGS)


def _timecode(source: MediaInfo) -> str | None:
    """The first frame's timecode, where a track of the source tells it and the frame rate allows it."""
    told = [stream.metadata for stream in source.other_streams]
    # Matroska and MXF tell it of the video, or of the whole file.
    told += [{} if source.video is None else source.video.metadata, source.metadata]
    found = next((tags[key] for tags in told for key in tags if key.lower() == "timecode"), None)
    # Numbers are dropped, which a semicolon tells, at rates of 30 a second and multiples only.
    if found is not None and ";" in found and (source.video is None or round(source.video.average_rate) % 30):
        return None
    return found


def _seconds(value: Fraction) -> str:
    return f"{float(value):.6f}"
