"""What each encoder and container takes: arguments, pixel formats, sound codecs, subtitles."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dubtool.errors import UsageError
from dubtool.media.color import HDR_TRANSFERS
from dubtool.media.delivery import DELIVERIES, called, encoder_of
from dubtool.media.efforts import EFFORTS
from dubtool.media.hdr import HdrMetadata
from dubtool.media.pixels import NATIVE, PixelLayout, layout_of, nearest, nearest_layout
from dubtool.media.probe import AudioInfo, VideoInfo

Arguments = dict[str, str | int]

_AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
# Blocks move as a whole, and are looked for in diamonds: a fifth to a third of the time less, for 0 to 5 % of the size
# and at most 0.25 dB at 50 dB (docs/speed.md).
_X264_QUICKER: Arguments = {"partitions": "i8x8,i4x4", "motion-est": "dia"}
_NVENC_PRESETS = {
    "ultrafast": "p1", "superfast": "p1", "veryfast": "p2", "faster": "p3", "fast": "p4", "medium": "p5",
    "slow": "p6", "slower": "p7", "veryslow": "p7",
}  # fmt: skip
_SVT_PRESETS = {
    "ultrafast": 12, "superfast": 11, "veryfast": 10, "faster": 9, "fast": 8, "medium": 7, "slow": 5, "slower": 4,
    "veryslow": 2,
}  # fmt: skip
_VPX_SPEED = {
    "ultrafast": 8, "superfast": 7, "veryfast": 6, "faster": 5, "fast": 4, "medium": 3, "slow": 2, "slower": 1,
    "veryslow": 0,
}  # fmt: skip


def _layouts(chromas: str, depths: tuple[int, ...], *, alpha: bool = False) -> list[PixelLayout]:
    kinds = [layout_of(chroma, depth, alpha=alpha) for chroma in chromas.split() for depth in depths]
    return [kind for kind in kinds if kind.name in NATIVE]


# What each encoder takes, as far back as ffmpeg 5.
_TAKEN = {
    "libx264": _layouts("400 420 422 444", (8, 10)),
    "libx265": _layouts("400 420 422 444", (8, 10, 12)),
    "h264_nvenc": _layouts("420 444", (8,)),
    "hevc_nvenc": _layouts("420 444", (8, 10)),
    "libvpx-vp9": [*_layouts("420 422 440 444", (8, 10, 12)), layout_of("420", 8, alpha=True)],
    "ffv1": [
        *_layouts("400", (8, 10, 12, 16)),
        *_layouts("410 411 420 422 440 444 rgb", (8, 9, 10, 12, 14, 16)),
        layout_of("400", 8, alpha=True),
        *_layouts("420 422 444 rgb", (8, 9, 10, 12, 16), alpha=True),
    ],
    "prores_ks": [*_layouts("422 444", (10,)), layout_of("444", 10, alpha=True)],
    "dnxhd": [*_layouts("422", (8, 10)), *_layouts("444 rgb", (10,))],
    "libsvtav1": _layouts("420", (8, 10)),
    "png": [
        *_layouts("400 rgb", (8, 16)),
        *_layouts("rgb", (8, 16), alpha=True),
        layout_of("400", 8, alpha=True),
    ],
    "exr": [layout_of("rgb", 16), layout_of("rgb", 16, alpha=True)],
} | {name: list(one.layouts) for name, one in DELIVERIES.items()}
_PNG = {
    (True, False, 8): "gray", (True, False, 16): "gray16be", (True, True, 8): "ya8",
    (False, False, 8): "rgb24", (False, False, 16): "rgb48be", (False, True, 8): "rgba", (False, True, 16): "rgba64be",
}  # fmt: skip
_WITH_ALPHA = ("ffv1", "prores_ks", "libvpx-vp9")
# Encoders that keep the fields of interlaced pictures apart.
FIELD_ENCODERS = called("libx264", "prores_ks", "ffv1")


@dataclass(frozen=True)
class Container:
    """What a container takes: sound codecs that are copied, PCM that stays PCM, what else becomes, and subtitles.

    sound_rate: the only one it takes, Hz. even: it holds frames at even times only. sequence: files of one frame each.
    """

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
    text_subtitles: bool = True
    sound_rate: int | None = None
    even: bool = False
    sequence: bool = False


_PCM_LE = frozenset({"pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le"})
_PCM_BE = frozenset({"pcm_s16be", "pcm_s24be", "pcm_s32be", "pcm_f32be", "pcm_f64be"})
_COMMON = frozenset({"aac", "mp3", "ac3", "eac3", "alac"})
_H26X = called("libx264", "libx265", "h264_nvenc", "hevc_nvenc")
_AV1 = called("libsvtav1")
_STUDIO = called("prores_ks", "dnxhd")
_SILENT: frozenset[str] = frozenset()

_MP4 = Container(
    "mp4", _COMMON | {"opus", "flac"}, frozenset(), "aac", "mov_text", False, True, "libx264", _H26X | _AV1, True
)
_MOV = Container("mov", _COMMON, _PCM_LE | _PCM_BE, "aac", "mov_text", False, False, "libx264", _H26X | _STUDIO, True)
_MKV = Container(
    "matroska",
    _COMMON | {"mp2", "dts", "truehd", "mlp", "opus", "vorbis", "flac", "wavpack", "tta"},
    _PCM_LE | (_PCM_BE - {"pcm_f32be", "pcm_f64be"}),
    "flac",
    "",
    True,
    True,
    "libx264",
    _H26X | _AV1 | _STUDIO | {"ffv1", "libvpx-vp9"},
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
    _AV1 | {"libvpx-vp9"},
    False,
)
_MXF = Container(
    "mxf",
    _SILENT,
    frozenset({"pcm_s16le", "pcm_s24le"}),
    "pcm_s24le",
    "",
    False,
    False,
    "dnxhd",
    _STUDIO,
    False,
    text_subtitles=False,
    sound_rate=48000,
    even=True,
)


def _sequence(codec: str) -> Container:
    return Container(
        "image2", _SILENT, _SILENT, "", "", False, False, codec, frozenset({codec}), False,
        text_subtitles=False, even=True, sequence=True,
    )  # fmt: skip


_BY_SUFFIX = {
    ".mp4": _MP4, ".m4v": _MP4, ".mov": _MOV, ".mkv": _MKV, ".webm": _WEBM, ".mxf": _MXF,
    ".png": _sequence("png"), ".exr": _sequence("exr"),
}  # fmt: skip


def container_for(output: Path) -> Container:
    """The container that the output's suffix names; raises UsageError for one we do not write."""
    container = _BY_SUFFIX.get(output.suffix.lower())
    if container is None:
        raise UsageError(f"{output}: unknown container '{output.suffix}': use one of {', '.join(sorted(_BY_SUFFIX))}")
    return container


