from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from dubbing_place import Make, Run, ffmpeg

from dubtool.errors import OutputError, UsageError
from dubtool.media import encode
from dubtool.media.codecs import container_for, encoded_layout, video_arguments
from dubtool.media.decode import VideoReader
from dubtool.media.encode import VideoWriter, same_file
from dubtool.media.ffmpeg import Ffmpeg, FfmpegProcess, find_ffmpeg
from dubtool.media.frame import Frame
from dubtool.media.mux import VideoEncoding, build_command
from dubtool.media.pixels import layout_of, nearest_layout
from dubtool.media.probe import MediaInfo, probe


def _copy(info: MediaInfo, output: Path, **options: Any) -> list[str]:
    """Every frame of the source to the output; gives the writer's warnings."""
    with VideoWriter(output, info, **({"preset": "ultrafast"} | options)) as writer:
        for frame in VideoReader(info):
            writer.write(frame, frame.time, frame.duration)
    return writer.warnings


def _same_planes(one: Iterable[Frame], other: Iterable[Frame]) -> bool:
    return all(
        np.array_equal(a, b)
        for left, right in zip(one, other, strict=True)
        for a, b in zip(left.planes, right.planes, strict=True)
    )


def _only(folder: Path, *names: str) -> bool:
    return sorted(path.name for path in folder.iterdir()) == sorted(names)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def speech(tmp_path: Path, ffmpeg_run: Run) -> Path:
    path = tmp_path / "speech.wav"
    ffmpeg_run("-f", "lavfi", "-i", "aevalsrc=0.4*sin(2000*t)|0.2*sin(3000*t):s=22050:d=0.8", path)
    return path


@pytest.mark.parametrize(
    ("name", "pixel_format", "codec"),
    [
        ("a.mp4", "yuv420p", "libx264"),
        ("b.mkv", "yuv422p", "libx264"),
        ("c.mov", "yuv444p", "libx264"),
        ("d.mkv", "yuv420p10le", "ffv1"),
        ("e.mkv", "gray", "ffv1"),
        ("f.mkv", "yuvj420p", "libx264"),
        ("g.webm", "yuv420p", "libvpx-vp9"),
        ("h.mp4", "yuv420p10le", "libx265"),
        ("i.mkv", "nv12", "libx264"),
        ("j.mkv", "gbrp", "ffv1"),
        ("k.mkv", "gbrap12le", "ffv1"),
        ("l.mkv", "yuva444p10le", "ffv1"),
        ("m.mkv", "ya8", "ffv1"),
        ("n.mkv", "yuv411p", "ffv1"),
        ("o.mkv", "yuv410p", "ffv1"),
        ("p.mkv", "yuv440p", "ffv1"),
        ("q.mkv", "yuv444p16le", "ffv1"),
        ("r.mkv", "gbrap16le", "ffv1"),
        ("s.mkv", "yuv422p9le", "ffv1"),
        ("t.webm", "yuva420p", "libvpx-vp9"),
    ],
)
def test_a_lossless_round_trip_changes_no_sample(
    make_video: Make, out: Path, name: str, pixel_format: str, codec: str
) -> None:
    clear = "format=gbrap,colorchannelmixer=aa=0.4" if nearest_layout(pixel_format).alpha else "null"
    info = probe(make_video("source.nut", "-c:v", "rawvideo", "-pix_fmt", pixel_format, frames=6, filters=clear))
    assert _copy(info, out / name, codec=codec, lossless=True) == []
    result = probe(out / name)
    read_back = list(VideoReader(result))
    original = list(VideoReader(info))
    if pixel_format == "nv12":
        original = [
            Frame([f.planes[0], f.planes[1][..., 0], f.planes[1][..., 1]], layout_of("420", 8), f.color)
            for f in original
        ]
    assert _same_planes(original, read_back)
    assert result.require_video().bit_depth == info.require_video().bit_depth
    assert result.require_video().color_range in (
        info.require_video().color_range,
        "pc" if pixel_format.startswith(("gray", "ya8", "gbr")) else "tv",
    )


