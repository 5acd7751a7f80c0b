"""Putting a made mouth into the picture: colours matched to the ring around the mask, only the mask's box touched."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dubtool.face.crop import CropSize
from dubtool.face.grain_match import PLAIN, Compared, GrainMatch
from dubtool.face.picture import within
from dubtool.face.tint import tinted
from dubtool.media.frame import Frame
from dubtool.media.sampling import Box

# Reach of the colour correction, in sides of the mouth box: lighting changes slowly over a face.
_REACH = 0.12
# Differences that light explains, levels of 255, in a picture of usual brightness; in the dark they are smaller.
_SAME_SKIN, _USUAL_LEVEL, _LEAST_TOLERANCE = 25.0, 100.0, 0.2
# Weight of "no error" inside the mask: a handful of ring pixels must not colour a whole chin.
_PRIOR_WEIGHT = 0.02
_CUBIC_OVERSHOOT = 1.5
# Errors that change over so many px are blurred on coarser samples.
_LEAST_SIGMA = 4.0
# Another light is one that is so much brighter or starker, and for certain one that is so many times further off: what
# remains below that are hair, collars and another pose.
_BRIGHTER, _STARKER, _CERTAIN = 1.1, 1.5, 1.5
# Surroundings that agree so badly or well (correlation) are other ones, or the same.
_UNLIKE, _ALIKE = 0.25, 0.6
_LEAST_GAIN, _MOST_GAIN = 0.02, 6.0


@dataclass(frozen=True)
class Light:
    """How the light of one picture becomes that of another: value * gain + offset, float32 [3] each."""

    gain: np.ndarray
    offset: np.ndarray

    def on(self, picture: np.ndarray) -> np.ndarray:
        """The picture [h, w, 3] in that light."""
        return cv2.transform(picture.astype(np.float32, copy=False), np.column_stack([np.diag(self.gain), self.offset]))

    def off(self, picture: np.ndarray) -> np.ndarray:
        """A picture [h, w, 3] that stands in that light, as it was before."""
        return np.asarray((picture - self.offset) / self.gain, np.float32)


def light_between(made: np.ndarray, source: np.ndarray, mask: np.ndarray) -> Light | None:
    """The light that `made` must get to stand in `source`; None where both have the same, but for slow errors.

    Fades, dimming, flashes, dissolves and coloured light change what is around the mask, too: there both show the same
    skin, so that means tell brightness and deviations tell contrast, channel by channel. made, source: float32
    [h, w, 3] in 0..255, aligned; mask [h, w].
    """
    return Surroundings(source, mask).light(made)


def match_colour(made: np.ndarray, source: np.ndarray, mask: np.ndarray, side: float | None = None) -> np.ndarray:
    """`made` with its slow colour error taken away, float32 [h, w, 3].

    made, source: float [h, w, 3] in 0..255; mask [h, w]; side: of the mouth box, px; `h` if None. The error is read in
    the mask's feather and around it, and carried inwards by normalised convolution (Knutsson and Westin 1993). Where
    the two differ by more than light and colour can explain, one shows a jaw and the other the collar behind it: that
    tells nothing.
    """
    return Surroundings(source, mask, side).matched(made)


class Surroundings:
    """What is around a mask, which several mouths are compared with: see `light_between` and `match_colour`.

    source: float [h, w, 3] in 0..255. mask: [h, w]. side: of the mouth box, px; `h` if None.
    """

    def __init__(self, source: np.ndarray, mask: np.ndarray, side: float | None = None) -> None:
        self._source = np.ascontiguousarray(source, np.float32)
        self._mask = mask.astype(np.float32, copy=False)
        self._sigma = _REACH * (len(mask) if side is None else side)
        self._around = np.square(1 - self._mask)
        self._ring = (self._around / max(float(self._around.sum()), 1e-6)).reshape(1, -1)
        level = float(np.clip(self._source.mean() / _USUAL_LEVEL, _LEAST_TOLERANCE, 1))
        self._tolerance = np.float32(_SAME_SKIN * level)
        self._mean, self._spread, self._off = self._told(self._source)

    def light(self, made: np.ndarray) -> Light | None:
        """The light that `made` must get to stand in the source; None where both have the same."""
        mean_made, spread_made, off_made = self._told(made)
        brightness = np.abs(np.log((self._mean + 1) / (mean_made + 1))).max() / np.log(_BRIGHTER)
        contrast = np.abs(np.log((self._spread + 1) / (spread_made + 1))).max() / np.log(_STARKER)
        share = float(np.clip((max(brightness, contrast) - 1) / (_CERTAIN - 1), 0, 1))
        if share == 0:
            return None
        common = (self._ring @ cv2.multiply(off_made, self._off).reshape(-1, 3))[0]
        alike = (common / (spread_made * self._spread + 1e-3)).mean()
        # Where another picture shines through, only what both have in common is the face's.
        gain = self._spread / (spread_made + 1e-3) * np.clip((alike - _UNLIKE) / (_ALIKE - _UNLIKE), 0, 1)
        gain = 1 + share * (np.clip(gain, _LEAST_GAIN, _MOST_GAIN) - 1)
        lit = mean_made + share * (self._mean - mean_made)
        return Light(gain.astype(np.float32), (lit - gain * mean_made).astype(np.float32))

    def matched(self, made: np.ndarray) -> np.ndarray:
        """`made` with its slow colour error taken away, float32 [h, w, 3]."""
        difference = cv2.subtract(self._source, np.ascontiguousarray(made, np.float32))
        red, green, blue = cv2.split(cv2.absdiff(difference, np.zeros_like(difference)))
        apart = cv2.max(cv2.max(red, green), blue) / self._tolerance
        heard = self._around * np.asarray(cv2.exp(-(apart * apart)))
        height, width = heard.shape
        # What changes so slowly needs few samples.
        coarse = max(1, int(self._sigma / _LEAST_SIGMA))
        size, sigma = (max(1, -(-width // coarse)), max(1, -(-height // coarse))), self._sigma / coarse
        told, weights = weighed(difference, heard), heard + np.float32(_PRIOR_WEIGHT) * self._mask
        if coarse > 1:
            told, weights = (cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (told, weights))
        weights = cv2.GaussianBlur(weights, (0, 0), sigma) + np.float32(1e-6)
        error = weighed(cv2.GaussianBlur(told, (0, 0), sigma), 1 / weights)
        if coarse > 1:
            error = cv2.resize(error, (width, height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(made + error)

    def _told(self, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mean and deviation [3] of a picture in the ring, and its differences from the mean [h, w, 3]."""
        picture = np.ascontiguousarray(picture, np.float32)
        mean = (self._ring @ picture.reshape(-1, 3))[0]
        off = picture - mean
        return mean, np.sqrt((self._ring @ cv2.multiply(off, off).reshape(-1, 3))[0]), off


