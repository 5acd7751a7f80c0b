"""An encoding like the source's: codec family and profile, bit rate and distance of keyframes, where there are such."""

from __future__ import annotations

from dataclasses import dataclass

from dubtool.errors import UsageError
from dubtool.media.codecs import Container
from dubtool.media.delivery import encoder_of
from dubtool.media.packets import Coding, coding_of
from dubtool.media.probe import MediaInfo

_FAMILIES = {
    "h264": "libx264", "hevc": "libx265", "vp9": "libvpx-vp9", "av1": "libsvtav1", "ffv1": "ffv1",
    "prores": "prores_ks", "dnxhd": "dnxhd",
}  # fmt: skip
_PROFILES = {
    "Proxy": "prores-proxy", "LT": "prores-lt", "Standard": "prores-422", "HQ": "prores-hq", "4444": "prores-4444",
    "DNXHR LB": "dnxhr-lb", "DNXHR SQ": "dnxhr-sq", "DNXHR HQ": "dnxhr-hq", "DNXHR HQX": "dnxhr-hqx",
    "DNXHR 444": "dnxhr-444",
}  # fmt: skip
# Those whose bit rate is chosen, and not a matter of the profile.
_RATED = frozenset({"libx264", "libx265", "libvpx-vp9", "libsvtav1"})


@dataclass(frozen=True)
class Likeness:
    """codec: one of ours, None where there is none of that family. bit_rate: bits a second; gop: frames from keyframe
    to keyframe; None where the encoder's own is to be taken. source: how that is coded."""

    codec: str | None
    bit_rate: int | None
    gop: int | None
    source: Coding


def likeness(info: MediaInfo, container: Container) -> Likeness:
    """How to encode like the video of a file.

    Raises:
        UsageError: the container does not take that codec.
    """
    found = coding_of(info)
    codec = _PROFILES.get(found.profile) or _FAMILIES.get(found.codec)
    if codec is None:
        return Likeness(None, None, None, found)
    if codec not in container.videos:
        raise UsageError(
            f"--like-source: {info.path} is coded by {found.codec}, which {container.name} does not take: "
            f"name an output like '{info.path.suffix or '.mov'}', or leave it out"
        )
    rated = encoder_of(codec) in _RATED
    return Likeness(codec, found.bit_rate if rated else None, found.gop if rated else None, found)
