"""Is something before the mouth: a hand, a microphone, a mask, a caption?

Landmarks do not say: a covered mouth is reported like any other, only moved. A face parser (BiSeNet V2, with the labels
of CelebAMask-HQ) looks at the crop, and the lips must be found where the landmarks put them. What lies there instead is
not asked: a hand is labelled skin as often as not, and a beard is skin or hair.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from dubtool.engine.session import Session
from dubtool.errors import WeightsError
from dubtool.face.picture import Picture
from dubtool.face.topology import OUTER_LIP, tracked
from dubtool.face.track import FaceTrack

# Of 1,204 frames of 105 people 6 lie above, 5 of them of one man whose moustache hangs over both lips. Of pasted masks,
# captions and patches of skin all do, of hands 99 %, of cups and microphones before the lower lip 97 %, of hands over
# one half of the mouth 80 %.
COVERED = 0.6

# The parser was trained on whole heads at 448 px; here it sees the lower face at about the same scale, which finds lips
# as well, tells more of what covers them, and takes an eighth of the time.
_SIDE = 160
_FACE = 200.0
# The crop's middle, from the mouth (0) to the nose's root (1).
_MIDDLE = 0.25
_LIPS = (11, 12, 13)  # CelebAMask-HQ: inner mouth, upper lip, lower lip
_SHIFT = 4
# In smaller faces (here 40 px: one in 25) lips are not found that are there; from 56 px on they are.
_SMALLEST_FACE = 48.0

_EYES = (33, 263)
_NOSE_ROOT = (168,)
# The two sides of 448 px in the file's declaration of its input and of its output, in protobuf's encoding. Its layers
# take any multiple of 32.
_DECLARED, _DECLARED_TIMES = b"\x0a\x03\x08\xc0\x03", 4
_WANTED = b"\x0a\x03\x08" + bytes([_SIDE & 0x7F | 0x80, _SIDE >> 7])


def parser_graph(path: Path) -> bytes:
    """The face parser's ONNX file, declared for the crops that `MouthCover` makes.

    Raises:
        WeightsError: the file cannot be read or is not the parser that is known here.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read; run 'dubtool weights verify'") from error
    if content.count(_DECLARED) != _DECLARED_TIMES:
        raise WeightsError(f"{path}: not the face parser that dubtool knows; run 'dubtool weights verify'")
    return content.replace(_DECLARED, _WANTED)


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
        to_crop, size = _mouth_crop(points[:, :2].astype(np.float64))
        if size < _SMALLEST_FACE:
            return float("nan")
        crop = picture.region(to_crop, _SIDE)
        image = crop[None].astype(np.float32) / np.float32(127.5) - np.float32(1)
        (labels,) = self._session.run({self._session.inputs[0]: image}).values()
        missing = ~np.isin(labels.reshape(_SIDE, _SIDE), _LIPS)
        lips = points[tracked(OUTER_LIP), :2] @ to_crop[:, :2].T + to_crop[:, 2]
        area = np.zeros((_SIDE, _SIDE), np.uint8)
        cv2.fillPoly(area, [np.rint(lips * (1 << _SHIFT)).astype(np.int32)], 1, shift=_SHIFT)
        rows, columns = np.nonzero(area)
        order = np.argsort(columns, kind="stable")
        thirds = np.array_split(missing[rows, columns][order], 3)
        return max(float(third.mean()) if len(third) else 0.0 for third in thirds)


def fill_between(checked: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """Which of `count` rows are covered, from the few that were looked at: bool [count].

    checked: int [K] rows, rising. values: [K], what `MouthCover.covered` said of them. A row between two counts as
    covered if either is: nobody knows when between them the hand came. Before the first and after the last checked row
    that one stands for all.
    """
    if len(checked) == 0:
        return np.zeros(count, bool)
    hidden = np.asarray(values, np.float32) > COVERED
    rows = np.arange(count)
    before = np.clip(np.searchsorted(checked, rows, side="right") - 1, 0, None)
    after = np.clip(np.searchsorted(checked, rows, side="left"), None, len(checked) - 1)
    return hidden[before] | hidden[after]


def covered_rows(track: FaceTrack) -> np.ndarray:
    """Rows of a track whose mouth is covered, by what is known of some of them: bool [N]."""
    checked = np.flatnonzero(~np.isnan(track.covered))
    return fill_between(checked, track.covered[checked], len(track.frames))


def _mouth_crop(points: np.ndarray) -> tuple[np.ndarray, float]:
    """Upright crop around the lower face, picture to crop px [2, 3], and the face's size in px."""
    right, left = points[tracked(_EYES)]
    low, high = points.min(axis=0), points.max(axis=0)
    size = float(np.sqrt(np.prod(np.maximum(high - low, 1.0))))
    mouth, root = points[tracked(OUTER_LIP)].mean(axis=0), points[tracked(_NOSE_ROOT)[0]]
    middle = (1 - _MIDDLE) * mouth + _MIDDLE * root
    roll = np.arctan2(left[1] - right[1], left[0] - right[0])
    c, s = np.cos(roll) * _FACE / size, np.sin(roll) * _FACE / size
    linear = np.array([[c, s], [-s, c]])
    return np.column_stack([linear, (_SIDE - 1) / 2 - linear @ middle]), size
