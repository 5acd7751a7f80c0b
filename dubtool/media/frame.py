"""One picture of a video, kept in its own pixel format.

Most pixels of a dubbed frame are the source's own; turning whole frames into RGB and back would change all of them.
So the planes stay as they were decoded, RGB is made of the box that is looked at, and a change is *added* to them.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterator, Sequence
from fractions import Fraction

import cv2
import numpy as np

from dubtool.media.color import HDR_TRANSFERS, Color, Conversion, conversion
from dubtool.media.interlace import FieldOrder
from dubtool.media.pixels import PixelLayout
from dubtool.media.sampling import cut
from dubtool.media.tone import ToneMap, tone_map

Box = tuple[int, int, int, int]

_conversion = functools.lru_cache(maxsize=64)(conversion)


class Frame:
    """A picture that stands upright, with its place in time.

    `planes`: luma [H, W] and, unless gray, chroma planes (NV12: one of [h, w, 2]), or green, blue and red, and last
    alpha where the layout has it; uint8, or uint16 above 8 bits.
    `rotation`: by how many degrees clockwise the coded picture was turned to stand upright, after left and right had
    changed places where it is `mirrored`. `field_order`: which of its fields (the coded rows by turns) is shown first.
    `index` counts from the first frame; `time` and `duration` are seconds from the first frame.
    """

    __slots__ = (
        "_phase", "_shifts", "color", "duration", "field_order", "index", "layout", "mirrored", "planes", "rotation",
        "time",
    )  # fmt: skip

    def __init__(
        self,
        planes: Sequence[np.ndarray],
        layout: PixelLayout,
        color: Color,
        *,
        rotation: int = 0,
        mirrored: bool = False,
        field_order: FieldOrder = "progressive",
        index: int = 0,
        time: Fraction = Fraction(0),
        duration: Fraction = Fraction(0),
    ) -> None:
        self.planes = list(planes)
        self.layout = layout
        self.color = color
        self.rotation = rotation
        self.mirrored = mirrored
        self.field_order = field_order
        self.index = index
        self.time = time
        self.duration = duration
        shift_x, shift_y = layout.shifts
        self._shifts = (shift_x, shift_y) if rotation % 180 == 0 else (shift_y, shift_x)
        # An axis that was turned over begins with the chroma sample that its end cut off, where it cuts one off.
        reversed_x, reversed_y = rotation in (90, 180), rotation in (180, 270)
        if mirrored:
            # The coded width, along which left and right change places, lies upright after a quarter turn.
            reversed_x, reversed_y = (reversed_x, not reversed_y) if rotation % 180 else (not reversed_x, reversed_y)
        self._phase = (
            -self.width % (1 << self._shifts[0]) if reversed_x else 0,
            -self.height % (1 << self._shifts[1]) if reversed_y else 0,
        )

    @classmethod
    def from_coded(
        cls,
        coded: Sequence[np.ndarray],
        layout: PixelLayout,
        color: Color,
        *,
        rotation: int = 0,
        mirrored: bool = False,
        field_order: FieldOrder = "progressive",
        index: int = 0,
        time: Fraction = Fraction(0),
        duration: Fraction = Fraction(0),
    ) -> Frame:
        """A frame from planes in coded orientation, `mirrored` and then turned `rotation` degrees clockwise."""
        planes = [_turned(plane[:, ::-1] if mirrored else plane, -rotation) for plane in coded]
        return cls(
            planes,
            layout,
            color,
            rotation=rotation,
            mirrored=mirrored,
            field_order=field_order,
            index=index,
            time=time,
            duration=duration,
        )

    @classmethod
    def from_rgb(
        cls,
        rgb: np.ndarray,
        layout: PixelLayout,
        color: Color,
        *,
        index: int = 0,
        time: Fraction = Fraction(0),
        duration: Fraction = Fraction(0),
    ) -> Frame:
        """A frame from RGB [H, W, 3] in 0..255, for pictures that no decoder made; opaque where there is alpha."""
        height, width = rgb.shape[:2]
        black = 0 if color.range == "pc" or layout.rgb else 16 * 2 ** (layout.depth - 8)
        neutral = 0 if layout.rgb else 2 ** (layout.depth - 1)
        shapes = layout.plane_shapes(width, height)
        planes = [np.full(shape, neutral if n else black, layout.dtype) for n, shape in enumerate(shapes)]
        if layout.alpha:
            planes[-1][:] = 2**layout.depth - 1
        frame = cls(planes, layout, color, index=index, time=time, duration=duration)
        frame.add_rgb((0, 0, width, height), rgb.astype(np.float32))
        return frame

    @property
    def width(self) -> int:
        return int(self.planes[0].shape[1])

    @property
    def height(self) -> int:
        return int(self.planes[0].shape[0])

    @property
    def nbytes(self) -> int:
        return sum(plane.nbytes for plane in self.planes)

    def copy(self) -> Frame:
        """A frame of its own, planes included."""
        made = copy.copy(self)
        made.planes = [plane.copy() for plane in self.planes]
        return made

    def coded_planes(self) -> list[np.ndarray]:
        """The planes turned back to the orientation they were coded in, contiguous."""
        turned = [_turned(plane, self.rotation) for plane in self.planes]
        return [np.ascontiguousarray(plane[:, ::-1]) for plane in turned] if self.mirrored else turned

    def rgb(self, box: Box | None = None, scale: float | None = None) -> np.ndarray:
        """uint8 RGB [h, w, 3] of the box (x0, y0, x1, y1; the whole frame if None), high dynamic range as standard.

        Chroma is interpolated linearly about the centre of the luma samples it covers. With `scale` the box is resized
        to round(w * scale) x round(h * scale), by area when shrinking. Raises ValueError for a box outside the frame.
        """
        if scale is None:
            return _rounded(self._levels(self._checked(box)))
        x0, y0, x1, y1 = self._checked(box)
        size = (max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale)))
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        cells_y, cells_x = self._cells((x0, y0, x1, y1))
        chroma = [
            cv2.resize(np.ascontiguousarray(plane[cells_y, cells_x]), size, interpolation=how)
            for plane in self._chroma()
        ]
        return self._shown(cv2.resize(self.planes[0][y0:y1, x0:x1], size, interpolation=how), chroma)

    def sampled_rgb(self, to_crop: np.ndarray, width: int, height: int) -> np.ndarray:
        """uint8 RGB [height, width, 3] of the pixels through an affine matrix [2, 3], picture to crop px; grey beyond.

        The planes themselves are sampled, linearly, after they were averaged down where the crop is less than half as
        fine: the work is the crop's, whatever the frame's size. Levels are within two of what `rgb` says; of interlaced
        pictures, whose fields' chroma is mixed, and at the edges of high dynamic range, which is shown as standard once
        it is sampled, they are within one in the mean.
        """
        grey = self._conversion.to_yuv @ (128.0 - self._conversion.to_rgb[:, 3])
        samples = [cut(self.planes[0], to_crop, width, height, float(grey[0]))]
        # Where chroma sample (0, 0) lies in luma samples, and how far it is to the next ones.
        cells = 2.0 ** np.array(self._shifts)
        start = (cells - 1) / 2 - self._phase
        to_chroma = np.column_stack([to_crop[:, :2] * cells, to_crop[:, :2] @ start + to_crop[:, 2]])
        for plane, value in zip(self._chroma(), grey[1:], strict=False):
            samples.append(cut(plane, to_chroma, width, height, float(value)))
        return self._shown(samples[0], samples[1:])

    def rgb_and_beyond(self, box: Box) -> tuple[np.ndarray, np.ndarray]:
        """`rgb` of the box, and how far its pixels lie outside of what that can say, float32 [h, w, 3]: below 0 or
        above 255.

        Codes of luma and chroma say more than RGB does, on wet lips for one. 0 for high dynamic range.
        """
        levels = self._levels(self._checked(box))
        beyond = np.zeros_like(levels) if self._tone is not None else levels - np.clip(levels, 0, 255)
        return _rounded(levels), beyond

    def add_rgb(self, box: Box, delta: np.ndarray) -> None:
        """Add an RGB difference [h, w, 3] (float, 0..255 units, already weighted by the mask) to the box; alpha stays.

        Of high dynamic range, `rgb` is what it is a difference of. The linear part of the RGB to YUV transform carries
        it over; a chroma sample takes the mean over the luma samples it covers, so that it changes only where that mean
        does. Code values stay legal (16..235 / 240 of 8 bits in limited range), except that a source beyond that is
        never pulled back further than it stood.
        """
        x0, y0, x1, y1 = self._checked(box)
        if delta.shape != (y1 - y0, x1 - x0, 3):
            raise ValueError(f"delta of shape {delta.shape} does not fit the box {box}")
        if self._woven:
            for field, part, rows in self._fields((x0, y0, x1, y1)):
                field.add_rgb(part, delta[rows])
            return
        delta = np.ascontiguousarray(delta, np.float32)
        if self._tone is not None:
            delta = self._tone.difference(self._coded_levels((x0, y0, x1, y1)), delta)
        difference = cv2.transform(delta, self._conversion.to_yuv)
        low, high = self._conversion.low, self._conversion.high
        luma, *chroma = cv2.split(difference)
        _add(self.planes[0][y0:y1, x0:x1], luma, low[0], high[0])
        if self.layout.gray:
            return
        cells_y, cells_x = self._cells((x0, y0, x1, y1))
        for plane, values in zip(self._chroma(), chroma, strict=True):
            _add(plane[cells_y, cells_x], self._cell_means(values, (x0, y0, x1, y1)), low[1], high[1])

    def _levels(self, box: Box) -> np.ndarray:
        """float32 RGB [h, w, 3] of the box as `rgb` shows it, neither cut off nor rounded."""
        x0, y0, x1, y1 = box
        if self._woven:
            woven = np.empty((y1 - y0, x1 - x0, 3), np.float32)
            for field, part, rows in self._fields(box):
                woven[rows] = field._levels(part)
            return woven
        return self._seen(self._coded_levels(box))

    def _coded_levels(self, box: Box) -> np.ndarray:
        """float32 R'G'B' [h, w, 3] of the box, 255 at full strength."""
        x0, y0, x1, y1 = box
        chroma = [self._upsampled(plane, box) for plane in self._chroma()]
        return self._mixed(self.planes[0][y0:y1, x0:x1].astype(np.float32), chroma)

    def _seen(self, levels: np.ndarray) -> np.ndarray:
        """R'G'B' as standard dynamic range."""
        return levels if self._tone is None else self._tone.seen(levels)

    def _shown(self, luma: np.ndarray, chroma: list[np.ndarray]) -> np.ndarray:
        """uint8 RGB [h, w, 3] of samples of the planes, as they are or as float32."""
        if luma.dtype == np.uint8 and self._tone is None:
            neutral = [np.full_like(luma, 128)] * (0 if chroma else 2)
            return np.asarray(cv2.transform(cv2.merge([luma, *chroma, *neutral]), self._conversion.to_rgb))
        mixed = self._mixed(luma.astype(np.float32), [plane.astype(np.float32) for plane in chroma])
        return _rounded(self._seen(mixed))

    def _mixed(self, luma: np.ndarray, chroma: list[np.ndarray]) -> np.ndarray:
        """float32 R'G'B' [h, w, 3], 255 at full strength, of samples of the planes."""
        if not chroma:
            neutral = np.full_like(luma, 2 ** (self.layout.depth - 1))
            chroma = [neutral, neutral]
        return cv2.transform(cv2.merge([luma, *chroma]), self._conversion.to_rgb)

    @property
    def _tone(self) -> ToneMap | None:
        return tone_map(self.color.trc, self.color.primaries) if self.color.trc in HDR_TRANSFERS else None

    @property
    def _conversion(self) -> Conversion:
        return _conversion(self.color, self.layout.depth, self.width, self.height)

    @property
    def _woven(self) -> bool:
        """Whether chroma rows belong to two fields by turns: each covers luma rows of its own field only."""
        lines = self.height if self.rotation % 180 == 0 else self.width
        shift = self.layout.shifts[1]
        return self.field_order != "progressive" and shift > 0 and lines % (2 << shift) == 0

    def _fields(self, box: Box) -> Iterator[tuple[Frame, Box, tuple[slice, ...]]]:
        """The fields that a box touches: a view of each, the box in it, and which rows (or columns) of the box it is.

        What is added to a view is added to the frame.
        """
        axis = 0 if self.rotation % 180 == 0 else 1
        for parity in (0, 1):
            every = (slice(None),) * axis + (slice(parity, None, 2),)
            field = Frame(
                [plane[every] for plane in self.planes],
                self.layout,
                self.color,
                rotation=self.rotation,
                mirrored=self.mirrored,
            )
            part = list(box)
            for end in (1 - axis, 3 - axis):
                part[end] = (box[end] - parity + 1) // 2
            if part[1 - axis] < part[3 - axis]:
                inside = slice((parity - box[1 - axis]) % 2, None, 2)
                yield field, (part[0], part[1], part[2], part[3]), (slice(None),) * axis + (inside,)

    def _chroma(self) -> list[np.ndarray]:
        """The other two colour planes, if any."""
        if self.layout.semi_planar:
            return [self.planes[1][..., 0], self.planes[1][..., 1]]
        return [] if self.layout.gray else self.planes[1:3]

    def _checked(self, box: Box | None) -> Box:
        if box is None:
            return (0, 0, self.width, self.height)
        x0, y0, x1, y1 = (int(value) for value in box)
        if not (0 <= x0 < x1 <= self.width and 0 <= y0 < y1 <= self.height):
            raise ValueError(f"box {box} does not lie within {self.width}x{self.height}")
        return (x0, y0, x1, y1)

    def _cells(self, box: Box) -> tuple[slice, slice]:
        """Rows and columns of the chroma samples that cover the box."""
        (shift_x, shift_y), (phase_x, phase_y) = self._shifts, self._phase
        columns = slice((box[0] + phase_x) >> shift_x, ((box[2] - 1 + phase_x) >> shift_x) + 1)
        rows = slice((box[1] + phase_y) >> shift_y, ((box[3] - 1 + phase_y) >> shift_y) + 1)
        return rows, columns

    def _upsampled(self, plane: np.ndarray, box: Box) -> np.ndarray:
        """float32 chroma at the box's luma samples."""
        if self._shifts == (0, 0):
            return plane[box[1] : box[3], box[0] : box[2]].astype(np.float32)
        rows, columns = self._cells(box)
        top, left = max(rows.start - 1, 0), max(columns.start - 1, 0)
        near = np.ascontiguousarray(plane[top : rows.stop + 1, left : columns.stop + 1], np.float32)
        (shift_x, shift_y), (phase_x, phase_y) = self._shifts, self._phase
        # Chroma sample c covers luma samples (c << shift) - phase and on: edges on edges, as `resize` has them.
        size = near.shape[1] << shift_x, near.shape[0] << shift_y
        large = cv2.resize(near, size, interpolation=cv2.INTER_LINEAR)
        x, y = box[0] + phase_x - (left << shift_x), box[1] + phase_y - (top << shift_y)
        return large[y : y + box[3] - box[1], x : x + box[2] - box[0]]

    def _cell_means(self, values: np.ndarray, box: Box) -> np.ndarray:
        """Means [rows, columns] over each chroma sample's luma samples; those outside the box count as zero."""
        (shift_x, shift_y), (phase_x, phase_y) = self._shifts, self._phase
        if (shift_x, shift_y) == (0, 0):
            return values
        rows, columns = self._cells(box)
        left, top = (columns.start << shift_x) - phase_x, (rows.start << shift_y) - phase_y
        right, bottom = (columns.stop << shift_x) - phase_x, (rows.stop << shift_y) - phase_y
        padded = np.pad(values, ((box[1] - top, bottom - box[3]), (box[0] - left, right - box[2])))
        for _ in range(shift_y):
            padded = padded[0::2] + padded[1::2]
        for _ in range(shift_x):
            padded = padded[:, 0::2] + padded[:, 1::2]
        covered_y = _covered(rows, 1 << shift_y, phase_y, self.height)
        covered_x = _covered(columns, 1 << shift_x, phase_x, self.width)
        return padded / (covered_y[:, None] * covered_x[None, :])


def _rounded(levels: np.ndarray) -> np.ndarray:
    """uint8 of float32 RGB, which is changed."""
    np.maximum(levels, 0.0, out=levels)
    return cv2.convertScaleAbs(levels)  # rounds and saturates


def _covered(cells: slice, size: int, phase: int, length: int) -> np.ndarray:
    """How many samples of an axis each cell covers within the picture."""
    starts = np.arange(cells.start, cells.stop) * size - phase
    return (np.minimum(starts + size, length) - np.maximum(starts, 0)).astype(np.float32)


def _add(samples: np.ndarray, difference: np.ndarray, low: int, high: int) -> None:
    """Add in place, rounding to the nearest code value; overshoot that was there may stay, none is made."""
    total = samples + difference.astype(np.float32, copy=False)
    np.rint(total, out=total)
    np.maximum(total, np.minimum(samples, low), out=total)
    np.minimum(total, np.maximum(samples, high), out=total)
    samples[...] = total.astype(samples.dtype)


def _turned(plane: np.ndarray, degrees: int) -> np.ndarray:
    """The plane turned counter-clockwise by a multiple of 90 degrees, contiguous."""
    return np.ascontiguousarray(np.rot90(plane, degrees // 90))