@pytest.mark.parametrize(
    ("name", "pixel_format", "codec", "kept"),
    [
        ("a.mov", "yuva444p12le", "prores_ks", "yuva444p"),
        ("b.mkv", "gbrap", "ffv1", "bgra"),
        ("c.webm", "gbrap", "libvpx-vp9", "yuva420p"),
        ("d.mp4", "yuva444p12le", "libx264", ""),
        ("e.mp4", "ya8", "libx264", ""),
    ],
)
def test_alpha_goes_where_it_can_and_its_loss_is_told(
    make_video: Make, out: Path, name: str, pixel_format: str, codec: str, kept: str
) -> None:
    clear = "gblur=3,format=gbrap,colorchannelmixer=aa=0.4"
    info = probe(make_video("source.nut", "-c:v", "rawvideo", "-pix_fmt", pixel_format, frames=3, filters=clear))
    told = _copy(info, out / name)
    video = probe(out / name)
    assert video.require_video().codec in codec.replace("x264", "h264")
    assert video.require_video().pixel_format.startswith(kept or "yuv")
    assert any("transparency" in line for line in told) == (not kept)
    before, after = next(iter(VideoReader(info))), next(iter(VideoReader(video)))
    if kept:
        alpha = after.planes[-1] / (2**after.layout.depth - 1)
        assert np.abs(alpha - 0.4).max() < 0.01
    assert np.abs(before.rgb().astype(int) - after.rgb().astype(int)).mean() < 5


def test_prores_is_never_lossless(make_video: Make, out: Path) -> None:
    with pytest.raises(UsageError, match="ffv1"):
        VideoWriter(out / "o.mov", probe(make_video("a.mp4")), codec="prores_ks", lossless=True)


@pytest.mark.parametrize("flip", [[], ["-display_hflip"]])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_every_display_matrix_survives_as_a_flag(
    make_video: Make, ffmpeg_run: Run, tmp_path: Path, out: Path, rotation: int, flip: list[str]
) -> None:
    plain, turned = make_video("plain.mp4", "-pix_fmt", "yuv422p", "-c:v", "libx264", frames=3), tmp_path / "turned.mp4"
    ffmpeg_run("-display_rotation", rotation, *flip, "-i", plain, "-c", "copy", turned)
    info = probe(turned)
    for suffix in (".mp4", ".mov", ".mkv"):
        _copy(info, out / f"o{suffix}", lossless=True)
        video = probe(out / f"o{suffix}").require_video()
        assert (video.width, video.height, video.mirrored) == (96, 64, bool(flip))
        assert video.rotation == (rotation if flip else -rotation) % 360
        assert _same_planes(VideoReader(info), VideoReader(probe(out / f"o{suffix}")))


@pytest.mark.parametrize(
    ("order", "name", "codec"),
    [
        ("tt", "a.mp4", "libx264"),
        ("bb", "g.mp4", "libx264"),
        ("bb", "b.mkv", "libx264"),
        ("tt", "c.mov", "prores_ks"),
        ("bb", "d.mov", "prores_ks"),
        ("tt", "e.mkv", "ffv1"),
        ("bb", "f.mkv", "ffv1"),
    ],
)
def test_the_order_of_fields_survives(make_video: Make, out: Path, order: str, name: str, codec: str) -> None:
    first = "top" if order == "tt" else "bottom"
    woven = f"tinterlace=interleave_{first},setfield={first[0]}ff"
    flags = ["-flags", "+ilme+ildct", "-x264-params", f"{first[0]}ff=1"]
    info = probe(make_video("source.mp4", "-c:v", "libx264", *flags, frames=6, rate="50", filters=woven))
    assert info.require_video().field_order == order
    assert _copy(info, out / name, codec=codec) == []
    assert probe(out / name).require_video().field_order == order
    with av.open(str(out / name)) as container:
        # AVFieldOrder, as players and editors read it of the stream.
        assert container.streams.video[0].codec_context.field_order in ((2, 4) if order == "tt" else (3, 5))


def test_an_encoder_without_fields_says_so(make_video: Make, out: Path) -> None:
    flags = ["-flags", "+ilme+ildct", "-x264-params", "tff=1"]
    info = probe(make_video("source.mp4", "-c:v", "libx264", *flags, filters="setfield=tff", frames=3))
    assert any("fields" in line for line in _copy(info, out / "o.webm"))


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("name", ["o.mp4", "o.mkv"])
def test_the_metadata_of_hdr10_survives(make_video: Make, out: Path, name: str, codec: str) -> None:
    display = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
    told = f"log-level=error:master-display={display}:max-cll=1000,400"
    path = make_video("a.mp4", "-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params", told, frames=2)
    info = probe(path)
    hdr = info.require_video().hdr
    assert hdr is not None and hdr.mastering is not None
    assert (hdr.mastering.x265(), hdr.light) == (display, (1000, 400))
    assert _copy(info, out / name, codec=codec) == []
    assert probe(out / name).require_video().hdr == hdr


