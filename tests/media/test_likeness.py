"""Encodings like the source's."""

from __future__ import annotations

from pathlib import Path

import pytest
from dubbing_place import Make

from dubtool.errors import UsageError
from dubtool.media.codecs import container_for
from dubtool.media.decode import VideoReader
from dubtool.media.encode import VideoWriter
from dubtool.media.likeness import likeness
from dubtool.media.packets import coding_of
from dubtool.media.probe import probe

_NOISY = "noise=alls=30:allf=t"


@pytest.mark.parametrize(
    ("name", "words", "codec"),
    [
        ("a.mp4", ["-c:v", "libx264", "-b:v", "600k", "-g", 10], "libx264"),
        ("b.mp4", ["-c:v", "libx265", "-b:v", "600k", "-x265-params", "log-level=error:keyint=10"], "libx265"),
        ("c.webm", ["-c:v", "libvpx-vp9", "-b:v", "600k", "-g", 10, "-deadline", "realtime"], "libvpx-vp9"),
        ("d.mkv", ["-c:v", "libsvtav1", "-b:v", "600k", "-g", 10, "-preset", 12], "libsvtav1"),
    ],
)
def test_family_bit_rate_and_keyframes_are_the_sources(
    make_video: Make, tmp_path: Path, name: str, words: list[object], codec: str
) -> None:
    info = probe(make_video(name, *words, frames=50, size="128x96", filters=_NOISY))
    target = tmp_path / f"out{Path(name).suffix}"
    found = likeness(info, container_for(target))
    # An encoder may begin anew a little early.
    assert (found.codec, found.gop in (9, 10)) == (codec, True)
    assert found.bit_rate is not None
    with VideoWriter(
        target, info, codec=found.codec, bit_rate=found.bit_rate, gop=found.gop, preset="ultrafast"
    ) as writer:
        for frame in VideoReader(info):
            writer.write(frame, frame.time, frame.duration)
    made = coding_of(probe(target))
    assert made.codec == found.source.codec
    assert made.bit_rate == pytest.approx(found.bit_rate, rel=0.5)
    assert made.gop is not None and made.gop <= 10


@pytest.mark.parametrize(
    ("words", "codec"),
    [
        (["-c:v", "prores_ks", "-profile:v", 1, "-pix_fmt", "yuv422p10le"], "prores-lt"),
        (["-c:v", "prores_ks", "-profile:v", 4, "-pix_fmt", "yuv444p10le"], "prores-4444"),
        (["-c:v", "dnxhd", "-profile:v", "dnxhr_hqx", "-pix_fmt", "yuv422p10le"], "dnxhr-hqx"),
        (["-c:v", "mjpeg", "-pix_fmt", "yuvj420p"], None),
    ],
)
def test_profiles_are_the_sources(make_video: Make, words: list[object], codec: str | None) -> None:
    info = probe(make_video("a.mov", *words, frames=3, size="256x144"))
    found = likeness(info, container_for(Path("o.mov")))
    assert (found.codec, found.bit_rate) == (codec, None)


def test_a_container_that_does_not_take_it_is_told(make_video: Make) -> None:
    info = probe(make_video("a.mov", "-c:v", "prores_ks", "-pix_fmt", "yuv422p10le", frames=2))
    with pytest.raises(UsageError, match=r"--like-source: .* coded by prores, which mp4 does not take"):
        likeness(info, container_for(Path("o.mp4")))
