"""Is something before the mouth: a hand, a microphone, a mask, a caption?

Landmarks do not say: a covered mouth is reported like any other, only moved. A face parser (BiSeNet V2, with the labels
of CelebAMask-HQ) looks at the crop, and the lips must be found where the landmarks put them. What lies there instead is
not asked: a hand is labelled skin as often as not, and a beard is skin or hair.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dubtool.engine.session import Session
from dubtool.errors import WeightsError
from dubtool.face.picture import Picture
from dubtool.face.topology import OUTER_LIP, tracked
from dubtool.tracking.track import FaceTrack

# In the first view 6 of 1,204 frames of 105 people lie above, 5 of them of one man whose moustache is over both lips.
# Of pasted masks, captions and patches of skin all do, of hands 99 %, of cups and microphones before the lips 97 %, of
# hands over one half of the mouth 80 %.
COVERED = 0.6
# What hides a mouth is seen again a few frames later, or clearly: of a moustache over both lips one look of ten lies
# above the threshold, up to 0.65.
_DOUBTFUL = 0.7

# The parser was trained on whole heads at 448 px; here it sees the lower face at about the same scale, which finds lips
# as well, tells more of what covers them, and takes an eighth of the time.
_SIDE = 160
_LIPS = (11, 12, 13)  # CelebAMask-HQ: inner mouth, upper lip, lower lip
_SHIFT = 4
# In smaller faces (here 40 px: one in 25) lips are not found that are there; from 56 px on they are.
_SMALLEST_FACE = 48.0
# Part of a mouth may be hidden where more is missing than this, and so much more than mostly is of the same person (a
# moustache is there always): of bars and captions over a third of it all do.
_PARTLY, _MORE = 0.2, 0.12

# The parser tells lips by their colour, and finds none under a moustache that shows little of them, or in black and
# white: of 189 people 17 counted as covered there. So black and white is coloured as skin, and where the landmarks have
# the lips a picture is made a little redder, with a soft edge. It does not make lips of a hand or a caption.
_COLOURLESS = 6.0
# So is what blue or green light takes the colours from.
_MORE_THAN_RED = 1.1
_SKIN, _LIP = np.array([1.25, 0.95, 0.8], np.float32), np.array([1.04, 0.9, 1.02], np.float32)
_SOFT = 3.0

_EYES = (33, 263)
_NOSE_ROOT = (168,)


@dataclass(frozen=True)
class _View:
    """How a mouth is shown to the parser. face: the face's size in it, px. middle: its own, from the mouth (0) to the
    nose's root (1). redder: with the lips of the landmarks in the colour of lips."""

    face: float
    middle: float
    redder: bool = False
    mirrored: bool = False


# Where the first finds no lips it is asked again: what hides a mouth does so in all views. Of a man whose moustache is
# over both lips 4 of 5 frames were covered, and 1 of 5 is now; of the 14 worst people in black and white 1 is.
_VIEWS = (_View(200.0, 0.25), _View(200.0, 0.25, redder=True), _View(240.0, 0.2, redder=True, mirrored=True))

# What is written otherwise in the file, in protobuf's encoding and as long as what it stands for: how often it stands
# there, and what is wanted. The two sides of 448 px of its input and of its output are smaller: its layers take any
# multiple of 32. The likeliest label is looked for among the scores, not among probabilities, which take a fifth of the
# time to make; in their place stands a step that moves nothing.
_REWRITTEN = {
    b"\x0a\x03\x08\xc0\x03": (4, b"\x0a\x03\x08" + bytes([_SIDE & 0x7F | 0x80, _SIDE >> 7])),
    b"\x0a\x09Softmax:0\x12\x08ArgMax:0\x1a\x06ArgMax": (1, b"\x0a\x0dResize__181:0\x12\x08ArgMax:0\x1a\x02of"),
    b"\x22\x07Softmax": (1, b"\x22\x07Flatten"),
}


def parser_graph(path: Path) -> bytes:
    """The face parser's ONNX file, declared for the crops that `MouthCover` makes, without what it need not do.

    Raises:
        WeightsError: the file cannot be read or is not the parser that is known here.
    """
    try:
        content = bytearray(path.read_bytes())
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read; run 'dubtool weights verify'") from error
    for old, (times, wanted) in _REWRITTEN.items():
        if content.count(old) != times:
            raise WeightsError(f"{path}: not the face parser that dubtool knows; run 'dubtool weights verify'")
        place = 0
        for _ in range(times):
            place = content.index(old, place)
            content[place : place + len(old)] = wanted
    return bytes(content)