def test_lost_metadata_of_hdr10_is_told(make_video: Make, out: Path) -> None:
    told = "log-level=error:max-cll=1000,400"
    path = make_video("a.mp4", "-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params", told, frames=2)
    assert any("light levels" in line for line in _copy(probe(path), out / "o.webm"))


@pytest.mark.parametrize(("rate", "timecode"), [("25", "01:02:03:04"), ("30000/1001", "01:02:03;04")])
@pytest.mark.parametrize("name", ["o.mov", "o.mp4", "o.mkv"])
def test_a_timecode_is_carried_over(make_video: Make, out: Path, name: str, rate: str, timecode: str) -> None:
    info = probe(make_video("a.mov", "-timecode", timecode, frames=4, rate=rate))
    assert [stream.metadata["timecode"] for stream in info.other_streams] == [timecode]
    assert _copy(info, out / name) == []
    copy = probe(out / name)
    told = {key.lower(): value for key, value in copy.require_video().metadata.items()}
    assert told["timecode"] == timecode
    assert len(copy.other_streams) == (0 if name == "o.mkv" else 1)


def test_dynamic_metadata_that_are_lost_are_told(make_video: Make, out: Path) -> None:
    told = "log-level=error:bframes=0:max-cll=1000,400"
    path = make_video("a.mp4", "-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params", told, frames=2)
    _put_before_pictures(path, _hdr10_plus())
    _say_dolby_vision(path, profile=8)
    info = probe(path)
    hdr = info.require_video().hdr
    assert hdr is not None and hdr.dynamic == ("HDR10+", "Dolby Vision profile 8")
    lost = _copy(info, out / "o.mkv", codec="libx265")
    assert len(lost) == 2 and "HDR10+" in lost[0] and "Dolby Vision profile 8" in lost[1]
    _say_dolby_vision(path, profile=5)
    assert any("colours are wrong" in line for line in _copy(probe(path), out / "p.mkv", codec="libx265"))


def _put_before_pictures(path: Path, message: bytes) -> None:
    """Put an SEI message before each HEVC picture of a film."""
    raw = path.with_suffix(".hevc")
    ffmpeg("-i", path, "-c", "copy", "-bsf:v", "hevc_mp4toannexb", raw)
    head, *units = raw.read_bytes().split(b"\0\0\1")
    # Type 39 is a prefix SEI; the types below 32 are slices, and their first bit tells the first of a picture.
    with_message = [
        (b"\0\0\1" + bytes([39 << 1, 1]) + message if unit[0] >> 1 < 32 and unit[2] & 0x80 else b"") + b"\0\0\1" + unit
        for unit in units
    ]
    raw.write_bytes(head + b"".join(with_message))
    ffmpeg("-r", 25, "-i", raw, "-c", "copy", "-tag:v", "hvc1", path)


def _hdr10_plus() -> bytes:
    """An SEI message of SMPTE ST 2094-40 with one window and neither tone curve nor saturation weight."""
    fields = [(0xB5, 8), (0x3C, 16), (1, 16), (4, 8), (1, 8), (1, 2), (400, 27), (0, 1)]
    fields += [(1000, 17), (1001, 17), (1002, 17), (500, 17), (0, 4), (10, 10), (0, 1), (0, 1), (0, 1)]
    bits = "".join(f"{value:0{size}b}" for value, size in fields)
    data = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    message = bytes([4, len(data)]) + data + b"\x80"
    return re.sub(rb"\0\0(?=[\0-\3])", b"\0\0\3", message)  # no start code within


def _say_dolby_vision(path: Path, profile: int) -> None:
    """Put a configuration box into the film's sample entry, or change the one that is there."""
    data = path.read_bytes()
    flags = ((profile << 9) | (6 << 3) | 0b101).to_bytes(2, "big")
    box = b"dvvC" + bytes([1, 0]) + flags + bytes([0x10]) + bytes(19)
    old = re.search(rb"dvvC.{24}", data, re.DOTALL)
    if old:
        path.write_bytes(data.replace(old[0], box))
        return
    # The sample entry's boxes are lengthened, and all that hold it; the index lies behind the pictures.
    entry = data.index(b"hvc1", data.index(b"stsd")) - 4
    size = int.from_bytes(data[entry : entry + 4], "big")
    longer = bytearray(data[: entry + size] + (28 + 4).to_bytes(4, "big") + box + data[entry + size :])
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"hvc1"):
        place = data.index(name, data.index(b"moov")) - 4
        longer[place : place + 4] = (int.from_bytes(data[place : place + 4], "big") + 32).to_bytes(4, "big")
    path.write_bytes(longer)


