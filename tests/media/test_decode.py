from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dubbing_place import Make, Run

from dubtool.errors import InputError
from dubtool.media.decode import VideoReader, scan_times
from dubtool.media.frame import Frame
from dubtool.media.probe import probe


def _same(one: Frame, other: Frame) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one.planes, other.planes, strict=True))


def _ping_pong(count: int) -> list[int]:
    return [*range(count), *range(count - 1, -1, -1), 0, 0, *range(count // 2), 3, 2, 2, 1]


@pytest.mark.parametrize("flip", [[], ["-display_hflip"], ["-display_vflip"]])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_frames_stand_upright_as_ffmpeg_shows_them(
    make_video: Make, ffmpeg_run: Run, tmp_path: Path, rotation: int, flip: list[str]
) -> None:
    plain, turned, raw = make_video("plain.mp4", frames=1), tmp_path / "turned.mp4", tmp_path / "raw.yuv"
    ffmpeg_run("-display_rotation", rotation, *flip, "-i", plain, "-c", "copy", turned)
    ffmpeg_run("-i", turned, "-f", "rawvideo", "-pix_fmt", "yuv420p", raw)
    frame = next(iter(VideoReader(probe(turned))))
    assert b"".join(plane.tobytes() for plane in frame.planes) == raw.read_bytes()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("closed.mp4", ["-bf", 3, "-g", 10, "-c:v", "libx264"]),
        ("open.mkv", ["-c:v", "libx264", "-bf", 3, "-x264-params", "open-gop=1:keyint=12:min-keyint=12:scenecut=0"]),
        ("refresh.mp4", ["-c:v", "libx264", "-x264-params", "intra-refresh=1:keyint=10"]),
        ("stream.ts", ["-c:v", "libx264", "-bf", 2, "-g", 8]),
        ("old.avi", ["-c:v", "mpeg4", "-bf", 2, "-g", 8, "-q:v", 5]),
        ("bare.h264", ["-c:v", "libx264", "-bf", 2, "-g", 8]),
        ("odd.webm", ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", 8, "-g", 9]),
    ],
)
def test_backward_and_again_gives_exactly_the_frames_of_the_forward_pass(
    make_video: Make, name: str, arguments: list[object]
) -> None:
    info = probe(make_video(name, *arguments, size="64x48", frames=45))
    forward = list(VideoReader(info))
    assert len(forward) == 45
    plan = _ping_pong(len(forward))
    reader = VideoReader(info, reverse_budget=7 * 64 * 48 * 3 // 2)
    for wanted, frame in zip(plan, reader.frames(plan), strict=True):
        assert frame.index == wanted
        assert (frame.time, frame.duration) == (forward[wanted].time, forward[wanted].duration)
        assert _same(frame, forward[wanted])


def test_deinterlaced_frames_are_as_many_as_the_fields_pairs_and_the_same_again(make_video: Make) -> None:
    flags = ["-flags", "+ilme+ildct", "-x264-params", "tff=1:keyint=5"]
    woven = "gblur=3,scroll=h=0.05,tinterlace=interleave_top,setfield=tff"
    info = probe(make_video("a.mp4", "-c:v", "libx264", *flags, frames=12, rate="50", filters=woven))
    kept = list(VideoReader(info))
    progressive = replace(info, video=replace(info.require_video(), read_as="deinterlaced"))
    reader = VideoReader(progressive)
    made = list(reader)
    assert {frame.field_order for frame in kept} == {"tt"}
    assert {frame.field_order for frame in made} == {"progressive"}
    assert [frame.time for frame in made] == [frame.time for frame in kept]
    combing = [np.abs(np.diff(frame.planes[0].astype(int), n=2, axis=0)).mean() for frame in (kept[6], made[6])]
    assert combing[1] < 0.7 * combing[0]
    plan = [9, 8, 7, 6, 5, 4, 5, 6]
    assert all(_same(frame, made[index]) for index, frame in zip(plan, reader.frames(plan), strict=True))


@pytest.mark.parametrize("first", ["top", "bottom"])
@pytest.mark.parametrize("pixels", ["yuv420p", "yuv422p10le", "yuv444p", "gray10le", "gbrp"])
def test_each_field_is_a_picture_whose_own_rows_are_as_they_are_coded(
    make_video: Make, first: str, pixels: str
) -> None:
    woven = f"noise=alls=20:allf=t,format={pixels},tinterlace=interleave_{first},setfield={first[0]}ff"
    flags = ["-c:v", "ffv1", "-field_order", "tt" if first == "top" else "bb", "-g", 4]
    info = probe(make_video("a.mkv", *flags, frames=9, rate="50", filters=woven))
    frames = list(VideoReader(info))
    reader = VideoReader(replace(info, video=replace(info.require_video(), read_as="fields")))
    fields = list(reader)
    assert [field.index for field in fields] == list(range(18))
    assert {field.field_order for field in fields} == {"progressive"}
    for number, field in enumerate(fields):
        frame, own = frames[number // 2], (number + (first == "bottom")) % 2
        assert (field.time, field.duration) == (frame.time + number % 2 * frame.duration / 2, frame.duration / 2)
        for plane, coded in zip(field.planes, frame.planes, strict=True):
            np.testing.assert_array_equal(plane[own::2], coded[own::2])
            assert (plane[1 - own :: 2] != coded[1 - own :: 2]).any() or (coded == coded[0, 0]).all()
    plan = [17, 16, 15, 9, 8, 7, 6, 5, 4, 5, 6, 7, 0, 1]
    assert all(_same(field, fields[index]) for index, field in zip(plan, reader.frames(plan), strict=True))
    assert reader.scan() == [(field.time, field.duration) for field in fields]
    with pytest.raises(InputError, match="ends after 9 frames; frame 10 was wanted"):
        list(reader.frames([17, 18]))


def test_any_plan_is_followed_even_when_it_begins_backward(make_video: Make) -> None:
    info = probe(make_video("a.mp4", "-c:v", "libx264", "-bf", 2, "-g", 6, size="64x48", frames=30))
    forward = list(VideoReader(info))
    rng = random.Random(3)
    for plan in ([29, 28, 5], [rng.randrange(30) for _ in range(40)], [7], []):
        got = list(VideoReader(info, reverse_budget=1).frames(plan))
        assert [frame.index for frame in got] == plan
        assert all(_same(frame, forward[frame.index]) for frame in got)


def test_frames_handed_out_twice_do_not_share_pixels(make_video: Make) -> None:
    info = probe(make_video("a.mp4", frames=4))
    pristine = list(VideoReader(info))
    for plan in ([2, 2, 2], [3, 2, 2, 1]):
        for frame in VideoReader(info).frames(plan):
            assert _same(frame, pristine[frame.index])
            frame.planes[0][:] = 0


def test_backward_holds_no_more_frames_than_its_budget(make_video: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    info = probe(make_video("a.mp4", "-c:v", "libx264", "-g", 40, size="64x48", frames=40))
    made = 0
    original = Frame.from_coded

    def counted(*given: Any, **more: Any) -> Frame:
        nonlocal made
        made += 1
        return original(*given, **more)

    monkeypatch.setattr(Frame, "from_coded", counted)
    reader = VideoReader(info, reverse_budget=5 * 64 * 48 * 3 // 2)
    for handed_out, _ in enumerate(reader.frames(range(39, -1, -1))):
        assert made - handed_out <= 5
    assert made == 40


def test_a_plan_beyond_the_end_is_refused(make_video: Make) -> None:
    info = probe(make_video("a.mp4", frames=5))
    for plan in ([3, 4, 5], [7, 6]):
        with pytest.raises(InputError, match="ends after 5 frames"):
            list(VideoReader(info).frames(plan))


def test_variable_rate_times_are_the_files_own(make_video: Make) -> None:
    filters = "settb=1/1000,setpts='if(lt(N,5),N*40,200+(N-5)*100)'"
    info = probe(make_video("vfr.mp4", "-enc_time_base", "1:1000", frames=9, filters=filters))
    times = [time for time, _ in scan_times(info)]
    assert times == [Fraction(n, 1000) for n in (0, 40, 80, 120, 160, 200, 300, 400, 500)]
    assert [frame.duration for frame in VideoReader(info)][3:6] == [
        Fraction(40, 1000),
        Fraction(40, 1000),
        Fraction(1, 10),
    ]


def test_ntsc_times_are_exact(make_video: Make) -> None:
    times = scan_times(probe(make_video("ntsc.mp4", rate="30000/1001", frames=10)))
    assert times == [(Fraction(1001 * n, 30000), Fraction(1001, 30000)) for n in range(10)]


def test_times_start_at_zero_wherever_the_stamps_start(make_video: Make) -> None:
    info = probe(make_video("late.ts", "-output_ts_offset", "10", frames=6))
    assert [frame.time for frame in VideoReader(info)] == [Fraction(n, 25) for n in range(6)]


def test_one_frame_has_a_duration(make_video: Make) -> None:
    assert scan_times(probe(make_video("one.mp4", frames=1))) == [(Fraction(0), Fraction(1, 25))]


def test_a_truncated_file_gives_the_frames_that_are_there(make_video: Make) -> None:
    path = make_video("cut.mp4", "-movflags", "+faststart", "-g", "5", "-c:v", "libx264", frames=40)
    whole = list(VideoReader(probe(path)))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    reader = VideoReader(probe(path))
    there = list(reader)
    assert 10 < len(there) < 40
    assert all(_same(frame, whole[frame.index]) for frame in there[:10])
    again = list(reader.frames([*range(len(there)), *range(len(there) - 1, -1, -1)]))
    assert len(again) == 2 * len(there)


def test_damaged_packets_are_counted_and_passed_over(make_video: Make) -> None:
    path = make_video("hurt.mkv", "-c:v", "mjpeg", "-q:v", "3", frames=20)
    data = bytearray(path.read_bytes())
    pictures = [at for at in range(len(data) - 3) if data[at : at + 3] == b"\xff\xd8\xff"]
    for number in (6, 7, 12):
        data[pictures[number] : pictures[number] + 400] = b"\x00" * 400
    path.write_bytes(data)
    reader = VideoReader(probe(path))
    times = [frame.time for frame in reader]
    assert reader.decode_failures == 3
    assert len(times) == 17 and times[-1] == Fraction(19, 25)
    list(reader)
    assert reader.decode_failures == 3


@pytest.mark.parametrize(
    ("name", "pixel_format", "codec", "layout"),
    [
        ("a.mkv", "rgb24", "ffv1", "gbrp"),
        ("b.mkv", "yuv422p12le", "ffv1", "yuv422p12le"),
        ("c.mkv", "gray", "ffv1", "gray"),
        ("d.mkv", "pal8", "png", "gbrap"),
        ("e.mkv", "yuvj420p", "mjpeg", "yuv420p"),
        ("f.mkv", "bgr0", "ffv1", "gbrp"),
    ],
)
def test_pixel_formats_arrive_in_a_native_layout_with_right_colours(
    make_video: Make,
    ffmpeg_run: Run,
    tmp_path: Path,
    name: str,
    pixel_format: str,
    codec: str,
    layout: str,
) -> None:
    path = make_video(name, "-pix_fmt", pixel_format, "-c:v", codec, frames=1, size="64x48", filters="smartblur=3:1")
    raw = tmp_path / "raw.rgb"
    ffmpeg_run(
        "-i",
        path,
        "-vf",
        "scale=flags=bilinear+accurate_rnd+full_chroma_int",
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgb24",
        raw,
    )
    reader = VideoReader(probe(path))
    frame = next(iter(reader))
    assert frame.layout.name == layout
    if layout == "gray":
        return
    shown = np.frombuffer(raw.read_bytes(), np.uint8).reshape(48, 64, 3).astype(int)
    assert np.abs(frame.rgb().astype(int) - shown).mean() < 2.5
