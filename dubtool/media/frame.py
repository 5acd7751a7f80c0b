"""One picture of a video, kept in its own pixel format.

Most pixels of a dubbed frame are the source's own; turning whole frames into RGB and back would change all of them.
So the planes stay as they were decoded, RGB is made of the box that is looked at, and a change is *added* to them.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from fractions import Fraction

import cv2
import numpy as np

from dubtool.media.color import Color, Conversion, conversion
from dubtool.media.pixels import PixelLayout

Box = tuple[int, int, int, int]

_conversion = functools.lru_cache(maxsize=64)(conversion)


class Frame:
    """A picture that stands upright, with its place in time.

    `planes`: luma [H, W] and, unless gray, chroma planes (NV12: one of [h, w, 2]); uint8, or uint16 above 8 bits.
    `rotation`: by how many degrees clockwise the coded picture was turned to stand upright.
    `index` counts from the first frame; `time` and `duration` are seconds from the first frame.
    """

    __slots__ = ("_phase", "_shifts", "color", "duration", "index", "layout", "planes", "rotation", "time")

    def __init__(
        self,
        planes: Sequence[np.ndarray],
        layout: PixelLayout,
        color: Color,
        *,
        rotation: int = 0,
        index: int = 0,
        time: Fraction = Fraction(0),
        duration: Fraction = Fraction(0),
    ) -> None:
        self.planes = list(planes)
        self.layout = layout
        self.color = color
        self.rotation = rotation
        self.index = index
        self.time = time
        self.duration = duration
        shift_x, shift_y = layout.shifts
        self._shifts = (shift_x, shift_y) if rotation % 180 == 0 else (shift_y, shift_x)
        # An axis of odd length that was turned over begins with the chroma sample that covers one luma sample only.
        reversed_x, reversed_y = rotation in (90, 180), rotation in (180, 270)
        self._phase = (
            int(reversed_x and self._shifts[0] == 1 and self.width % 2),
            int(reversed_y and self._shifts[1] == 1 and self.height % 2),
        )

    @classmethod
    def from_coded(
        cls,
        coded: Sequence[np.ndarray],
        layout: PixelLayout,
        color: Color,
        *,
        rotation: int = 0,
        index: int = 0,
        time: Fraction = Fraction(0),
        duration: Fraction = Fraction(0),
    ) -> Frame:
        """A frame from planes in coded orientation, turned `rotation` degrees clockwise."""
        planes = [_turned(plane, -rotation) for plane in coded]
        return cls(planes, layout, color, rotation=rotation, index=index, time=time, duration=duration)

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
        """A frame from RGB [H, W, 3] in 0..255, for pictures that no decoder made."""
        height, width = rgb.shape[:2]
        black = 0 if color.range == "pc" else 16 * 2 ** (layout.depth - 8)
        neutral = 2 ** (layout.depth - 1)
        shapes = layout.plane_shapes(width, height)
        planes = [np.full(shape, neutral if n else black, layout.dtype) for n, shape in enumerate(shapes)]
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
        return Frame(
            [plane.copy() for plane in self.planes],
            self.layout,
            self.color,
            rotation=self.rotation,
            index=self.index,
            time=self.time,
            duration=self.duration,
        )

    def coded_planes(self) -> list[np.ndarray]:
        """The planes turned back to the orientation they were coded in, contiguous."""
        return [_turned(plane, self.rotation) for plane in self.planes]

    def rgb(self, box: Box | None = None, scale: float | None = None) -> np.ndarray:
        """uint8 RGB [h, w, 3] of the box (x0, y0, x1, y1; the whole frame if None).

        Chroma is interpolated linearly about the centre of the luma samples it covers. With `scale` the box is resized
        to round(w * scale) x round(h * scale), by area when shrinking. Raises ValueError for a box outside the frame.
        """
        x0, y0, x1, y1 = self._checked(box)
        luma = self.planes[0][y0:y1, x0:x1]
        if scale is None:
            chroma = [self._upsampled(plane, (x0, y0, x1, y1)) for plane in self._chroma()]
            luma = luma.astype(np.float32)
        else:
            size = (max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale)))
            how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
            luma = cv2.resize(luma, size, interpolation=how).astype(np.float32)
            cells_y, cells_x = self._cells((x0, y0, x1, y1))
            chroma = [
                cv2.resize(np.ascontiguousarray(plane[cells_y, cells_x]), size, interpolation=how).astype(np.float32)
                for plane in self._chroma()
            ]
        if not chroma:
            neutral = np.full_like(luma, 2 ** (self.layout.depth - 1))
            chroma = [neutral, neutral]
        mixed = cv2.transform(cv2.merge([luma, *chroma]), self._conversion.to_rgb)
        np.maximum(mixed, 0.0, out=mixed)
        return cv2.convertScaleAbs(mixed)  # rounds and saturates

    def add_rgb(self, box: Box, delta: np.ndarray) -> None:
        """Add an RGB difference [h, w, 3] (float, 0..255 units, already weighted by the mask) to the box.

        The linear part of the RGB to YUV transform carries it over; a chroma sample takes the mean over the luma
        samples it covers, so that it changes only where that mean does. Code values stay legal (16..235 / 240 of 8 bits
        in limited range), except that a source beyond that is never pulled back further than it stood.
        """
        x0, y0, x1, y1 = self._checked(box)
        if delta.shape != (y1 - y0, x1 - x0, 3):
            raise ValueError(f"delta of shape {delta.shape} does not fit the box {box}")
        difference = cv2.transform(np.ascontiguousarray(delta, np.float32), self._conversion.to_yuv)
        low, high = self._conversion.low, self._conversion.high
        luma, *chroma = cv2.split(difference)
        _add(self.planes[0][y0:y1, x0:x1], luma, low[0], high[0])
        if self.layout.gray:
            return
        cells_y, cells_x = self._cells((x0, y0, x1, y1))
        for plane, values in zip(self._chroma(), chroma, strict=True):
            _add(plane[cells_y, cells_x], self._cell_means(values, (x0, y0, x1, y1)), low[1], high[1])

    @property
    def _conversion(self) -> Conversion:
        return _conversion(self.color, self.layout.depth, self.width, self.height)

    def _chroma(self) -> list[np.ndarray]:
        if self.layout.semi_planar:
            return [self.planes[1][..., 0], self.planes[1][..., 1]]
        return self.planes[1:]

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
        step_x, step_y = 2.0 ** -self._shifts[0], 2.0 ** -self._shifts[1]
        # The centre of chroma sample c covers luma c/step - phase + (1/step - 1)/2.
        start_x = (box[0] + self._phase[0] + 0.5) * step_x - 0.5 - left
        start_y = (box[1] + self._phase[1] + 0.5) * step_y - 0.5 - top
        return cv2.warpAffine(
            near,
            np.array([[step_x, 0.0, start_x], [0.0, step_y, start_y]]),
            (box[2] - box[0], box[3] - box[1]),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )

    def _cell_means(self, values: np.ndarray, box: Box) -> np.ndarray:
        """Means [rows, columns] over each chroma sample's luma samples; those outside the box count as zero."""
        (shift_x, shift_y), (phase_x, phase_y) = self._shifts, self._phase
        if (shift_x, shift_y) == (0, 0):
            return values
        rows, columns = self._cells(box)
        left, top = (columns.start << shift_x) - phase_x, (rows.start << shift_y) - phase_y
        right, bottom = (columns.stop << shift_x) - phase_x, (rows.stop << shift_y) - phase_y
        padded = np.pad(values, ((box[1] - top, bottom - box[3]), (box[0] - left, right - box[2])))
        if shift_y:
            padded = padded[0::2] + padded[1::2]
        if shift_x:
            padded = padded[:, 0::2] + padded[:, 1::2]
        covered_y = _covered(rows, 1 << shift_y, phase_y, self.height)
        covered_x = _covered(columns, 1 << shift_x, phase_x, self.width)
        return padded / (covered_y[:, None] * covered_x[None, :])


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