@pytest.mark.parametrize(
    ("tags", "pixel_format", "codec"),
    [
        (("tv", "bt709", "bt709", "bt709"), "yuv420p", "libx264"),
        (("tv", "bt2020nc", "bt2020", "smpte2084"), "yuv420p10le", "libx264"),
        (("tv", "bt2020nc", "bt2020", "arib-std-b67"), "yuv420p10le", "libx265"),
        (("pc", "smpte170m", "smpte170m", "smpte170m"), "yuv420p", "libx264"),
        (("unknown", "unknown", "unknown", "unknown"), "yuv420p", "libx264"),
    ],
)
def test_colour_tags_depth_and_sample_aspect_survive(
    make_video: Make, out: Path, tags: tuple[str, str, str, str], pixel_format: str, codec: str
) -> None:
    names = ("range", "colorspace", "color_primaries", "color_trc")
    filters = "setparams=" + ":".join(f"{name}={tag}" for name, tag in zip(names, tags, strict=True)) + ",setsar=16/11"
    info = probe(make_video("a.mp4", "-c:v", "libx264", "-pix_fmt", pixel_format, frames=3, filters=filters))
    for name in ("o.mp4", "o.mkv"):
        _copy(info, out / name, codec=codec)
        video = probe(out / name).require_video()
        # A player takes untagged Y'CbCr as limited range, and some encoders say so.
        assert video.color_range == tags[0] or (tags[0], video.color_range) == ("unknown", "tv")
        assert (video.color_space, video.color_primaries, video.color_trc) == tags[1:]
        assert video.bit_depth == info.require_video().bit_depth
        assert video.sample_aspect == Fraction(16, 11)


@pytest.mark.parametrize("size", ["641x359", "64x47", "63x48"])
def test_odd_sizes_survive(make_video: Make, out: Path, size: str) -> None:
    scaled = f"scale={size.replace('x', ':')}"  # the generator itself makes even sizes only
    info = probe(make_video("a.mkv", "-c:v", "ffv1", "-pix_fmt", "yuv420p", filters=scaled, frames=2))
    assert info.require_video().width == int(size.split("x")[0])
    for name, codec in [("o.mp4", "libx264"), ("p.mp4", "libx265"), ("q.webm", None), ("r.mkv", "ffv1")]:
        _copy(info, out / name, codec=codec, lossless=True)
        video = probe(out / name).require_video()
        assert f"{video.width}x{video.height}" == size
        for one, other in zip(VideoReader(info), VideoReader(probe(out / name)), strict=True):
            np.testing.assert_array_equal(one.planes[0], other.planes[0])


def test_even_sizes_are_not_widened_to_444() -> None:
    assert encoded_layout("libx264", layout_of("420", 8), 640, 360).name == "yuv420p"
    assert encoded_layout("libx264", layout_of("422", 8), 640, 359).name == "yuv422p"
    assert encoded_layout("libx264", layout_of("420", 12), 640, 360).name == "yuv420p10le"


def test_variable_rate_and_ntsc_times_survive(make_video: Make, out: Path) -> None:
    filters = "settb=1/1000,setpts='if(lt(N,5),N*40,200+(N-5)*107)'"
    slow = probe(make_video("vfr.mp4", "-enc_time_base", "1:1000", frames=9, filters=filters))
    ntsc = probe(make_video("ntsc.mp4", rate="30000/1001", frames=9))
    for number, info in enumerate((slow, ntsc)):
        output = out / f"{number}.mp4"
        _copy(info, output)
        assert VideoReader(probe(output)).scan()[:-1] == VideoReader(info).scan()[:-1]
    assert VideoReader(probe(out / "1.mp4")).scan()[-1] == (Fraction(8008, 30000), Fraction(1001, 30000))
    assert probe(out / "1.mp4").require_video().average_rate == Fraction(30000, 1001)


def test_one_frame_is_a_video(make_video: Make, out: Path) -> None:
    info = probe(make_video("one.mp4", frames=1))
    _copy(info, out / "o.mp4")
    assert VideoReader(probe(out / "o.mp4")).scan() == [(Fraction(0), Fraction(1, 25))]


