"""Pixel layouts a frame can be kept in, and how a decoded picture becomes planes of one of them.

Kept as they are: gray, 4:2:0 (planar and NV12), 4:2:2 and 4:4:4, in 8, 10 and 12 bits, little endian. Everything else
is converted once at decode to the nearest of these: RGB and palette to 4:4:4 BT.709 limited range, alpha dropped,
rarer chroma grids to the next finer one, depths above 8 bits to 10 or 12.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import av
import numpy as np

from dubtool.media.color import BT709_LIMITED, UNKNOWN, Color

_CHROMA_SHIFTS = {"420": (1, 1), "422": (1, 0), "444": (0, 0)}


@dataclass(frozen=True)
class PixelLayout:
    """How samples lie in memory. `chroma` is "400", "420", "422" or "444"; NV12 has both chromas in one plane."""

    name: str
    chroma: str
    depth: int
    semi_planar: bool = False

    @property
    def gray(self) -> bool:
        return self.chroma == "400"

    @property
    def shifts(self) -> tuple[int, int]:
        """log2 of the chroma subsampling along the coded width and height."""
        return _CHROMA_SHIFTS.get(self.chroma, (0, 0))

    @property
    def dtype(self) -> type[np.uint8] | type[np.uint16]:
        return np.uint8 if self.depth == 8 else np.uint16

    def plane_shapes(self, width: int, height: int) -> list[tuple[int, ...]]:
        """Shapes of the planes of a coded picture of this size."""
        luma = (height, width)
        if self.gray:
            return [luma]
        shift_x, shift_y = self.shifts
        chroma = (-(-height >> shift_y), -(-width >> shift_x))
        return [luma, (*chroma, 2)] if self.semi_planar else [luma, chroma, chroma]


def layout_of(chroma: str, depth: int) -> PixelLayout:
    """The planar layout with this chroma grid ("400", "420", "422", "444") and depth (8, 10, 12)."""
    stem = "gray" if chroma == "400" else f"yuv{chroma}p"
    return PixelLayout(stem if depth == 8 else f"{stem}{depth}le", chroma, depth)


_NATIVE = {
    layout.name: layout
    for layout in [
        *(layout_of(chroma, depth) for chroma in ("400", "420", "422", "444") for depth in (8, 10, 12)),
        PixelLayout("nv12", "420", 8, semi_planar=True),
    ]
}


def native_name(pixel_format: str) -> str:
    """ffmpeg's name without the full-range spelling (yuvj420p): the range is a tag here."""
    return pixel_format.replace("yuvj", "yuv", 1) if pixel_format.startswith("yuvj") else pixel_format


def is_rgb(pixel_format: str) -> bool:
    """Whether the samples are colours rather than luma and chroma (a palette holds RGB)."""
    described = av.VideoFormat(pixel_format)
    return bool(described.is_rgb or described.has_palette or described.is_bayer)


@functools.cache
def nearest_layout(pixel_format: str) -> PixelLayout:
    """The layout in which pictures of this ffmpeg format are kept."""
    known = _NATIVE.get(native_name(pixel_format))
    if known is not None:
        return known
    described = av.VideoFormat(pixel_format, 16, 16)
    bits = max((component.bits for component in described.components), default=8)
    depth = 8 if bits <= 8 else 10 if bits <= 10 else 12
    if is_rgb(pixel_format):
        return layout_of("444", depth)
    chromas = [component for component in described.components if component.is_chroma]
    if not chromas:
        return layout_of("400", depth)
    narrow, low = chromas[0].width < 16, chromas[0].height < 16
    return layout_of(("420" if low else "422") if narrow else "444", depth)


def kept_color(pixel_format: str, tags: Color) -> Color:
    """The colour tags of the planes we keep, which differ from the file's where its samples are RGB."""
    if is_rgb(pixel_format):
        primaries = BT709_LIMITED.primaries if tags.primaries == UNKNOWN else tags.primaries
        trc = BT709_LIMITED.trc if tags.trc == UNKNOWN else tags.trc
        return Color("tv", "bt709", primaries, trc)
    # Where nothing is said, ffmpeg holds gray for full range, and tags it so when it writes.
    untagged_gray = tags.range == UNKNOWN and nearest_layout(pixel_format).gray
    if pixel_format.startswith("yuvj") or untagged_gray:
        return Color("pc", tags.space, tags.primaries, tags.trc)
    return tags


def read_planes(picture: av.VideoFrame, layout: PixelLayout, width: int, height: int) -> list[np.ndarray]:
    """Copies of the picture's planes, converted first when its format or size is another one."""
    source = picture.format.name
    if native_name(source) != layout.name or (picture.width, picture.height) != (width, height):
        if is_rgb(source):
            picture = picture.reformat(
                width, height, layout.name, dst_colorspace="ITU709", src_color_range="JPEG", dst_color_range="MPEG"
            )
        else:
            kept = "JPEG" if source.startswith("yuvj") or picture.color_range == 2 else "MPEG"
            picture = picture.reformat(width, height, layout.name, src_color_range=kept, dst_color_range=kept)
    planes = []
    for plane, shape in zip(picture.planes, layout.plane_shapes(width, height), strict=False):
        rows = np.frombuffer(memoryview(plane), layout.dtype).reshape(plane.height, -1)
        samples = rows[: shape[0], : int(np.prod(shape[1:]))]
        planes.append(samples.copy().reshape(shape))
    return planes
