"""Pixel layouts a frame can be kept in, and how a decoded picture becomes planes of one of them.

Kept as they are: gray, luma with chroma on any of ffmpeg's planar grids, and RGB in planes, each in 8 to 16 bits,
little endian, with alpha or without; NV12, too. Everything else is converted once at decode to the nearest of these:
packed samples to planes and other byte orders without a change of any value, palettes and Bayer mosaics to RGB, more
than 16 bits (floating point) to 16.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass

import av
import numpy as np
from av.video.format import names  # type: ignore[attr-defined]

from dubtool.media.color import BT709_LIMITED, UNKNOWN, Color, swscale_matrix

_CHROMA_SHIFTS = {"410": (2, 2), "411": (2, 0), "420": (1, 1), "422": (1, 0), "440": (0, 1)}
_DEPTHS = (8, 9, 10, 12, 14, 16)
_DEEPEST = 16
# libswscale stretches their range, whatever it is told, or even ends the process: they are read without it.
_FLOATING_GRAY = ("grayf", "yaf")
# Raw video in NUT, in which frames go to the encoder, has no name for these.
_NAMELESS = frozenset({"yuv440p10le", "yuv440p12le", "ya16le"})


@dataclass(frozen=True)
class PixelLayout:
    """How samples lie in planes.

    name: ffmpeg's. chroma: "400" (gray), "410", "411", "420", "422", "440", "444", or "rgb" (planes green, blue, red).
    depth: bits of a sample. alpha: the last plane says how opaque the picture is. semi_planar: NV12, both chromas in
    one plane.
    """

    name: str
    chroma: str
    depth: int
    alpha: bool = False
    semi_planar: bool = False

    @property
    def gray(self) -> bool:
        return self.chroma == "400"

    @property
    def rgb(self) -> bool:
        return self.chroma == "rgb"

    @property
    def shifts(self) -> tuple[int, int]:
        """log2 of the chroma subsampling along the coded width and height."""
        return _CHROMA_SHIFTS.get(self.chroma, (0, 0))

    @property
    def dtype(self) -> type[np.uint8] | type[np.uint16]:
        return np.uint8 if self.depth == 8 else np.uint16

    @property
    def samples(self) -> float:
        """Samples a pixel, without alpha."""
        return 1.0 if self.gray else 1.0 + 2.0 ** (1 - sum(self.shifts))

    def plane_shapes(self, width: int, height: int) -> list[tuple[int, ...]]:
        """Shapes of the planes of a coded picture of this size."""
        full = (height, width)
        shift_x, shift_y = self.shifts
        chroma = (-(-height >> shift_y), -(-width >> shift_x))
        planes: list[tuple[int, ...]] = [full]
        if self.semi_planar:
            planes.append((*chroma, 2))
        elif not self.gray:
            planes += [chroma, chroma]
        return [*planes, full] if self.alpha else planes


def layout_of(chroma: str, depth: int, *, alpha: bool = False) -> PixelLayout:
    """The planar layout of this kind; ffmpeg may have no such format, see `nearest`."""
    with_alpha = "a" if alpha else ""
    if chroma == "400":
        stem = "ya" if alpha else "gray"
        bits = str(depth) if alpha or depth > 8 else ""
    else:
        stem = f"gbr{with_alpha}p" if chroma == "rgb" else f"yuv{with_alpha}{chroma}p"
        bits = str(depth) if depth > 8 else ""
    return PixelLayout(f"{stem}{bits}le" if depth > 8 else f"{stem}{bits}", chroma, depth, alpha)


NATIVE = {
    layout.name: layout
    for layout in [
        *(
            layout_of(chroma, depth, alpha=alpha)
            for chroma in ("400", *_CHROMA_SHIFTS, "444", "rgb")
            for depth in _DEPTHS
            for alpha in (False, True)
        ),
        PixelLayout("nv12", "420", 8, semi_planar=True),
    ]
    if layout.name in names - _NAMELESS
}


def nearest(wanted: PixelLayout, offered: Iterable[PixelLayout]) -> PixelLayout:
    """The offered layout that keeps most of `wanted` (alpha, then colour, chroma grid, depth), and then adds least."""

    def loss(layout: PixelLayout) -> tuple[float, ...]:
        coarser = [max(0, got - had) for got, had in zip(layout.shifts, wanted.shifts, strict=True)]
        return (
            wanted.alpha > layout.alpha,
            layout.gray > wanted.gray,
            0 if wanted.gray else sum(coarser),
            max(0, wanted.depth - layout.depth),
            wanted.rgb != layout.rgb,
            layout.alpha > wanted.alpha,
            layout.samples,
            layout.depth,
        )

    return min(offered, key=loss)


def native_name(pixel_format: str) -> str:
    """ffmpeg's name without the full-range spelling (yuvj420p): the range is a tag here."""
    return pixel_format.replace("yuvj", "yuv", 1) if pixel_format.startswith("yuvj") else pixel_format


def is_rgb(pixel_format: str) -> bool:
    """Whether the samples are colours rather than luma and chroma (a palette holds RGB)."""
    described = av.VideoFormat(pixel_format)
    of_colours = described.is_rgb or described.has_palette or described.is_bayer
    return bool(of_colours or pixel_format.startswith("xyz"))