@pytest.mark.parametrize(
    "name", ["mit Leerzeichen.mp4", "a.b.c.mkv", 'it\'s "q"; $(x).mp4', "näß–日本.mov", "a:b %03d.mp4"]
)
def test_any_file_name_is_written(make_video: Make, speech: Path, tmp_path: Path, out: Path, name: str) -> None:
    info = probe(make_video(name, frames=3))
    sound = speech.rename(tmp_path / f"{name}.wav")
    _copy(info, out / name, soundtrack=sound, audio_duration=Fraction(3, 25))
    assert _only(out, name)
    assert len(probe(out / name).audio) == 1


def _rich_source(make_video: Make, ffmpeg_run: Run, tmp_path: Path) -> Path:
    tags = tmp_path / "tags.txt"
    chapters = "".join(
        f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={start}\nEND={start + 400}\ntitle={title}\n"
        for start, title in ((0, "One"), (400, "Two"))
    )
    tags.write_text(f";FFMETADATA1\ntitle=Der Film\n{chapters}")
    words = tmp_path / "words.srt"
    words.write_text("1\n00:00:00,100 --> 00:00:00,500\nhello there\n\n")
    path = tmp_path / "rich.mp4"
    ffmpeg_run(
        "-i", make_video("bare.mp4"), "-f", "lavfi", "-i", "sine=f=300:d=0.8", "-f", "lavfi", "-i", "sine=f=900:d=0.8",
        "-i", words, "-i", tags, "-map", 0, "-map", 1, "-map", 2, "-map", 3, "-map_metadata", 4, "-map_chapters", 4,
        "-c:v", "copy", "-c:a", "aac", "-c:s", "mov_text", "-metadata:s:a:1", "language=fra",
        "-metadata:s:s:0", "language=ita", path,
    )  # fmt: skip
    return path


def _subtitle_text(path: Path, ffmpeg_run: Run) -> str:
    ffmpeg_run("-i", path, "-map", "0:s:0", path.with_suffix(".srt"))
    return path.with_suffix(".srt").read_text()


@pytest.mark.parametrize(("name", "subtitle"), [("o.mp4", "mov_text"), ("o.mkv", "subrip"), ("o.mov", "mov_text")])
def test_chapters_subtitles_second_sound_and_tags_survive(
    make_video: Make, ffmpeg_run: Run, tmp_path: Path, speech: Path, out: Path, name: str, subtitle: str
) -> None:
    info = probe(_rich_source(make_video, ffmpeg_run, tmp_path))
    made = {"comment": "synthetic: made by dubtool", "dubtool_weights": "dinet=0123"}
    warnings = _copy(info, out / name, soundtrack=speech, audio_duration=Fraction(4, 5), metadata=made)
    assert warnings == []
    result = probe(out / name)
    tags = {key.lower(): value for key, value in result.metadata.items()}
    assert tags["title"] == "Der Film"
    assert tags["comment"] == made["comment"] and tags["dubtool_weights"] == made["dubtool_weights"]
    assert [(c.start, c.end, c.title) for c in result.chapters] == [
        (Fraction(0), Fraction(2, 5), "One"),
        (Fraction(2, 5), Fraction(4, 5), "Two"),
    ]
    dubbed, second = result.audio
    assert (dubbed.channels, dubbed.sample_rate, dubbed.default) == (2, 22050, True)
    assert (second.metadata["language"], second.default) == ("fra", False)
    texts = [stream for stream in result.other_streams if stream.kind == "subtitle"]
    assert [(stream.codec, stream.metadata["language"]) for stream in texts] == [(subtitle, "ita")]
    assert "00:00:00,100 --> 00:00:00,500\nhello there" in _subtitle_text(out / name, ffmpeg_run)


def test_without_a_soundtrack_all_of_the_sound_stays(
    make_video: Make, ffmpeg_run: Run, tmp_path: Path, out: Path
) -> None:
    info = probe(_rich_source(make_video, ffmpeg_run, tmp_path))
    _copy(info, out / "o.mp4")
    assert [stream.codec for stream in probe(out / "o.mp4").audio] == ["aac", "aac"]


