"""What each encoder and container takes: arguments, pixel formats, sound codecs, subtitles."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dubtool.errors import UsageError
from dubtool.media.pixels import PixelLayout, layout_of
from dubtool.media.probe import AudioInfo

Arguments = dict[str, str | int]

_AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_NVENC_PRESETS = {
    "ultrafast": "p1", "superfast": "p1", "veryfast": "p2", "faster": "p3", "fast": "p4", "medium": "p5",
    "slow": "p6", "slower": "p7", "veryslow": "p7",
}  # fmt: skip
_VPX_SPEED = {
    "ultrafast": 8, "superfast": 7, "veryfast": 6, "faster": 5, "fast": 4, "medium": 3, "slow": 2, "slower": 1,
    "veryslow": 0,
}  # fmt: skip
PRESETS = tuple(_NVENC_PRESETS)


@dataclass(frozen=True)
class Container:
    """What a container takes: sound codecs that are copied, PCM that stays PCM, what else becomes, and subtitles."""

    name: str
    copied_sound: frozenset[str]
    pcm: frozenset[str]
    sound_encoder: str
    subtitle_codec: str  # what text subtitles become; "" where they are copied as they are
    bitmap_subtitles: bool
    pictures: bool
    default_video: str
    videos: frozenset[str]
    has_timescale: bool


_PCM_LE = frozenset({"pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le"})
_PCM_BE = frozenset({"pcm_s16be", "pcm_s24be", "pcm_s32be", "pcm_f32be", "pcm_f64be"})
_COMMON = frozenset({"aac", "mp3", "ac3", "eac3", "alac"})
_H26X = frozenset({"libx264", "libx265", "h264_nvenc", "hevc_nvenc"})

_MP4 = Container("mp4", _COMMON | {"opus", "flac"}, frozenset(), "aac", "mov_text", False, True, "libx264", _H26X, True)
_MOV = Container("mov", _COMMON, _PCM_LE | _PCM_BE, "aac", "mov_text", False, False, "libx264", _H26X, True)
_MKV = Container(
    "matroska",
    _COMMON | {"mp2", "dts", "truehd", "mlp", "opus", "vorbis", "flac", "wavpack", "tta"},
    _PCM_LE | (_PCM_BE - {"pcm_f32be", "pcm_f64be"}),
    "flac",
    "",
    True,
    True,
    "libx264",
    _H26X | {"ffv1", "libvpx-vp9"},
    False,
)
_WEBM = Container(
    "webm",
    frozenset({"opus", "vorbis"}),
    frozenset(),
    "libopus",
    "webvtt",
    False,
    False,
    "libvpx-vp9",
    frozenset({"libvpx-vp9"}),
    False,
)
_BY_SUFFIX = {".mp4": _MP4, ".m4v": _MP4, ".mov": _MOV, ".mkv": _MKV, ".webm": _WEBM}


def container_for(output: Path) -> Container:
    """The container that the output's suffix names; raises UsageError for one we do not write."""
    container = _BY_SUFFIX.get(output.suffix.lower())
    if container is None:
        raise UsageError(f"{output}: unknown container '{output.suffix}': use one of {', '.join(sorted(_BY_SUFFIX))}")
    return container


def video_arguments(codec: str, crf: int, preset: str, *, lossless: bool) -> Arguments:
    """Quality arguments of an encoder. Raises UsageError for a codec or preset that is not known."""
    if preset not in PRESETS:
        raise UsageError(f"unknown preset '{preset}': use one of {', '.join(PRESETS)}")
    if codec == "libx264":
        return {"preset": preset, "qp": 0} if lossless else {"preset": preset, "crf": crf}
    if codec == "libx265":
        parameters = "log-level=error"
        if lossless:
            return {"preset": preset, "x265-params": f"lossless=1:{parameters}"}
        return {"preset": preset, "crf": crf, "x265-params": parameters}
    if codec in ("h264_nvenc", "hevc_nvenc"):
        quality: Arguments = {"tune": "lossless"} if lossless else {"rc": "vbr", "cq": crf, "b:v": 0}
        return {"preset": _NVENC_PRESETS[preset], **quality}
    if codec == "libvpx-vp9":
        speed: Arguments = {"deadline": "good", "cpu-used": min(_VPX_SPEED[preset], 5), "row-mt": 1}
        return speed | ({"lossless": 1} if lossless else {"crf": crf, "b:v": 0})
    if codec == "ffv1":
        return {"level": 3, "slicecrc": 1}
    raise UsageError(f"unknown video codec '{codec}': use one of {', '.join(sorted(_H26X | {'ffv1', 'libvpx-vp9'}))}")


def encoded_layout(codec: str, layout: PixelLayout, width: int, height: int) -> PixelLayout:
    """The layout nearest to the frames' own that the encoder takes.

    H.264 and H.265 crop in whole chroma samples, so a picture of odd size cannot be subsampled along that axis: it is
    coded 4:4:4, where every size is exact. Padding and cropping by the container would leave the size to the player.
    """
    chroma, depth = layout.chroma, layout.depth
    if codec in _H26X:
        subsampled = {"420": width % 2 or height % 2, "422": width % 2, "400": width % 2 or height % 2}
        if subsampled.get(chroma):
            chroma = "444"
    if codec == "libx264":
        depth = min(depth, 10)
    elif codec == "h264_nvenc":
        depth = 8
    elif codec == "hevc_nvenc":
        depth = min(depth, 10)
    if "nvenc" in codec:
        chroma = {"400": "420", "422": "444"}.get(chroma, chroma)
    elif codec == "libvpx-vp9" and chroma == "400":
        chroma = "420"
    return layout_of(chroma, depth)


def pixel_format(codec: str, layout: PixelLayout) -> str:
    """ffmpeg's name of the layout for this encoder."""
    if "nvenc" in codec and layout.depth == 10:
        return {"420": "p010le", "444": "yuv444p16le"}[layout.chroma]
    return layout.name


def sound_arguments(
    container: Container, sound: AudioInfo, *, encoded: bool = False, channels: int | None = None
) -> tuple[str, Arguments]:
    """The codec for a sound ("copy" where the container takes it as it is) and its arguments, suffix `:a:0`.

    PCM stays the same PCM, which loses nothing and can be cut to the sample. encoded: encode it in any case. channels:
    what it is mixed to, None for its own number.
    """
    channels = channels or sound.channels
    if not encoded and sound.codec in container.pcm:
        return sound.codec, {}
    if not encoded and sound.codec in container.copied_sound:
        return "copy", {}
    encoder = container.sound_encoder
    if encoder == "aac":
        rate = sound.sample_rate
        if rate not in _AAC_RATES:
            above = [known for known in _AAC_RATES if known >= rate]
            rate = min(above) if above else 88200 if rate % 44100 == 0 else 96000
        return encoder, {"ar:a:0": rate, "b:a:0": f"{max(160, 128 * channels)}k"}
    if encoder == "libopus":
        return encoder, {"ar:a:0": 48000, "b:a:0": f"{max(96, 80 * channels)}k"}
    return encoder, {}


def subtitle_codec(container: Container, codec: str) -> str | None:
    """How a subtitle stream goes into the container: "copy", an encoder, or None where it cannot go."""
    text = codec in ("subrip", "ass", "ssa", "webvtt", "text", "mov_text")
    if not text:
        return "copy" if container.bitmap_subtitles else None
    if container.subtitle_codec:
        return "copy" if codec == container.subtitle_codec else container.subtitle_codec
    return "srt" if codec == "mov_text" else "copy"
