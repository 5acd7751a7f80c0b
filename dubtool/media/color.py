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

# Perceptual quantiser (SMPTE ST 2084) and hybrid log-gamma.
HDR_TRANSFERS = frozenset({"smpte2084", "arib-std-b67"})

_BT601 = (0.299, 0.114)
_BT709 = (0.2126, 0.0722)
_BT2020 = (0.2627, 0.0593)
_LUMA_WEIGHTS = {
    "bt709": _BT709, "fcc": (0.30, 0.11), "bt470bg": _BT601, "smpte170m": _BT601,
    "smpte240m": (0.212, 0.087), "bt2020nc": _BT2020, "bt2020c": _BT2020,
}  # fmt: skip
# Cg stands where Cb does, Co where Cr does.
_YCGCO = np.array([[0.25, 0.5, 0.25], [-0.25, 0.5, -0.25], [0.5, 0.0, -0.5]])
_SWSCALE = {_BT709: 1, (0.30, 0.11): 4, _BT601: 5, (0.212, 0.087): 7, _BT2020: 9}


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
    both in limited range. In space "gbr" the code values are green, blue and red of full range."""
    step = 2 ** (depth - 8)
    top = 2**depth - 1
    if color.space == "gbr":
        order = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]], np.float32)
        to_rgb = np.hstack([order.T * np.float32(255 / top), np.zeros((3, 1), np.float32)])
        return Conversion(order * np.float32(top / 255), to_rgb, (0, 0), (top, top))
    rgb_to_ypbpr = _YCGCO if color.space == "ycgco" else _matrix(*_weights(color.space, width, height))
    full = color.range == "pc"
    scale = np.array([top, top, top] if full else [219 * step, 224 * step, 224 * step]) / 255.0
    offset = np.array([0 if full else 16 * step, 128 * step, 128 * step])
    to_yuv = rgb_to_ypbpr * scale[:, None]
    back = np.linalg.inv(to_yuv)
    to_rgb = np.hstack([back, -(back @ offset)[:, None]])
    low, high = ((0, 0), (top, top)) if full else ((16 * step, 16 * step), (235 * step, 240 * step))
    return Conversion(to_yuv.astype(np.float32), to_rgb.astype(np.float32), low, high)


def swscale_matrix(space: str, width: int, height: int) -> int:
    """libswscale's number of the matrix by which `conversion` turns luma and chroma of this size into RGB."""
    return _SWSCALE[_weights(space, width, height)]


def _weights(space: str, width: int, height: int) -> tuple[float, float]:
    """Red's and blue's share of luma."""
    return _LUMA_WEIGHTS.get(space, _BT709 if height > 576 or width > 1024 else _BT601)


def _matrix(kr: float, kb: float) -> np.ndarray:
    kg = 1.0 - kr - kb
    return np.array(
        [
            [kr, kg, kb],
            [-kr / (2 * (1 - kb)), -kg / (2 * (1 - kb)), 0.5],
            [0.5, -kg / (2 * (1 - kr)), -kb / (2 * (1 - kr))],
        ]
    )
