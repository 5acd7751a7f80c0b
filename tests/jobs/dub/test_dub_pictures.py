"""Dubs of pictures that are not plain: mirrored, of high dynamic range, with alpha, of RGB, interlaced, colourless."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dubbing_place import Cut, ffmpeg, frames_of

import dubtool
from dubtool.media.color import BT709_LIMITED, Color
from dubtool.media.encode import VideoWriter
from dubtool.media.frame import Frame
from dubtool.media.pixels import PixelLayout, layout_of
from dubtool.media.probe import probe


def _recoded(clip: Path, target: Path, layout: PixelLayout, color: Color) -> Path:
    """The clip in another layout, one side of it transparent where that has alpha."""
    with VideoWriter(target, probe(clip), codec="ffv1") as writer:
        for frame in frames_of(clip):
            other = Frame.from_rgb(frame.rgb(), layout, color)
            if layout.alpha:
                other.planes[-1][:, : frame.width // 3] = 1
            writer.write(other, frame.time, frame.duration)
    return target


@pytest.mark.parametrize("trc", ["smpte2084", "arib-std-b67"])
def test_high_dynamic_range_is_dubbed_like_standard_range(place: Path, clip: Path, speech: Path, trc: str) -> None:
    color = Color("tv", "bt2020nc", "bt2020", trc)
    bright = _recoded(clip, place / "bright.mkv", layout_of("420", 10), color)
    report = dubtool.dub(bright, speech, place / "out.mp4", preset="ultrafast")
    assert report.dubbed == report.frames == 10
    video = probe(place / "out.mp4").require_video()
    assert (video.codec, video.color, video.bit_depth) == ("hevc", color, 10)
    plain = dubtool.dub(clip, speech, place / "plain.mkv", codec="ffv1")
    assert plain.dubbed == report.dubbed
    seen, wanted = frames_of(place / "out.mp4")[5].rgb(), frames_of(place / "plain.mkv")[5].rgb()
    assert np.abs(seen.astype(int) - wanted).mean() < 6


@pytest.mark.parametrize(
    "layout", [layout_of("444", 12, alpha=True), layout_of("rgb", 8, alpha=True), layout_of("411", 8)]
)
def test_alpha_and_layout_stay_and_the_mouth_alone_changes(
    place: Path, clip: Path, speech: Path, layout: PixelLayout
) -> None:
    source = _recoded(clip, place / "source.mkv", layout, Color("pc", "gbr") if layout.rgb else BT709_LIMITED)
    report = dubtool.dub(source, speech, place / "out.mkv", codec="ffv1")
    assert report.dubbed == 10 and report.warnings == []
    for after, before in zip(frames_of(place / "out.mkv"), frames_of(source), strict=True):
        assert (after.layout.chroma, after.layout.depth) == (layout.chroma, layout.depth)
        changed = after.planes[0] != before.planes[0]
        assert 0 < changed.mean() < 0.2
        assert not changed[: after.height // 3].any()
        if layout.alpha:
            np.testing.assert_array_equal(after.planes[-1], before.planes[-1])


def test_a_mirrored_film_is_dubbed_as_players_show_it(place: Path, clip: Path, speech: Path) -> None:
    # Upside down and with left and right changed, but for the flag that says so.
    ffmpeg("-i", clip, "-vf", "vflip", "-c:v", "libx264", "-qp", 0, place / "coded.mp4")
    ffmpeg("-display_vflip", "-i", place / "coded.mp4", "-c", "copy", place / "flag.mp4")
    report = dubtool.dub(place / "flag.mp4", speech, place / "out.mp4", lossless=True)
    assert report.dubbed == report.frames
    before, after = (probe(place / name).require_video() for name in ("flag.mp4", "out.mp4"))
    assert before.mirrored and (after.rotation, after.mirrored) == (before.rotation, before.mirrored)
    plain = dubtool.dub(clip, speech, place / "plain.mp4", lossless=True)
    assert plain.dubbed == report.dubbed


def test_fields_are_kept_or_left_and_the_report_says_so(place: Path, cut: Cut, speech: Path) -> None:
    flags = ["-vf", "setfield=bff", "-flags", "+ilme+ildct", "-x264-params", "bff=1"]
    woven = cut("woven.mp4", "-frames:v", 10, "-an", "-preset", "ultrafast", *flags)
    kept = dubtool.dub(woven, speech, place / "kept.mp4", preset="ultrafast")
    assert kept.details["fields"].startswith("kept, bottom field first") and kept.warnings == []
    assert probe(place / "kept.mp4").require_video().field_order == "bb"
    asked = dubtool.dub(woven, speech, place / "asked.mp4", preset="ultrafast", deinterlace=True)
    assert asked.details["fields"] == "deinterlaced" and asked.warnings == []
    assert probe(place / "asked.mp4").require_video().field_order == "progressive"
    needed = dubtool.dub(woven, speech, place / "needed.mp4", preset="ultrafast", codec="libx265")
    assert needed.details["fields"] == "deinterlaced" and "libx265" in needed.warnings[0]
    assert kept.dubbed == asked.dubbed == needed.dubbed == 10


@pytest.mark.parametrize("model", ["retrieval-warp", "dinet-shape"])
def test_black_and_white_film_stays_so(place: Path, cut: Cut, speech: Path, model: str) -> None:
    gray = cut("gray.mp4", "-frames:v", 10, "-an", "-preset", "ultrafast", "-crf", 14, "-vf", "hue=s=0")
    report = dubtool.dub(gray, speech, place / "out.mkv", codec="ffv1", model=model)
    assert report.dubbed == 10
    for frame in frames_of(place / "out.mkv"):
        assert frame.layout.chroma == "420"
        assert max(np.abs(plane.astype(int) - 128).max() for plane in frame.planes[1:]) <= 1
