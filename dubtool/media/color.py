"""Colour tags and the matrices they stand for (ITU-T H.273; BT.601, BT.709, BT.2020)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

UNKNOWN = "unknown"

# H.273 code points to the names ffmpeg's `setparams` filter takes; what is missing counts as untagged.
RANGES = {1: "tv", 2: "pc"}
SPACES = {
    0: "gbr", 1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "ycgco",
    9: "bt2020nc", 10: "bt2020c", 11: "smpte2085", 12: "chroma-derived-nc", 13: "chroma-derived-c", 14: "ictcp",
}  # fmt: skip
PRIMARIES = {
    1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film", 9: "bt2020",
    10: "smpte428", 11: "smpte431", 12: "smpte432", 22: "jedec-p22",
}  # fmt: skip
TRANSFERS = {
    1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "linear", 9: "log100", 10: "log316",
    11: "iec61966-2-4", 12: "bt1361e", 13: "iec61966-2-1", 14: "bt2020-10", 15: "bt2020-12", 16: "smpte2084",
    17: "smpte428", 18: "arib-std-b67",
}  # fmt: skip

_BT601 = (0.299, 0.114)
_BT709 = (0.2126, 0.0722)
_BT2020 = (0.2627, 0.0593)
_LUMA_WEIGHTS = {
    "bt709": _BT709, "fcc": (0.30, 0.11), "bt470bg": _BT601, "smpte170m": _BT601,
    "smpte240m": (0.212, 0.087), "bt2020nc": _BT2020, "bt2020c": _BT2020,
}  # fmt: skip


@dataclass(frozen=True)
class Color:
    """The four colour tags by ffmpeg's names; "unknown" where the file does not say."""

    range: str = UNKNOWN
    space: str = UNKNOWN
    primaries: str = UNKNOWN
    trc: str = UNKNOWN

    def set_parameters(self) -> dict[str, str]:
        """Arguments of ffmpeg's `setparams` filter; untagged stays untagged."""
        tags = {"range": self.range, "colorspace": self.space, "color_primaries": self.primaries, "color_trc": self.trc}
        return {name: value for name, value in tags.items() if value != UNKNOWN}


BT709_LIMITED = Color("tv", "bt709", "bt709", "bt709")


@dataclass(frozen=True)
class Conversion:
    """Linear maps between R'G'B' in 0..255 and Y'CbCr code values of one depth and range.

    `to_yuv` [3, 3] turns an RGB difference into a difference of code values; `to_rgb` [3, 4] turns code values
    (with their offsets) into RGB. `low` and `high` [2] bound legal luma and chroma.
    """

    to_yuv: np.ndarray
    to_rgb: np.ndarray
    low: tuple[int, int]
    high: tuple[int, int]


def conversion(color: Color, depth: int, width: int, height: int) -> Conversion:
    """The conversion for `depth` bits; untagged pictures above standard definition count as BT.709, others as BT.601,
    both in limited range."""
    default = _BT709 if height > 576 or width > 1024 else _BT601
    kr, kb = _LUMA_WEIGHTS.get(color.space, default)
    kg = 1.0 - kr - kb
    rgb_to_ypbpr = np.array(
        [
            [kr, kg, kb],
            [-kr / (2 * (1 - kb)), -kg / (2 * (1 - kb)), 0.5],
            [0.5, -kg / (2 * (1 - kr)), -kb / (2 * (1 - kr))],
        ]
    )
    step = 2 ** (depth - 8)
    top = 2**depth - 1
    full = color.range == "pc"
    scale = np.array([top, top, top] if full else [219 * step, 224 * step, 224 * step]) / 255.0
    offset = np.array([0 if full else 16 * step, 128 * step, 128 * step])
    to_yuv = rgb_to_ypbpr * scale[:, None]
    back = np.linalg.inv(to_yuv)
    to_rgb = np.hstack([back, -(back @ offset)[:, None]])
    low, high = ((0, 0), (top, top)) if full else ((16 * step, 16 * step), (235 * step, 240 * step))
    return Conversion(to_yuv.astype(np.float32), to_rgb.astype(np.float32), low, high)
