"""A photograph that talks: lips and eyelids that part, and a head that turns.

The lips and lids of the photograph are slid apart or together column by column (a slit whose inside is painted anew);
then the head is turned as a relief whose depth comes from the face landmarks.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

SIZE = 640
CANVAS = 2 * SIZE  # drawn at twice the size, so that the edges of lips and lids come out smooth

UPPER_LIP = [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308]
LOWER_LIP = [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308]
UPPER_LIDS = ([33, 246, 161, 160, 159, 158, 157, 173, 133], [362, 398, 384, 385, 386, 387, 388, 466, 263])
LOWER_LIDS = ([33, 7, 163, 144, 145, 153, 154, 155, 133], [362, 382, 381, 380, 374, 373, 390, 249, 263])
NOSE_BASE, CHIN = 2, 152

Image = NDArray[np.uint8]
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Performance:
    """What the face does, one value per frame."""

    opening: Array  # 0 closed .. 1 wide open
    rounding: Array  # 0 wide .. 1 rounded lips
    blink: Array  # 0 open .. 1 shut
    yaw: Array  # radians
    pitch: Array
    roll: Array
    shift: Array  # [N, 2] pixels of the canvas
    scale: Array


def smoothstep(low: float, high: float, value: Array) -> Array:
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def smooth(values: Array, sigma: float) -> Array:
    reach = int(np.ceil(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return np.convolve(np.pad(values, reach, mode="edge"), kernel / kernel.sum(), mode="valid")


@dataclass(frozen=True)
class Slit:
    """A mouth or an eye: its two edges, as heights over the columns left..right of the canvas."""

    left: int
    right: int
    upper: Array  # [columns]
    lower: Array

    @staticmethod
    def between(points: Array, upper: list[int], lower: list[int], margin: int) -> Slit:
        """The slit between two rows of landmarks, with closed columns for `margin` pixels on either side."""
        left, right = int(points[upper[0], 0]) - margin, int(points[upper[-1], 0]) + margin
        columns = np.arange(left, right)
        edges = [np.interp(columns, points[row, 0], points[row, 1]) for row in (upper, lower)]
        top = smooth(np.minimum(edges[0], edges[1]), 4.0)
        return Slit(left, right, top, np.maximum(smooth(edges[1], 4.0), top))


def slide(image: Image, inside: Image, slit: Slit, top: int, bottom: int, moved: tuple[Array, Array]) -> Image:
    """Slides the two sides of a slit vertically; `inside` shows where they leave a gap.

    `moved` holds the shift of the upper side [rows above, columns] and of the lower side, for rows top..bottom; each
    column is a monotone map of heights, inverted by interpolation.
    """
    rows = np.arange(top, bottom, dtype=np.float64)
    columns = slit.right - slit.left
    source = np.empty((rows.size, columns), np.float32)
    alpha = np.empty((rows.size, columns), np.float32)
    for c in range(columns):
        up, low = slit.upper[c], slit.lower[c]
        new_up = up + np.interp(up, rows, moved[0][:, c])
        new_low = max(low + np.interp(low, rows, moved[1][:, c]), new_up)
        above = np.interp(rows, rows + moved[0][:, c], rows)
        below = np.interp(rows, rows + moved[1][:, c], rows)
        middle = (new_up + new_low) / 2
        source[:, c] = np.where(rows <= middle, np.minimum(above, up), np.maximum(below, low))
        # The photograph itself is soft: an edge fades over three pixels of the canvas.
        alpha[:, c] = np.clip((rows - new_up) / 3, 0, 1) * np.clip((new_low - rows) / 3, 0, 1)
    across = np.tile(np.arange(slit.left, slit.right, dtype=np.float32), (rows.size, 1))
    skin = cv2.remap(image, across, source, cv2.INTER_CUBIC)
    result = image.copy()
    part = (slice(top, bottom), slice(slit.left, slit.right))
    mixed = skin + alpha[..., None] * (inside[part].astype(np.float32) - skin)
    result[part] = np.clip(mixed + 0.5, 0, 255).astype(np.uint8)
    return result


@dataclass(frozen=True)
class Mouth:
    """The mouth of the photograph, which smiles: its teeth stay with the skull, its lower lip goes with the jaw."""

    slit: Slit
    centre: float
    half_width: float
    nose_base: float
    chin: float
    teeth: Image
    teeth_alpha: NDArray[np.float32]

    @staticmethod
    def of(image: Image, points: Array) -> Mouth:
        slit = Slit.between(points, UPPER_LIP, LOWER_LIP, margin=130)
        rows = np.arange(CANVAS)[:, None]
        gap = np.zeros((CANVAS, CANVAS), np.uint8)
        gap[:, slit.left : slit.right] = (rows > slit.upper + 5) & (rows < slit.lower - 5)
        # Teeth a little beyond what the smile shows, for an upper lip that lifts.
        near = cv2.dilate(gap, np.ones((31, 9), np.uint8))
        teeth = cv2.inpaint(image, near - gap, 5, cv2.INPAINT_TELEA)
        edge = np.zeros((CANVAS, CANVAS), np.float32)
        edge[:, slit.left : slit.right] = rows < slit.lower - 4
        left, right = points[UPPER_LIP[0], 0], points[UPPER_LIP[-1], 0]
        return Mouth(
            slit=slit,
            centre=(left + right) / 2,
            half_width=(right - left) / 2,
            nose_base=points[NOSE_BASE, 1],
            chin=points[CHIN, 1],
            teeth=teeth,
            teeth_alpha=cv2.GaussianBlur(edge, (0, 0), 2.0),
        )

    def say(self, image: Image, opening: float) -> Image:
        """The photograph with the lips `opening` apart (0 closed, 1 wide)."""
        slit = self.slit
        across = (np.arange(slit.left, slit.right) - self.centre) / self.half_width
        arch = np.maximum(0.0, 1.0 - across**2) ** 0.6
        gap = slit.lower - slit.upper
        drop = 64.0 * opening
        lift = 0.4 * gap * (1.0 - opening) - 0.08 * drop * arch
        new_gap = drop * arch
        top, bottom = int(self.nose_base) - 6, int(self.chin) + 150
        rows = np.arange(top, bottom, dtype=np.float64)[:, None]
        upper = lift * smoothstep(top, slit.upper.mean(), rows)
        lip = lift + new_gap - gap
        jaw = 0.75 * drop * np.exp(-((np.abs(across) / 1.5) ** 4))
        depth = smoothstep(0.0, 70.0, rows - slit.lower)
        neck = 1.0 - smoothstep(self.chin - 15.0, bottom - 2.0, rows)
        # Columns beside the mouth have no lips to part: nothing moves there on the mouth's own line.
        lower = (lip * (1.0 - depth) + jaw * depth) * neck
        return slide(image, self._inside(lip, drop), slit, top, bottom, (upper, lower))

    def _inside(self, lip: Array, drop: float) -> Image:
        slit = self.slit
        rows, columns = np.mgrid[0:CANVAS, 0:CANVAS].astype(np.float32)
        across = (columns - self.centre) / self.half_width
        inside = np.empty((CANVAS, CANVAS, 3), np.float32)
        inside[:] = (56.0, 24.0, 23.0)
        floor = float(np.max(slit.lower + lip))
        tongue = np.clip(1.25 - (across / 0.62) ** 2 - ((rows - floor - 8) / (0.42 * drop + 1)) ** 2, 0, 1) ** 0.8
        inside += tongue[..., None] * (np.array([150.0, 72.0, 70.0], np.float32) - inside)
        inside += self.teeth_alpha[..., None] * (self.teeth - inside)
        roof = np.zeros((CANVAS,), np.float32)
        roof[slit.left : slit.right] = slit.upper
        shade = 0.72 + 0.28 * np.clip((rows - roof[None, :]) / 14, 0, 1)
        shade *= 1.0 - 0.5 * smoothstep(0.62, 1.0, np.abs(across))
        return np.clip(inside * shade[..., None], 0, 255).astype(np.uint8)


def shut_eye(image: Image, slit: Slit, amount: float) -> Image:
    """The photograph with one upper lid lowered (0 as it is, 1 shut)."""
    top, bottom = int(slit.upper.min()) - 46, int(slit.lower.max()) + 14
    rows = np.arange(top, bottom, dtype=np.float64)[:, None]
    gap = slit.lower - slit.upper
    lowered = amount * gap * smoothstep(top, slit.upper.mean(), rows)
    raised = -0.1 * amount * gap * (1.0 - smoothstep(0.0, 12.0, rows - slit.lower))
    return slide(image, image, slit, top, bottom, (0.9 * lowered, raised))


class Head:
    """The picture as a relief that turns: the head moves fully, the far background not at all."""

    STEP = 5

    def __init__(self, points: Array) -> None:
        self.rows, self.columns = np.mgrid[0 : CANVAS : self.STEP, 0 : CANVAS : self.STEP].astype(np.float64)
        self.depth = self._relief(points)
        face = points[:, :2]
        low, high = face.min(axis=0), face.max(axis=0)
        centre, half = (low + high) / 2, (high - low) / 2
        self.pivot = np.array([centre[0], high[1] + 0.25 * half[1], points[:, 2].max()])
        # An ellipse around face and hair; the shoulders stay.
        reach = np.hypot((self.columns - centre[0]) / (1.75 * half[0]), (self.rows - centre[1] + 20) / (1.35 * half[1]))
        below = smoothstep(high[1] - 0.1 * half[1], high[1] + 0.9 * half[1], self.rows)
        self.weight = (1.0 - smoothstep(1.0, 1.9, reach)) * (1.0 - 0.9 * below)
        mouth = points[[*UPPER_LIP, *LOWER_LIP], :2]
        self.mouth = mouth.mean(axis=0)
        self.mouth_half = np.ptp(mouth[:, 0]) / 2

    def _relief(self, points: Array) -> Array:
        total = np.zeros_like(self.rows)
        weights = np.zeros_like(self.rows)
        for x, y, z in points:
            squared = (self.columns - x) ** 2 + (self.rows - y) ** 2
            weight = np.exp(-squared / (2 * 30.0**2)) + 1e6 / (1e4 + squared) ** 3
            total += weight * z
            weights += weight
        return total / weights

    def pose(self, image: Image, play: Performance, frame: int) -> Image:
        """One frame of the film, SIZE x SIZE."""
        yaw, pitch, roll = play.yaw[frame], play.pitch[frame], play.roll[frame]
        turn = rotation(yaw, pitch, roll) * play.scale[frame]
        narrow = 0.1 + 0.12 * play.rounding[frame]
        forward = self._forward(turn, play.shift[frame], narrow)
        # Where did this pixel come from? q = p - d(q), by fixed point: the displacement is small and smooth.
        x, y = self.columns.copy(), self.rows.copy()
        for _ in range(6):
            at = ((x / self.STEP).astype(np.float32), (y / self.STEP).astype(np.float32))
            moved = cv2.remap(forward, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            x, y = self.columns - moved[..., 0], self.rows - moved[..., 1]
        grid = (np.arange(SIZE, dtype=np.float32) * 2 + 0.5) / self.STEP
        across, down = np.meshgrid(grid, grid)
        maps = [
            cv2.remap(m.astype(np.float32), across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            for m in (x, y)
        ]
        return cv2.remap(image, *maps, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)

    def _forward(self, turn: Array, shift: Array, narrow: float) -> NDArray[np.float32]:
        u, v = (self.columns - self.mouth[0]) / self.mouth_half, (self.rows - self.mouth[1]) / self.mouth_half
        pull = np.exp(-((u / 1.5) ** 2) - (v / 0.9) ** 2)
        x = self.columns - narrow * u * self.mouth_half * pull
        # Lips that let go of the smile: the corners sink.
        y = self.rows + 110.0 * narrow * np.exp(-(((np.abs(u) - 1.0) / 0.6) ** 2) - (v / 0.7) ** 2)
        q = np.stack([x, y, self.depth], axis=-1) - self.pivot
        moved = (q @ turn.T + self.pivot)[..., :2] + shift
        still = np.stack([self.columns, self.rows], axis=-1)
        return (self.weight[..., None] * (moved - still)).astype(np.float32)


def rotation(yaw: float, pitch: float, roll: float) -> Array:
    cy, sy, cp, sp, cr, sr = *cos_sin(yaw), *cos_sin(pitch), *cos_sin(roll)
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return about_z @ about_x @ about_y


def cos_sin(angle: float) -> tuple[float, float]:
    return float(np.cos(angle)), float(np.sin(angle))


class TalkingPortrait:
    """The portrait, ready to be drawn frame by frame."""

    def __init__(self, portrait: Image, points: Array) -> None:
        """`portrait` RGB, CANVAS x CANVAS; `points` [478, 3] the MediaPipe landmarks on it, in pixels."""
        self.portrait = portrait
        self.mouth = Mouth.of(portrait, points)
        self.head = Head(points)
        lids = zip(UPPER_LIDS, LOWER_LIDS, strict=True)
        self.eyes = [Slit.between(points, upper, lower, margin=14) for upper, lower in lids]

    def draw(self, play: Performance, frame: int) -> Image:
        """One frame of the film, RGB, SIZE x SIZE."""
        image = self.mouth.say(self.portrait, float(play.opening[frame]))
        if play.blink[frame] > 0.01:
            for eye in self.eyes:
                image = shut_eye(image, eye, float(play.blink[frame]))
        return self.head.pose(image, play, frame)