def is_container(suffix: str) -> bool:
    """Whether files that end so can be written."""
    return suffix.lower() in _BY_SUFFIX


def usual_codec(container: Container, video: VideoInfo | None) -> str:
    """The codec for a container where none is asked for: one that keeps alpha where there is such, and HEVC for HDR,
    which players know as nothing else."""
    if video is not None:
        if nearest_layout(video.pixel_format).alpha:
            return next((codec for codec in _WITH_ALPHA if codec in container.videos), container.default_video)
        if video.color_trc in HDR_TRANSFERS and "libx265" in container.videos:
            return "libx265"
    return container.default_video


def video_arguments(codec: str, crf: int, preset: str, *, lossless: bool) -> Arguments:
    """Quality arguments of an encoder. Raises UsageError for a codec or preset that is not known."""
    if preset not in EFFORTS:
        raise UsageError(f"unknown effort '{preset}' of the encoder: use one of {', '.join(EFFORTS)}")
    named, codec = codec, encoder_of(codec)
    if codec == "libx264":
        if lossless:
            return {"preset": preset, "qp": 0}
        usual: Arguments = {"preset": preset, "crf": crf}
        return usual | _X264_QUICKER if preset == "veryfast" else usual
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
    if codec in ("prores_ks", "dnxhd", "libsvtav1", "exr") and lossless:
        raise UsageError(f"{named} always loses something: leave out --lossless, or use ffv1 in .mkv")
    if codec == "prores_ks":
        return {"vendor": "apl0"}
    if codec == "libsvtav1":
        return {"preset": _SVT_PRESETS[preset], "crf": crf}
    if codec == "exr":
        return {"format": "half", "compression": "zip16"}
    if codec in ("dnxhd", "png"):
        return {}
    raise UsageError(f"unknown video codec '{codec}': use one of {', '.join(sorted({*_TAKEN} - {'png', 'exr'}))}")