class MouthCover:
    """Judges mouths with the face parser; `session` runs what `parser_graph` gives."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def covered(self, picture: Picture, points: np.ndarray) -> float:
        """How much of the mouth is hidden, 0..1; NaN where it is too small to say.

        points: tracked landmarks [P, 2 or more], picture px. The mouth as the landmarks have it is cut
        into three parts of equal area from corner to corner; told is the share of the worst part in which no lips are
        found. Above `COVERED` the mouth is covered.
        """
        least = 1.0
        for view in _VIEWS:
            to_crop, size = _mouth_crop(points[:, :2].astype(np.float64), view)
            if size < _SMALLEST_FACE:
                return float("nan")
            lips = points[tracked(OUTER_LIP), :2] @ to_crop[:, :2].T + to_crop[:, 2]
            labels = self._labels(_coloured(picture.region(to_crop, _SIDE), lips, view.redder), view.mirrored)
            least = min(least, _missing(labels, lips))
            if least <= COVERED:
                break
        return least

    def beside(self, picture: Picture, points: np.ndarray, cover: np.ndarray) -> tuple[float, float, float]:
        """What is seen of a mouth beside a known cover: how much of it is hidden, how much of the worst third of the
        rest has no lips, and how much of what is hidden has lips all the same, 0..1 each. points: as for `covered`.
        cover: where it is, bool, of the picture's size."""
        hidden, missing, seen = 1.0, 1.0, 0.0
        for view in _VIEWS:
            to_crop, _ = _mouth_crop(points[:, :2].astype(np.float64), view)
            lips = points[tracked(OUTER_LIP), :2] @ to_crop[:, :2].T + to_crop[:, 2]
            labels = self._labels(_coloured(picture.region(to_crop, _SIDE), lips, view.redder), view.mirrored)
            shape = (_SIDE, _SIDE)
            behind = cv2.warpAffine(cover.astype(np.uint8), to_crop, shape, flags=cv2.INTER_NEAREST).astype(bool)
            mouth = _filled(lips).astype(bool)
            hidden = float(behind[mouth].mean()) if mouth.any() else 1.0
            missing = min(missing, _missing(labels, lips, behind))
            if (mouth & behind).any():
                seen = max(seen, float(np.isin(labels[mouth & behind], _LIPS).mean()))
            if hidden > COVERED or missing <= COVERED:
                break
        return hidden, missing, seen

    def _labels(self, crop: np.ndarray, mirrored: bool) -> np.ndarray:
        """The parser's labels [S, S] of a crop's pixels."""
        shown = crop[:, ::-1] if mirrored else crop
        image = shown[None].astype(np.float32) / np.float32(127.5) - np.float32(1)
        (labels,) = self._session.run({self._session.inputs[0]: image}).values()
        labels = labels.reshape(_SIDE, _SIDE)
        return labels[:, ::-1] if mirrored else labels


def _missing(labels: np.ndarray, lips: np.ndarray, behind: np.ndarray | None = None) -> float:
    """The share without lips of the worst third of a mouth, cut from corner to corner; lips: [K, 2], crop px. behind:
    bool [S, S], pixels that do not count."""
    filled = _filled(lips)
    rows, columns = np.nonzero(filled if behind is None else filled & ~behind)
    missing = ~np.isin(labels[rows, columns], _LIPS)
    thirds = np.array_split(missing[np.argsort(columns, kind="stable")], 3)
    return max(float(third.mean()) if len(third) else 0.0 for third in thirds)


