"""A round trip through every codec and container that is delivered: colours, tags, timecode and sound."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from dubbing_place import Make, Run

from dubtool.errors import UsageError
from dubtool.media.decode import VideoReader
from dubtool.media.encode import VideoWriter
from dubtool.media.output_checks import check_target, check_times
from dubtool.media.probe import MediaInfo, probe

_TIMECODE = "10:11:12:13"
_BT709 = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
_PQ = "setparams=range=tv:colorspace=bt2020nc:color_primaries=bt2020:color_trc=smpte2084"
_DISPLAY = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"


@pytest.fixture
def source(tmp_path: Path, ffmpeg_run: Run) -> Path:
    """Five frames of 4:2:2 in ten bits, with a timecode and six channels of sound."""
    path = tmp_path / "source.mov"
    ffmpeg_run(
        "-f", "lavfi",
        "-i", f"testsrc2=s=256x144:r=25:d=0.2,gblur=1,scale=out_color_matrix=bt709,format=yuv422p10le,{_BT709}",
        "-f", "lavfi", "-i", "aevalsrc=0.1*sin(900*t)|0.2|0.3|0.1|0.1|0.05:s=48000:d=0.2:c=5.1",
        "-c:v", "libx264", "-qp", 0, "-preset", "ultrafast", "-c:a", "pcm_s24le", "-timecode", _TIMECODE, path,
    )  # fmt: skip
    return path


def _copied(info: MediaInfo, target: Path, **options: Any) -> tuple[MediaInfo, list[str]]:
    with VideoWriter(target, info, **({"preset": "ultrafast", "crf": 12} | options)) as writer:
        for frame in VideoReader(info):
            writer.write(frame, frame.time, frame.duration)
    return probe(target), writer.warnings


def _psnr(one: MediaInfo, other: MediaInfo) -> float:
    pairs = zip(VideoReader(one), VideoReader(other), strict=True)
    error = np.mean([np.mean((a.rgb().astype(float) - b.rgb().astype(float)) ** 2) for a, b in pairs])
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def _levels(info: MediaInfo) -> list[float]:
    """The mean of every channel of the sound, in the middle of it."""
    with av.open(str(info.path)) as container:
        samples = np.concatenate(
            [
                av.AudioResampler("fltp").resample(frame)[0].to_ndarray()
                for frame in container.decode(container.streams.audio[0])
            ],
            axis=1,
        )
    return samples[:, 3000:6000].mean(axis=1).tolist()


def _timecode(info: MediaInfo) -> str | None:
    told = [*(stream.metadata for stream in info.other_streams), info.require_video().metadata, info.metadata]
    return next((tags[key] for tags in told for key in tags if key.lower() == "timecode"), None)


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format", "least"),
    [
        ("a.mov", "prores-hq", "yuv422p10le", 38),
        ("b.mov", "prores-4444", "yuv444p", 38),
        ("c.mov", "prores-422", "yuv422p10le", 35),
        ("d.mov", "dnxhr-hqx", "yuv422p10le", 36),
        ("e.mov", "dnxhr-hq", "yuv422p", 36),
        ("f.mov", "dnxhr-444", "yuv444p10le", 36),
        ("g.mov", "dnxhd", "yuv422p10le", 36),
        ("h.mxf", "dnxhr-hqx", "yuv422p10le", 36),
        ("i.mxf", "prores-hq", "yuv422p10le", 38),
        ("j.mxf", None, "yuv422p10le", 36),
        ("k.mkv", "ffv1", "yuv422p10le", 100),
        ("l.mp4", "h265-10", "yuv420p10le", 32),
        ("m.mkv", "av1-10", "yuv420p10le", 30),
        ("n.mp4", "libsvtav1", "yuv420p10le", 30),
        ("o.mp4", "h264-web", "yuv420p", 32),
    ],
)
def test_a_round_trip_keeps_pictures_tags_timecode_and_sound(
    source: Path, tmp_path: Path, name: str, codec: str | None, pixel_format: str, least: float
) -> None:
    info = probe(source)
    assert _timecode(info) == _TIMECODE
    found, warnings = _copied(info, tmp_path / name, codec=codec)
    video = found.require_video()
    assert video.pixel_format.startswith(pixel_format)
    assert _psnr(info, found) > least
    assert [one for one in warnings if "chroma" not in one and "bits" not in one] == []
    tags = (video.color_space, video.color_primaries, video.color_trc)
    if name.endswith(".mxf") and "dnx" in video.codec:
        # MXF's writer of ffmpeg tells no primaries and curves of DNxHR; BT.709 is what is meant without.
        assert set(tags) <= {"bt709", "unknown"}
    else:
        assert tags == ("bt709", "bt709", "bt709")
    assert video.color_range == "tv"
    assert _timecode(found) == _TIMECODE
    sound = found.main_audio
    assert sound is not None
    assert (sound.channels, sound.sample_rate) == (6, 48000)
    # Neither Matroska nor MXF name the channels of PCM; their order is kept.
    assert sound.layout.startswith("6 channels" if name.endswith((".mkv", ".mxf")) else "5.1")
    assert _levels(found) == pytest.approx(_levels(info), abs=0.02)
    assert float(video.average_rate) == 25


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "h265-10"), ("b.mkv", "av1-10"), ("c.mp4", "av1-10")])
def test_the_tags_of_hdr10_are_kept(make_video: Make, tmp_path: Path, name: str, codec: str) -> None:
    told = f"log-level=error:master-display={_DISPLAY}:max-cll=1000,400"
    words = ["-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params", told]
    path = make_video("hdr.mp4", *words, frames=3, size="128x96", filters=_PQ)
    info = probe(path)
    found, warnings = _copied(info, tmp_path / name, codec=codec)
    video = found.require_video()
    assert (video.color_space, video.color_primaries, video.color_trc) == ("bt2020nc", "bt2020", "smpte2084")
    assert warnings == []
    assert video.hdr is not None and video.hdr.mastering is not None
    assert video.hdr.light == (1000, 400)
    assert video.hdr.mastering.x265() == _DISPLAY


def test_high_dynamic_range_in_eight_bits_is_warned_of(make_video: Make, tmp_path: Path) -> None:
    path = make_video("hdr.mkv", "-c:v", "ffv1", "-pix_fmt", "yuv420p10le", frames=2, filters=_PQ)
    _, warnings = _copied(probe(path), tmp_path / "a.mp4", codec="h264-web")
    assert any("shows bands" in one for one in warnings)
    _, warnings = _copied(probe(path), tmp_path / "b.mp4", codec="h265-10")
    assert warnings == []


def test_other_sound_becomes_what_mxf_takes(make_video: Make, tmp_path: Path) -> None:
    info = probe(make_video("a.mp4", sound=True, size="256x144", frames=5))
    found, _ = _copied(info, tmp_path / "a.mxf")
    sound = found.main_audio
    assert sound is not None
    assert (sound.codec, sound.sample_rate) == ("pcm_s24le", 48000)


def test_tags_go_through_mxf_and_back(source: Path, tmp_path: Path) -> None:
    there, _ = _copied(probe(source), tmp_path / "a.mxf", metadata={"comment": "Synthetic: x", "SCENE": "7"})
    back, _ = _copied(there, tmp_path / "b.mxf")
    assert back.metadata["comment_comment"] == "Synthetic: x"
    assert back.metadata["comment_SCENE"] == "7"
    assert not any("uid" in key for key in back.metadata if key.startswith("comment_"))


@pytest.mark.parametrize(
    ("name", "codec", "told"),
    [
        ("a.mp4", "prores-hq", "mp4 does not take prores-hq"),
        ("a.mp4", "dnxhr-hqx", "mp4 does not take dnxhr-hqx"),
        ("a.webm", "h265-10", "webm does not take h265-10"),
        ("a.mxf", "ffv1", "mxf does not take ffv1"),
        ("a.mov", "prores-5", "unknown video codec 'prores-5'"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, name: str, codec: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        check_target(tmp_path / name, codec, "medium")


def test_what_dnxhr_and_mxf_cannot_hold_is_refused_before_work(make_video: Make, tmp_path: Path) -> None:
    small = probe(make_video("small.mp4", frames=3))
    with pytest.raises(UsageError, match="from 256x120 on"):
        check_target(tmp_path / "a.mxf", None, "medium", small.video)
    with pytest.raises(UsageError, match=r"no 15\.000 frames a second"):
        check_times(tmp_path / "a.mxf", probe(make_video("slow.mp4", rate="15", frames=5)))
    uneven = make_video("uneven.mp4", rate="25", frames=12, filters="select='not(eq(mod(n,5),3))'")
    with pytest.raises(UsageError, match="uneven times"):
        check_times(tmp_path / "f_%03d.png", probe(uneven))
    check_times(tmp_path / "f_%03d.png", small)
    check_times(tmp_path / "a.mov", probe(uneven))
