from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from dubtool.errors import InputError
from dubtool.media.probe import probe


def test_reads_what_a_video_is(make_video: Callable[..., Path]) -> None:
    path = make_video(
        "a.mp4", "-pix_fmt", "yuv420p10le", "-metadata", "title=Ein Titel", rate="30000/1001", sound=True,
        filters="setsar=4/3,setparams=range=tv:colorspace=bt2020nc:color_primaries=bt2020:color_trc=smpte2084",
    )  # fmt: skip
    info = probe(path)
    video = info.require_video()
    assert (video.width, video.height, video.rotation, video.codec) == (96, 64, 0, "h264")
    assert (video.pixel_format, video.bit_depth) == ("yuv420p10le", 10)
    assert video.sample_aspect == Fraction(4, 3)
    assert video.average_rate == Fraction(30000, 1001)
    assert (video.color_range, video.color_space) == ("tv", "bt2020nc")
    assert (video.color_primaries, video.color_trc) == ("bt2020", "smpte2084")
    assert info.metadata["title"] == "Ein Titel"
    assert (info.require_audio().sample_rate, info.require_audio().channels) == (44100, 1)


def _with_profile(png: bytes) -> bytes:
    """A PNG with a colour profile that has a name."""
    body = b"iCCP" + b"mine\0\0" + zlib.compress(bytes(200))
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    # Behind the signature and the header.
    return png[:33] + chunk + png[33:]


def test_a_colour_profile_with_a_name_ends_no_process(
    make_video: Callable[..., Path], ffmpeg_run: Callable[..., None], tmp_path: Path
) -> None:
    still = make_video("still.png", "-c:v", "png", frames=1)
    still.write_bytes(_with_profile(still.read_bytes()))
    turned = tmp_path / "turned.mov"
    ffmpeg_run("-display_rotation", 90, "-framerate", 25, "-i", still, "-c", "copy", turned)
    for path, rotation in ((still, 0), (turned, 270)):
        words = f"probe(Path({str(path)!r})).require_video().rotation == {rotation}; gc.collect()"
        script = f"import gc; from pathlib import Path; from dubtool.media.probe import probe; assert {words}"
        ended = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
        assert ended.returncode == 0, ended.stderr.decode()


def test_upright_size_and_pixels_swap_for_quarter_turns(
    make_video: Callable[..., Path], ffmpeg_run: Callable[..., None], tmp_path: Path
) -> None:
    plain = make_video("plain.mp4", filters="setsar=4/3")
    turned = tmp_path / "turned.mp4"
    ffmpeg_run("-display_rotation", 90, "-i", plain, "-c", "copy", turned)
    video = probe(turned).require_video()
    assert (video.rotation, video.upright_width, video.upright_height) == (270, 64, 96)
    assert video.pixel_aspect == 1 / video.sample_aspect != 1


@pytest.mark.parametrize(
    "name", ["mit Leerzeichen.mp4", "a.b.c.mp4", 'it\'s "quoted".mp4', "näß–日本.mp4", "a:b%03d.mp4"]
)
def test_any_file_name_is_read(make_video: Callable[..., Path], name: str) -> None:
    assert probe(make_video(name, frames=2)).require_video().width == 96


def test_sound_with_a_cover_picture_is_no_video(
    make_video: Callable[..., Path], ffmpeg_run: Callable[..., None], tmp_path: Path
) -> None:
    cover = make_video("cover.png", "-c:v", "png", frames=1)
    song = tmp_path / "song.mp3"
    ffmpeg_run(
        "-f", "lavfi", "-i", "sine=d=0.5", "-i", cover, "-map", 0, "-map", 1, "-disposition:v", "attached_pic", song
    )
    info = probe(song)
    assert [stream.kind for stream in info.other_streams] == ["picture"]
    with pytest.raises(InputError, match="no video"):
        info.require_video()


def test_video_without_sound_is_refused_where_sound_is_needed(make_video: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match="no sound"):
        probe(make_video("silent.mp4", frames=2)).require_audio()


def test_missing_directory_empty_and_text(tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp4"
    empty.touch()
    text = tmp_path / "text.mp4"
    text.write_text("this is a letter, not a film\n" * 50)
    cases = {tmp_path / "absent.mp4": "does not exist", tmp_path: "folder", empty: "empty", text: "not a media file"}
    for path, reason in cases.items():
        with pytest.raises(InputError, match=reason) as caught:
            probe(path)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_subtitles_alone_are_neither_video_nor_sound(tmp_path: Path) -> None:
    path = tmp_path / "only.srt"
    path.write_text("1\n00:00:00,100 --> 00:00:01,000\nhello\n\n")
    with pytest.raises(InputError, match="neither video nor sound"):
        probe(path)


def test_mp4_cut_off_before_its_index_says_so(make_video: Callable[..., Path]) -> None:
    path = make_video("cut.mp4")
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InputError, match="moov"):
        probe(path)


def test_video_whose_frames_are_all_damaged_is_refused(make_video: Callable[..., Path]) -> None:
    path = make_video("bad.mp4", "-movflags", "+faststart", frames=3)
    data = bytearray(path.read_bytes())
    media = data.index(b"mdat")
    data[media + 4 :] = b"\xff" * (len(data) - media - 4)
    path.write_bytes(data)
    with pytest.raises(InputError, match="not one frame"):
        probe(path)


def test_a_header_that_claims_six_hours_is_only_an_estimate(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    claimed = 6 * 3600 * 16000
    header = (
        b"RIFF" + struct.pack("<I", 36 + claimed) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
    )
    path.write_bytes(header + b"data" + struct.pack("<I", claimed) + b"\x01\x00" * 8000)
    info = probe(path)
    assert info.require_audio().sample_rate == 8000  # opened without reading or believing six hours


@pytest.mark.parametrize("codec", ["libvpx-vp9", "libvpx"])
def test_alpha_costs_no_colour_tags(make_video: Callable[..., Path], codec: str) -> None:
    """A decoder of its own reads these, and knows nothing of what the container says."""
    tags = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
    filters = f"format=yuva420p,colorchannelmixer=aa=0.4,format=yuva420p,{tags}"
    arguments = ["-c:v", codec, "-pix_fmt", "yuva420p", "-auto-alt-ref", 0, "-colorspace", "bt709"]
    video = probe(make_video("a.webm", *arguments, frames=3, filters=filters)).require_video()
    assert video.pixel_format == "yuva420p"
    assert (video.color_range, video.color_space) == ("tv", "bt709")
    assert (video.color_primaries, video.color_trc) == ("bt709", "bt709")
