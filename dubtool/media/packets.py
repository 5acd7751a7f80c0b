"""What the packets of a video tell without being decoded: even times, bit rate, distance of keyframes, profile."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av

from dubtool.media.probe import MediaInfo, open_media

_TOLERANCE = 0.1
_MOST = 20_000


@dataclass(frozen=True)
class Coding:
    """How a video is coded. profile: libavcodec's name, "" where there is none. bit_rate: bits a second; gop: the most
    frames from keyframe to keyframe; None where that cannot be told."""

    codec: str
    profile: str
    bit_rate: int | None
    gop: int | None


def evenly_timed(info: MediaInfo) -> bool:
    """Whether the frames come at even times, by the stamps of the first many packets."""
    stamps = sorted(stamp for stamp, _, _ in _packets(info) if stamp is not None)
    step = 1 / info.require_video().average_rate
    return all(
        abs(float(stamp - stamps[0]) / float(step) - number) < _TOLERANCE + number * 1e-4
        for number, stamp in enumerate(stamps)
    )


def coding_of(info: MediaInfo) -> Coding:
    """How the video of a file is coded."""
    packets = list(_packets(info))
    stamps = [stamp for stamp, _, _ in packets if stamp is not None]
    step = 1 / info.require_video().average_rate
    length = float(max(stamps) - min(stamps) + step) if stamps else 0.0
    keys = [stamp for stamp, _, key in packets if key and stamp is not None]
    return Coding(
        info.require_video().codec,
        _profile(info),
        round(8 * sum(size for _, size, _ in packets) / length) if length else None,
        max((round((later - before) / step) for before, later in itertools.pairwise(keys)), default=None),
    )


def _packets(info: MediaInfo) -> Iterator[tuple[Fraction | None, int, bool]]:
    """(time in seconds, bytes, whether a keyframe) of the packets, as far as they can be read."""
    with open_media(info.path) as container:
        stream = cast(av.VideoStream, container.streams[info.require_video().index])
        try:
            for number, packet in enumerate(container.demux(stream)):
                if number >= _MOST:
                    return
                if packet.size:
                    stamp = None if packet.pts is None or packet.time_base is None else packet.pts * packet.time_base
                    yield stamp, packet.size, packet.is_keyframe
        except av.error.FFmpegError:
            return


def _profile(info: MediaInfo) -> str:
    with open_media(info.path) as container:
        context = container.streams[info.require_video().index].codec_context
        return str(getattr(context, "profile", "") or "")