def layout_arguments(codec: str, coded: PixelLayout) -> Arguments:
    """Arguments of an encoder for frames of this layout."""
    if codec in DELIVERIES:
        return dict(DELIVERIES[codec].arguments)
    if codec == "dnxhd":
        return {"profile": "dnxhr_444" if coded.chroma != "422" else "dnxhr_hqx" if coded.depth > 8 else "dnxhr_hq"}
    if codec == "prores_ks":
        return {"profile": 4 if coded.alpha or coded.chroma == "444" else 3}
    if codec == "libvpx-vp9" and coded.alpha:
        return {"auto-alt-ref": 0}  # libvpx refuses alpha with such frames
    return {}


def encoded_layout(codec: str, layout: PixelLayout, width: int, height: int) -> PixelLayout:
    """The layout nearest to the frames' own that the encoder takes.

    H.264 and H.265 crop in whole chroma samples, so a picture of odd size cannot be subsampled along that axis: it is
    coded 4:4:4, where every size is exact. Padding and cropping by the container would leave the size to the player.
    """
    offered = _TAKEN[codec]
    if encoder_of(codec) in _H26X:
        odd_x, odd_y = width % 2, height % 2
        offered = [
            one
            for one in offered
            if not (odd_x and one.shifts[0]) and not (odd_y and one.shifts[1]) and not (one.gray and (odd_x or odd_y))
        ]
    return nearest(layout, offered)


def pixel_format(codec: str, layout: PixelLayout) -> str:
    """ffmpeg's name of the layout for this encoder."""
    if "nvenc" in codec and layout.depth == 10:
        return {"420": "p010le", "444": "yuv444p16le"}[layout.chroma]
    if codec == "png":
        return _PNG[layout.gray, layout.alpha, layout.depth]
    if codec == "exr":
        return "gbrapf32le" if layout.alpha else "gbrpf32le"
    if codec == "ffv1" and layout.rgb and layout.depth == 8:
        return "bgra" if layout.alpha else "bgr0"
    return layout.name


def hdr_parameters(codec: str, hdr: HdrMetadata) -> list[str]:
    """HDR10's static metadata as parameters of the encoder; empty where it takes none."""
    codec = encoder_of(codec)
    if codec == "libsvtav1":
        told = [] if hdr.mastering is None else [f"mastering-display={hdr.mastering.svtav1()}"]
        return [*told, f"content-light={hdr.light[0]},{hdr.light[1]}"] if hdr.light is not None else told
    if codec not in ("libx264", "libx265"):
        return []
    mastering, light = ("master-display", "max-cll") if codec == "libx265" else ("mastering-display", "cll")
    told = [] if hdr.mastering is None else [f"{mastering}={hdr.mastering.x265()}"]
    return [*told, f"{light}={hdr.light[0]},{hdr.light[1]}"] if hdr.light is not None else told


def sound_arguments(
    container: Container, sound: AudioInfo, *, encoded: bool = False, channels: int | None = None
) -> tuple[str, Arguments]:
    """The codec for a sound ("copy" where the container takes it as it is) and its arguments, suffix `:a:0`.

    PCM stays the same PCM, which loses nothing and can be cut to the sample. encoded: encode it in any case. channels:
    what it is mixed to, None for its own number.
    """
    channels = channels or sound.channels
    rate = container.sound_rate
    if not encoded and sound.codec in container.pcm and rate in (None, sound.sample_rate):
        return sound.codec, {}
    if rate is not None:
        return container.sound_encoder, {"ar:a:0": rate}
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
    if not container.text_subtitles:
        return None
    text = codec in ("subrip", "ass", "ssa", "webvtt", "text", "mov_text")
    if not text:
        return "copy" if container.bitmap_subtitles else None
    if container.subtitle_codec:
        return "copy" if codec == container.subtitle_codec else container.subtitle_codec
    return "srt" if codec == "mov_text" else "copy"