def test_the_source_may_be_its_own_soundtrack(make_video: Make, out: Path) -> None:
    info = probe(make_video("a.mp4", "-c:a", "aac", sound=True))
    _copy(info, out / "o.mp4", soundtrack=info.path, audio_duration=Fraction(4, 5))
    assert len(probe(out / "o.mp4").audio) == 1


def test_what_the_container_cannot_take_is_named(make_video: Make, ffmpeg_run: Run, tmp_path: Path, out: Path) -> None:
    attached, source = tmp_path / "letter.txt", tmp_path / "a.mkv"
    attached.write_text("a letter")
    ffmpeg_run(
        "-i", make_video("bare.mp4", frames=3), "-c", "copy", "-attach", attached,
        "-metadata:s:t", "mimetype=text/plain", source,
    )  # fmt: skip
    assert "attachment" in _copy(probe(source), out / "o.mp4")[0]
    assert _copy(probe(source), out / "o.mkv") == []
    assert [stream.kind for stream in probe(out / "o.mkv").other_streams] == ["attachment"]


def test_a_cover_picture_survives(make_video: Make, ffmpeg_run: Run, tmp_path: Path, out: Path) -> None:
    cover, source = make_video("cover.png", "-c:v", "png", frames=1), tmp_path / "a.mp4"
    ffmpeg_run(
        "-i", make_video("bare.mp4", frames=3), "-i", cover, "-map", 0, "-map", 1, "-c", "copy",
        "-disposition:v:1", "attached_pic", source,
    )  # fmt: skip
    _copy(probe(source), out / "o.mp4")
    assert [(stream.kind, stream.codec) for stream in probe(out / "o.mp4").other_streams] == [("picture", "png")]


def _sound(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)


@pytest.mark.parametrize("seconds", [Fraction(2, 5), Fraction(6, 5)])
def test_pcm_is_kept_to_the_sample_and_cut_or_padded(
    make_video: Make, speech: Path, out: Path, seconds: Fraction
) -> None:
    frames = int(seconds * 25)
    info = probe(make_video("a.mp4", frames=frames))
    for name in ("o.mkv", "o.mov"):
        _copy(info, out / name, soundtrack=speech, audio_duration=seconds)
        assert probe(out / name).require_audio().codec == "pcm_s16le"
        heard, said = _sound(out / name)[0], _sound(speech)[0]
        assert len(heard) == 2 * int(seconds * 22050)
        common = min(len(heard), len(said))
        np.testing.assert_array_equal(heard[:common], said[:common])
        assert not heard[common:].any()


@pytest.mark.parametrize(
    ("rate", "channels", "kept_rate"),
    [(8000, "mono", 8000), (192000, "stereo", 96000), (48000, "5.1", 48000), (37000, "mono", 44100)],
)
def test_mp4_gets_aac_at_the_soundtracks_rate_and_channels(
    make_video: Make,
    ffmpeg_run: Run,
    tmp_path: Path,
    out: Path,
    rate: int,
    channels: str,
    kept_rate: int,
) -> None:
    sound = tmp_path / "s.wav"
    ffmpeg_run("-f", "lavfi", "-i", "sine=d=1", "-af", f"aformat=channel_layouts={channels}", "-ar", rate, sound)
    info = probe(make_video("a.mp4"))
    _copy(info, out / "o.mp4", soundtrack=sound, audio_duration=Fraction(4, 5))
    result = probe(out / "o.mp4").require_audio()
    assert (result.codec, result.sample_rate, result.layout) == ("aac", kept_rate, channels)
    assert result.duration is not None and abs(result.duration - Fraction(4, 5)) < Fraction(1, 50)


def test_compressed_sound_is_copied_where_it_fits_and_opus_goes_into_webm(
    make_video: Make, ffmpeg_run: Run, tmp_path: Path, out: Path
) -> None:
    sound = tmp_path / "s.mp3"
    ffmpeg_run("-f", "lavfi", "-i", "sine=d=0.8:r=44100", sound)
    info = probe(make_video("a.mp4"))
    _copy(info, out / "o.mp4", soundtrack=sound, audio_duration=Fraction(4, 5))
    assert probe(out / "o.mp4").require_audio().codec == "mp3"
    surround, source = tmp_path / "s.ac3", tmp_path / "b.mkv"
    ffmpeg_run("-f", "lavfi", "-i", "sine=d=0.8:r=48000", "-af", "aformat=channel_layouts=5.1(side)", surround)
    ffmpeg_run("-i", info.path, "-i", surround, "-i", surround, "-map", 0, "-map", 1, "-map", 2, "-c", "copy", source)
    _copy(probe(source), out / "o.webm", soundtrack=surround, audio_duration=Fraction(4, 5))
    assert [(one.codec, one.channels) for one in probe(out / "o.webm").audio] == [("opus", 6), ("opus", 6)]


