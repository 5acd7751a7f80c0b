"""Smooth deformations of a face, given by where some of its points go: thin-plate splines.

Source: F. L. Bookstein, "Principal warps: thin-plate splines and the decomposition of deformations", 1989; the
regularised form is G. Wahba's smoothing spline (1990, eq. 2.4.9).
"""

from __future__ import annotations

import cv2
import numpy as np

# The spline itself is computed at so many nodes along a box's longer side, and is as good as linear between them.
_NODES = 32


class ThinPlate:
    """The smoothest map of the plane that carries points near to others.

    points: where the map is known, float [n, 2]. values: what it gives there, float [n, 2], or what several maps do
    [m, n, 2]. stiffness: weight of the bending energy against the points' misfit, in the square of the points' unit; 0
    meets every point.
    """

    def __init__(self, points: np.ndarray, values: np.ndarray, stiffness: float) -> None:
        count = len(points)
        self._points = points.astype(np.float32)
        system = np.zeros((count + 3, count + 3))
        system[:count, :count] = _kernel(_squared(points, points))
        system[np.arange(count), np.arange(count)] += stiffness
        system[:count, count] = system[count, :count] = 1.0
        system[:count, count + 1 :] = points
        system[count + 1 :, :count] = points.T
        self._maps = values.shape[:-2]
        # What the spline adds to staying where one is: small numbers, which float32 holds exactly enough.
        added = np.moveaxis(values - points, -2, 0).reshape(count, -1)
        wanted = np.concatenate([added, np.zeros((3, added.shape[1]))])
        solved = np.linalg.solve(system, wanted)
        self._weights, self._affine = solved[:count].astype(np.float32), solved[count:].astype(np.float32)

    def shift(self, places: np.ndarray) -> np.ndarray:
        """How far the map moves each of `places` float32 [k, 2]: float32 [k, 2], or [m, k, 2] of several."""
        bent = _kernel(_squared(places, self._points)) @ self._weights
        moved = bent + places @ self._affine[1:] + self._affine[0]
        return np.moveaxis(moved.reshape(len(places), *self._maps, 2), 0, -2)


def dense_map(
    spline: ThinPlate,
    to_unit: np.ndarray,
    from_unit: np.ndarray,
    box: tuple[int, int, int, int],
    nodes: int = _NODES,
) -> np.ndarray:
    """Where each pixel of a picture's box comes from in another picture: float32 [h, w, 2]; of a spline that is several
    maps in as many others [m, h, w, 2].

    to_unit: the picture's px to the spline's plane [2, 3]. from_unit: the spline's plane to the other picture's px
    [2, 3], or [m, 2, 3]. box: x0, y0, x1, y1. nodes: along its longer side.
    """
    x0, y0, x1, y1 = box
    width, height = x1 - x0, y1 - y0
    step = max(1, round(max(width, height) / nodes))
    columns, rows = -(-width // step) + 2, -(-height // step) + 2
    # Nodes in the middle of cells of `step` pixels, with one cell more on each side: then `resize` is exact.
    middle = (step - 1) / 2 - step
    x = np.float32(x0 + middle) + step * np.arange(columns, dtype=np.float32)
    y = np.float32(y0 + middle) + step * np.arange(rows, dtype=np.float32)
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    places = grid @ to_unit[:, :2].T + to_unit[:, 2]
    moved = places + spline.shift(places.astype(np.float32))
    found = moved @ np.swapaxes(from_unit[..., :2], -2, -1) + from_unit[..., None, :, 2]
    found = found.astype(np.float32).reshape(-1, rows, columns, 2)
    size = columns * step, rows * step
    inner = np.s_[step : step + height, step : step + width]
    large = np.stack([cv2.resize(each, size, interpolation=cv2.INTER_LINEAR)[inner] for each in found])
    return large.reshape(*from_unit.shape[:-2], height, width, 2)


def _squared(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Squared distances [len(a), len(b)], of points [n, 2]."""
    # |a|^2 - 2 a b + |b|^2 as one product of matrices.
    left = np.column_stack([a, a[:, 0] ** 2 + a[:, 1] ** 2, np.ones(len(a), a.dtype)])
    right = np.column_stack([-2 * b, np.ones(len(b), b.dtype), b[:, 0] ** 2 + b[:, 1] ** 2])
    apart = left @ right.T
    return np.asarray(np.maximum(apart, 0.0, out=apart))


def _kernel(squared: np.ndarray) -> np.ndarray:
    """r^2 log r, from r^2; overwrites it."""
    # OpenCV's logarithm takes a tenth of numpy's time.
    squared *= cv2.log(squared + np.asarray(1e-12, squared.dtype))
    squared *= np.asarray(0.5, squared.dtype)
    return squared