@functools.cache
def nearest_layout(pixel_format: str) -> PixelLayout:
    """The layout in which pictures of this ffmpeg format are kept. Raises ValueError where they cannot be read."""
    known = NATIVE.get(native_name(pixel_format))
    if known is not None:
        return known
    described = av.VideoFormat(pixel_format, 16, 16)
    components = described.components
    if not components:
        raise ValueError(f"pixel format {pixel_format} cannot be read")
    bits = [component.bits for component in components]
    # A mosaic's samples are shared out among its colours.
    depth = min(sum(bits) if described.is_bayer else max(bits), _DEEPEST)
    colours = [component for component in components if not component.is_alpha]
    # A palette may hold transparent colours, though its format has one component only.
    alpha = len(colours) < len(components) or described.has_palette
    if is_rgb(pixel_format):
        chroma = "rgb"
    elif len(colours) == 1:
        chroma = "400"
    else:
        # Not by `is_chroma`, which PyAV holds for false where chroma is not subsampled.
        shifts = ((16 // colours[1].width).bit_length() - 1, (16 // colours[1].height).bit_length() - 1)
        chroma = next((name for name, known in _CHROMA_SHIFTS.items() if known == shifts), "444")
    planar = [layout for layout in NATIVE.values() if not layout.semi_planar]
    found = nearest(PixelLayout("", chroma, max(depth, 8), alpha), planar)
    if pixel_format.startswith(_FLOATING_GRAY):
        return found
    try:
        av.VideoFrame(16, 16, pixel_format).reformat(16, 16, found.name)
    except (OSError, ValueError) as error:
        raise ValueError(f"pixel format {pixel_format} cannot be read") from error
    return found


def kept_color(pixel_format: str, tags: Color) -> Color:
    """The colour tags of the planes we keep, which differ from the file's where those cannot be meant."""
    if is_rgb(pixel_format):
        primaries = BT709_LIMITED.primaries if tags.primaries == UNKNOWN else tags.primaries
        trc = BT709_LIMITED.trc if tags.trc == UNKNOWN else tags.trc
        return Color("pc", "gbr", primaries, trc)
    space = UNKNOWN if tags.space == "gbr" else tags.space
    # Where nothing is said, ffmpeg holds gray for full range, and tags it so when it writes.
    described = av.VideoFormat(pixel_format)
    untagged_gray = tags.range == UNKNOWN and sum(not component.is_alpha for component in described.components) == 1
    full = pixel_format.startswith("yuvj") or untagged_gray
    return Color("pc" if full else tags.range, space, tags.primaries, tags.trc)


def read_planes(picture: av.VideoFrame, layout: PixelLayout, color: Color, width: int, height: int) -> list[np.ndarray]:
    """Copies of the picture's planes, converted first when its format or size is another one.

    color: of the planes; it matters where a file goes over from RGB to luma and chroma half-way.
    """
    source = picture.format.name
    if source.startswith(_FLOATING_GRAY):
        return _floating_gray(picture, layout, width, height)
    if native_name(source) != layout.name or (picture.width, picture.height) != (width, height):
        had = wanted = "JPEG"  # the same on both sides: values stay as they are
        matrices = {}
        if is_rgb(source) != layout.rgb:
            if layout.rgb:
                had = "JPEG" if source.startswith("yuvj") or picture.color_range == 2 else "MPEG"
                matrices["src_colorspace"] = swscale_matrix(UNKNOWN, width, height)
            else:
                wanted = "JPEG" if color.range == "pc" else "MPEG"
                matrices["dst_colorspace"] = swscale_matrix(color.space, width, height)
        picture = picture.reformat(width, height, layout.name, src_color_range=had, dst_color_range=wanted, **matrices)
    if layout.gray and layout.alpha:
        both = _samples(picture.planes[0], layout, (height, width, 2))
        return [np.ascontiguousarray(both[..., 0]), np.ascontiguousarray(both[..., 1])]
    shapes = layout.plane_shapes(width, height)
    return [_samples(plane, layout, shape) for plane, shape in zip(picture.planes, shapes, strict=False)]


def _floating_gray(picture: av.VideoFrame, layout: PixelLayout, width: int, height: int) -> list[np.ndarray]:
    """Planes of gray in 0..1, with alpha or without; the nearest samples where the size is another one."""
    name = picture.format.name
    kind = np.dtype((">" if name.endswith("be") else "<") + ("f2" if "16" in name else "f4"))
    rows = np.frombuffer(memoryview(picture.planes[0]), kind).reshape(picture.height, -1)
    samples = rows[:, : picture.width * len(picture.format.components)].reshape(picture.height, picture.width, -1)
    if (picture.width, picture.height) != (width, height):
        across = np.arange(width) * picture.width // width
        samples = samples[np.arange(height) * picture.height // height][:, across]
    top = 2**layout.depth - 1
    whole = np.rint(np.clip(np.nan_to_num(samples.astype(np.float32)), 0, 1) * top).astype(layout.dtype)
    shapes = layout.plane_shapes(width, height)
    planes = [np.full(shape, 2 ** (layout.depth - 1), layout.dtype) for shape in shapes]
    planes[0] = np.ascontiguousarray(whole[..., 0])
    if layout.alpha:
        planes[-1] = (
            np.ascontiguousarray(whole[..., 1]) if whole.shape[2] > 1 else np.full(shapes[0], top, layout.dtype)
        )
    return planes


def write_planes(planes: list[np.ndarray], layout: PixelLayout) -> bytes:
    """The planes as raw video of the layout's format: [H, W] each, contiguous."""
    if layout.gray and layout.alpha:
        planes = [np.stack(planes, axis=-1)]
    return b"".join([plane.tobytes() for plane in planes])


def _samples(plane: av.video.plane.VideoPlane, layout: PixelLayout, shape: tuple[int, ...]) -> np.ndarray:
    rows = np.frombuffer(memoryview(plane), layout.dtype).reshape(plane.height, -1)
    return rows[: shape[0], : int(np.prod(shape[1:]))].copy().reshape(shape)