def test_what_lies_after_the_end_is_dropped(
    make_video: Make, ffmpeg_run: Run, tmp_path: Path, speech: Path, out: Path
) -> None:
    info = probe(_rich_source(make_video, ffmpeg_run, tmp_path))
    end = Fraction(8, 25)
    with VideoWriter(out / "o.mp4", info, preset="ultrafast", soundtrack=speech, audio_duration=end) as writer:
        for frame in VideoReader(info).frames(range(8)):
            writer.write(frame, frame.time, frame.duration)
    result = probe(out / "o.mp4")
    assert all(abs(sound.duration - end) < Fraction(1, 20) for sound in result.audio if sound.duration)
    assert [chapter.title for chapter in result.chapters] == ["One"]
    assert len(VideoReader(result).scan()) == 8


def test_mp4_begins_with_its_index(make_video: Make, out: Path) -> None:
    _copy(probe(make_video("a.mp4", frames=3)), out / "o.mp4")
    data = (out / "o.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_a_picture_made_of_rgb_can_be_written(make_video: Make, out: Path) -> None:
    info = probe(make_video("a.mp4", frames=2))
    rgb = np.full((48, 200, 3), (200, 40, 90), np.uint8)
    with VideoWriter(out / "o.mp4", info, crf=5) as writer:
        for frame in VideoReader(info):
            wide = Frame.from_rgb(rgb, frame.layout, frame.color)
            writer.write(wide, frame.time, frame.duration)
    result = next(iter(VideoReader(probe(out / "o.mp4"))))
    assert np.abs(result.rgb().astype(int) - rgb).max() <= 4


def _frame(info: MediaInfo) -> Frame:
    return next(iter(VideoReader(info)))


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[FfmpegProcess]:
    """The processes that encode, as they are started."""
    started: list[FfmpegProcess] = []

    def begin(*given: Any, **more: Any) -> FfmpegProcess:
        started.append(FfmpegProcess(*given, **more))
        return started[-1]

    monkeypatch.setattr(encode, "FfmpegProcess", begin)
    return started


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_exception_leaves_nothing_behind(
    make_video: Make, out: Path, error: type[BaseException], begun: list[FfmpegProcess]
) -> None:
    info = probe(make_video("a.mp4"))
    writer = VideoWriter(out / "o.mp4", info)
    with pytest.raises(error), writer:
        writer.write(_frame(info), Fraction(0), Fraction(1, 25))
        (process,) = begun
        assert not (out / "o.mp4").exists()
        raise error
    assert _only(out)
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


def test_an_existing_output_stays_as_it_was_until_the_end(make_video: Make, out: Path) -> None:
    info = probe(make_video("a.mp4"))
    output = out / "o.mp4"
    output.write_text("precious")
    with pytest.raises(RuntimeError), VideoWriter(output, info) as writer:
        writer.write(_frame(info), Fraction(0), Fraction(1, 25))
        raise RuntimeError
    assert output.read_text() == "precious" and _only(out, "o.mp4")


def test_a_killed_ffmpeg_is_one_line_and_leaves_nothing(
    make_video: Make, out: Path, begun: list[FfmpegProcess]
) -> None:
    info = probe(make_video("a.mp4", size="320x240"))
    frame = _frame(info)
    with pytest.raises(OutputError, match="signal 9") as caught, VideoWriter(out / "o.mp4", info) as writer:
        for number in range(2000):
            writer.write(frame, Fraction(number, 25), Fraction(1, 25))
            if number == 3:
                os.kill(begun[0].pid, signal.SIGKILL)
    assert "\n" not in str(caught.value) and _only(out)


def test_ffmpeg_failing_to_start_encoding_says_why(
    make_video: Make, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dubtool.media.mux.video_arguments", lambda *a, **k: {"profile": "baseless"})
    info = probe(make_video("a.mp4"))
    with pytest.raises(OutputError, match="baseless"):
        _copy(info, out / "o.mp4")
    assert _only(out)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterable[Path]:
    folder = tmp_path / "tiny"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a tmpfs needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_named(make_video: Make, tiny_disk: Path) -> None:
    info = probe(make_video("a.mp4", size="320x240", frames=40))
    with pytest.raises(OutputError, match="disk is full"):
        _copy(info, tiny_disk / "o.mp4", lossless=True)
    assert _only(tiny_disk)


def test_unwritable_places_are_refused_before_any_work(make_video: Make, out: Path) -> None:
    info = probe(make_video("a.mp4"))
    cases = {
        out / "absent" / "o.mp4": "does not exist",
        out / "file" / "o.mp4": "cannot be written",
        out / "dir.mp4": "folder",
    }
    (out / "file").touch()
    (out / "dir.mp4").mkdir()
    for output, reason in cases.items():
        with pytest.raises(OutputError, match=reason):
            VideoWriter(output, info)


def test_an_input_is_never_overwritten(make_video: Make, out: Path) -> None:
    info = probe(make_video("a.mp4"))
    link = out / "link.mp4"
    link.symlink_to(info.path)
    assert same_file(link, info.path) and same_file(info.path.parent / "x" / ".." / "new", info.path.parent / "new")
    assert not same_file(info.path, out / "new.mp4")
    with pytest.raises(UsageError, match="also an input"):
        VideoWriter(link, info)


@pytest.mark.parametrize(
    ("name", "options"),
    [("o.avi", {}), ("o.mp4", {"codec": "ffv1"}), ("o.webm", {"codec": "libx264"}), ("o.mp4", {"preset": "swift"})],
)
def test_unknown_settings_are_usage_errors(make_video: Make, out: Path, name: str, options: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        VideoWriter(out / name, probe(make_video("a.mp4")), **options)  # type: ignore[arg-type]
    assert _only(out)


def test_no_frame_is_an_error(make_video: Make, out: Path) -> None:
    with pytest.raises(OutputError, match="no frame"), VideoWriter(out / "o.mp4", probe(make_video("a.mp4"))):
        pass
    assert _only(out)


def test_frames_of_another_size_or_behind_the_end_are_refused(make_video: Make, speech: Path, out: Path) -> None:
    info = probe(make_video("a.mp4"))
    frame = _frame(info)
    small = Frame.from_rgb(np.zeros((10, 10, 3), np.uint8), frame.layout, frame.color)
    with pytest.raises(ValueError, match="cannot follow"), VideoWriter(out / "o.mp4", info) as writer:
        writer.write(frame, Fraction(0), Fraction(1, 25))
        writer.write(small, Fraction(1, 25), Fraction(1, 25))
    with (
        pytest.raises(ValueError, match="behind the end"),
        VideoWriter(out / "o.mp4", info, soundtrack=speech, audio_duration=Fraction(1, 2)) as writer,
    ):
        writer.write(frame, Fraction(1, 2), Fraction(1, 25))


def test_nvenc_is_asked_for_constant_quality(make_video: Make, out: Path) -> None:
    info = probe(make_video("a.mp4"))
    layout = layout_of("420", 10)
    encoding = VideoEncoding(
        "hevc_nvenc", 21, "slow", False, layout, layout, replace(_frame(info).color), 0, Fraction(1), 12800
    )
    command, _ = build_command(
        find_ffmpeg(), out / "o.mp4", container_for(out / "o.mp4"), encoding, info, None, None, {}
    )
    words = " ".join(command)
    assert "-cq:v:0 21" in words and "-preset:v:0 p6" in words and "-pix_fmt:v:0 p010le" in words


@pytest.mark.parametrize(
    ("preset", "lossless", "quicker"), [("veryfast", False, True), ("veryfast", True, False), ("medium", False, False)]
)
def test_only_the_usual_effort_moves_whole_blocks(preset: str, lossless: bool, quicker: bool) -> None:
    words = video_arguments("libx264", 16, preset, lossless=lossless)
    assert words["preset"] == preset
    assert ({"partitions", "motion-est"} <= set(words)) is quicker


def test_an_ffmpeg_too_old_for_rotation_is_refused(make_video: Make, out: Path) -> None:
    info = probe(make_video("a.mp4"))
    layout = layout_of("420", 8)
    encoding = VideoEncoding("libx264", 18, "fast", False, layout, layout, _frame(info).color, 90, Fraction(1), 12800)
    with pytest.raises(OutputError, match=r"6\.0 or newer"):
        build_command(
            Ffmpeg("ffmpeg", (5, 1)), out / "o.mp4", container_for(out / "o.mp4"), encoding, info, None, None, {}
        )