@dataclass(frozen=True)
class Placed:
    """A made mouth over its source, both at the picture's resolution. box: of the picture, px. weight: [h, w] 0..1, how
    much of the made one is to show. source, made: float32 [h, w, 3]. beyond: see `Frame.rgb_and_beyond`."""

    box: Box
    pair: Compared
    beyond: np.ndarray

    def blend(self, frame: Frame, share: float, grain_match: GrainMatch = PLAIN, seed: int = 0) -> None:
        """Blend `share` 0..1 of it into the frame, in place. grain_match, seed: see `GrainMatch.applied`."""
        finished = np.clip(grain_match.applied(self.pair.made, seed), 0, 255)
        # All of the source goes: what RGB cannot say of it would stay behind as red specks.
        source = self.pair.source + self.beyond
        frame.add_rgb(self.box, weighed(finished - source, self.pair.weight * np.float32(share)))


def weighed(picture: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """A picture float32 [h, w, 3] times a weight [h, w]; numpy takes three times as long for threes."""
    return cv2.multiply(picture, cv2.merge([weight.astype(np.float32, copy=False)] * 3))


def place(frame: Frame, made: np.ndarray, mask: np.ndarray, to_crop: np.ndarray) -> Placed | None:
    """Enlarge a made crop to the frame's own resolution, in the tint of film without colours; None if the mask misses
    the frame.

    made: float32 [h, w, 3] RGB 0..255. mask: [h, w], 0..1, 0 on its edges. to_crop: picture px to px of `made` [2, 3].
    """
    reached = place_mask(frame, mask, to_crop)
    if reached is None:
        return None
    box, weight = reached
    rgb, beyond = frame.rgb_and_beyond(box)
    source = rgb.astype(np.float32)
    return Placed(box, Compared(source, tinted(enlarged(made, to_crop, box), source), weight), beyond)


def paste_crop(frame: Frame, made: np.ndarray, mask: np.ndarray, to_crop: np.ndarray) -> None:
    """`place` and blend. The arguments are those of `place`."""
    placed = place(frame, made, mask, to_crop)
    if placed is not None:
        placed.blend(frame, 1.0)


def paste_change(frame: Frame, change: np.ndarray, mask: np.ndarray, to_crop: np.ndarray) -> None:
    """Add a crop's change to the frame, where `mask` says so: what the frame has of finer detail stays.

    change: float32 [h, w, 3], levels of 255; mask: [h, w]; to_crop: picture px to px of both [2, 3].
    """
    reached = place_mask(frame, mask, to_crop)
    if reached is not None:
        box, weight = reached
        frame.add_rgb(box, weighed(enlarged(change, to_crop, box), weight))


def place_mask(frame: Frame, mask: np.ndarray, to_crop: np.ndarray) -> tuple[Box, np.ndarray] | None:
    """The box of picture pixels that a crop's mask reaches, and the mask there float32 [h, w]; None if it misses."""
    box = _touched(mask, to_crop, frame.width, frame.height)
    if box is None:
        return None
    return box, mask_over(mask, to_crop, box)


def mask_over(mask: np.ndarray, to_crop: np.ndarray, box: Box) -> np.ndarray:
    """A crop's mask as it lies over the picture's box: float32 [h, w]."""
    shape = (box[2] - box[0], box[3] - box[1])
    return cv2.warpAffine(mask, within(to_crop, box), shape, flags=cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR)


def to_mouth_box(to_crop: np.ndarray, size: CropSize) -> np.ndarray:
    """Picture px to px of the mouth box [2, 3], of picture px to crop px."""
    rows, columns = size.box
    to_box = to_crop.copy()
    to_box[:, 2] -= (columns.start, rows.start)
    return to_box


def enlarged(made: np.ndarray, to_crop: np.ndarray, box: Box) -> np.ndarray:
    """A crop float32 [h, w, 3] as it lies over the picture's box."""
    to_made = within(to_crop, box)
    shape = (box[2] - box[0], box[3] - box[1])
    density = float(np.sqrt(abs(np.linalg.det(to_made[:, :2]))))
    if density > _CUBIC_OVERSHOOT:
        # The picture has fewer pixels than the box: without a blur they would alias.
        made = cv2.GaussianBlur(made, (0, 0), 0.4 * density)
    flags = cv2.WARP_INVERSE_MAP | (cv2.INTER_CUBIC if density < 1 else cv2.INTER_LINEAR)
    return cv2.warpAffine(made.astype(np.float32), to_made, shape, flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _touched(mask: np.ndarray, to_box: np.ndarray, width: int, height: int) -> Box | None:
    """Box of picture pixels that the mask reaches, or None."""
    ys, xs = np.nonzero(mask > 1e-3)
    if len(xs) == 0:
        return None
    corners = np.array([(x, y) for x in (xs.min() - 1, xs.max() + 1) for y in (ys.min() - 1, ys.max() + 1)], np.float64)
    back = cv2.invertAffineTransform(to_box)
    corners = corners @ back[:, :2].T + back[:, 2]
    low, high = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0)) + 1
    x0, y0 = np.maximum(low, 0).astype(int)
    x1, y1 = np.minimum(high, (width, height)).astype(int)
    return (int(x0), int(y0), int(x1), int(y1)) if x0 < x1 and y0 < y1 else None