def fill_between(checked: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """Which of `count` rows are covered, from the few that were looked at: bool [count].

    checked: int [K] rows, rising. values: [K], what `MouthCover.covered` said of them. A row between two counts as
    covered if either is: nobody knows when between them the hand came. Before the first and after the last checked row
    that one stands for all. A doubtful one whose neighbours are both free is free.
    """
    if len(checked) == 0:
        return np.zeros(count, bool)
    hidden = _confirmed(np.asarray(values, np.float32))
    rows = np.arange(count)
    before = np.clip(np.searchsorted(checked, rows, side="right") - 1, 0, None)
    after = np.clip(np.searchsorted(checked, rows, side="left"), None, len(checked) - 1)
    return hidden[before] | hidden[after]


def _confirmed(values: np.ndarray) -> np.ndarray:
    """Which of the judgements [K] are believed to tell of a covered mouth."""
    hidden = values > COVERED
    # The first and the last have one neighbour; a single one nobody to contradict it.
    beside = np.concatenate([hidden[1:2], hidden[2:] | hidden[:-2], hidden[-2:-1]]) if len(hidden) > 1 else hidden
    return hidden & (beside | (values > _DOUBTFUL))


def doubtful_rows(track: FaceTrack) -> np.ndarray:
    """Rows of a track in which something may be before part of the mouth: bool [N]. A row between two that were looked
    at counts if either does."""
    checked = np.flatnonzero(~np.isnan(track.covered))
    if len(checked) == 0:
        return np.zeros(len(track.frames), bool)
    values = track.covered[checked].astype(np.float32)
    hidden = values > max(_PARTLY, float(np.median(values)) + _MORE)
    rows = np.arange(len(track.frames))
    before = np.clip(np.searchsorted(checked, rows, side="right") - 1, 0, None)
    after = np.clip(np.searchsorted(checked, rows, side="left"), None, len(checked) - 1)
    return np.asarray(hidden[before] | hidden[after])


def covered_rows(track: FaceTrack) -> np.ndarray:
    """Rows of a track whose mouth is covered, by what is known of some of them: bool [N]."""
    checked = np.flatnonzero(~np.isnan(track.covered))
    return fill_between(checked, track.covered[checked], len(track.frames))


def _coloured(crop: np.ndarray, lips: np.ndarray, redder: bool) -> np.ndarray:
    """A crop uint8 [S, S, 3] in colours, whether or not it was filmed in any; lips: [K, 2], crop px."""
    middle = crop[_SIDE // 4 : -_SIDE // 4, _SIDE // 4 : -_SIDE // 4].astype(np.int16)
    colourless = np.ptp(middle, axis=2).mean() < _COLOURLESS
    if not colourless and _in_coloured_light(crop):
        crop, colourless = np.repeat(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2), True
    if not (colourless or redder):
        return crop
    tinted = crop * (_SKIN if colourless else np.float32(1))
    share = cv2.GaussianBlur(_filled(lips).astype(np.float32), (0, 0), _SOFT)[..., None]
    return np.clip(tinted * (1 - share) + tinted * _LIP * share, 0, 255).astype(np.uint8)


def _in_coloured_light(crop: np.ndarray) -> bool:
    """Whether the skin above a mouth in a crop is more blue or green than red, which skin in white light never is."""
    red, green, blue = crop[: _SIDE // 4, _SIDE // 4 : -_SIDE // 4].reshape(-1, 3).mean(axis=0)
    return bool(max(green, blue) > _MORE_THAN_RED * red)


def _filled(polygon: np.ndarray) -> np.ndarray:
    """A polygon [K, 2], crop px, as uint8 [S, S]: 1 within."""
    area = np.zeros((_SIDE, _SIDE), np.uint8)
    cv2.fillPoly(area, [np.rint(polygon * (1 << _SHIFT)).astype(np.int32)], 1, shift=_SHIFT)
    return area


def _mouth_crop(points: np.ndarray, view: _View) -> tuple[np.ndarray, float]:
    """Upright crop around the lower face, picture to crop px [2, 3], and the face's size in px."""
    right, left = points[tracked(_EYES)]
    low, high = points.min(axis=0), points.max(axis=0)
    size = float(np.sqrt(np.prod(np.maximum(high - low, 1.0))))
    mouth, root = points[tracked(OUTER_LIP)].mean(axis=0), points[tracked(_NOSE_ROOT)[0]]
    middle = (1 - view.middle) * mouth + view.middle * root
    roll = np.arctan2(left[1] - right[1], left[0] - right[0])
    c, s = np.cos(roll) * view.face / size, np.sin(roll) * view.face / size
    linear = np.array([[c, s], [-s, c]])
    return np.column_stack([linear, (_SIDE - 1) / 2 - linear @ middle]), size
