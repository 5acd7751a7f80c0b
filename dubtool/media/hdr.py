"""What films of high dynamic range say of themselves.

HDR10's static metadata are the display a film was mastered on (SMPTE ST 2086) and its light levels (CTA-861.3). Others
change from scene to scene: HDR10+ (SMPTE ST 2094-40), HDR Vivid, Dolby Vision. These are only named.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av
from av.buffer import Buffer

# AVMasteringDisplayMetadata: x and y of red, green, blue and white, then darkest and brightest, each a fraction of two
# ints, then whether the former and the latter are told. AVContentLightMetadata: both levels.
_MASTERING = struct.Struct("=22i")
_LIGHT = struct.Struct("=2I")
_DYNAMIC = {"DYNAMIC_HDR_PLUS": "HDR10+", "DYNAMIC_HDR_VIVID": "HDR Vivid"}
_DOLBY, _DOLBY_FRAME = "Dolby Vision", ("DOVI_METADATA", "DOVI_RPU_BUFFER")
# Its pictures are in colours of their own (IPTPQc2), which no tag names.
NOT_COMPATIBLE = f"{_DOLBY} profile 5"
_DOLBY_STREAM = re.compile(r"DOVI configuration record:.*?profile: (\d+)")


@dataclass(frozen=True)
class Mastering:
    """red, green, blue, white: CIE 1931 x and y. darkest, brightest: cd/m2; what is not told is None."""

    red: tuple[Fraction, Fraction]
    green: tuple[Fraction, Fraction]
    blue: tuple[Fraction, Fraction]
    white: tuple[Fraction, Fraction]
    darkest: Fraction
    brightest: Fraction

    def x265(self) -> str:
        """As x264 and x265 take it: chromaticities in 1/50000, luminances in 1/10000 cd/m2."""
        points = (("G", self.green), ("B", self.blue), ("R", self.red), ("WP", self.white))
        told = "".join(f"{name}({round(x * 50000)},{round(y * 50000)})" for name, (x, y) in points)
        return f"{told}L({round(self.brightest * 10000)},{round(self.darkest * 10000)})"

    def svtav1(self) -> str:
        """As SVT-AV1 takes it: chromaticities as they are, luminances in cd/m2."""
        points = (("G", self.green), ("B", self.blue), ("R", self.red), ("WP", self.white))
        told = "".join(f"{name}({float(x):.5f},{float(y):.5f})" for name, (x, y) in points)
        return f"{told}L({float(self.brightest):.4f},{float(self.darkest):.4f})"


@dataclass(frozen=True)
class HdrMetadata:
    """light: brightest sample and brightest frame average, cd/m2; None where the film does not tell. dynamic: names of
    the metadata that change from scene to scene, a profile with that of Dolby Vision."""

    mastering: Mastering | None
    light: tuple[int, int] | None
    dynamic: tuple[str, ...] = ()


def side_data(picture: av.VideoFrame, kind: str) -> bytes:
    """A decoded picture's side data of one kind, by PyAV's name; empty where it has none."""
    found = picture.side_data.get(kind)
    return b"" if found is None else bytes(cast(Buffer, found))


def hdr_metadata(picture: av.VideoFrame, description: str = "") -> HdrMetadata | None:
    """What a decoded picture says of it, and `described` of its stream; None where they say nothing."""
    mastering = _mastering(side_data(picture, "MASTERING_DISPLAY_METADATA"))
    levels = side_data(picture, "CONTENT_LIGHT_LEVEL")
    light = _LIGHT.unpack_from(levels) if len(levels) >= _LIGHT.size else None
    dynamic = [name for kind, name in _DYNAMIC.items() if side_data(picture, kind)]
    dolby = _DOLBY_STREAM.search(description)
    if dolby:
        dynamic.append(f"{_DOLBY} profile {dolby[1]}")
    elif any(side_data(picture, kind) for kind in _DOLBY_FRAME):
        dynamic.append(_DOLBY)
    return HdrMetadata(mastering, light, tuple(dynamic)) if mastering or light or dynamic else None


def _mastering(data: bytes) -> Mastering | None:
    if len(data) < _MASTERING.size:
        return None
    *numbers, has_points, has_luminance = _MASTERING.unpack_from(data)
    if not (has_points and has_luminance) or 0 in numbers[1::2]:
        return None
    values = [Fraction(top, bottom) for top, bottom in zip(numbers[::2], numbers[1::2], strict=True)]
    red, green, blue, white = zip(values[:8:2], values[1:8:2], strict=True)
    return Mastering(red, green, blue, white, values[8], values[9])
