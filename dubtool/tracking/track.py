"""Following every face through a video: one `FaceTrack` per face and shot, from frames fed in order."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from dubtool.engine.side_by_side import SideBySide
from dubtool.face.picture import Picture
from dubtool.face.topology import TRACKED
from dubtool.trace import span
from dubtool.tracking.cuts import CutDetector
from dubtool.tracking.detect import Detection, FaceDetector
from dubtool.tracking.head_look import CELLS, chin_changed, head_look
from dubtool.tracking.landmarks import FaceLandmarker, Roi, roi_from_five, roi_from_mesh

# A face that walks in is found at most this many frames late; easing hides it. While others are followed, small ones
# are looked for less often.
_DETECT_EVERY, _DETECT_SMALL_EVERY = 5, 15
# Faces of so many px in the coarse picture are found in it.
_FOUND_COARSELY = 28.0
# Mouths are judged so often; those that were free count as free twice more where they look the same.
_JUDGE_EVERY, _JUDGE_FREE_EVERY = 5, 15
_FREE = 0.2
# Cells of a look are as fine as this face in the coarse picture.
_COARSE_LOOK = 16.0
# A followed face that the detector has not confirmed for so many rounds was drift.
_MAX_UNCONFIRMED = 3
# A lost face is waited for so many frames before its return is a new track.
_MAX_LOST = 25
_MAX_FACES = 6
# A detection that overlaps a followed face by more than this confirms it.
_CONFIRMED = 0.2
_QUANTUM = 8192.0
_ROW_BYTES = len(TRACKED) * 3 * np.dtype(np.int16).itemsize
_LOOK_EVERY = 2
_LOOK_BYTES = CELLS * CELLS * 3

Judge = Callable[[Picture, np.ndarray], float]
# Whether the coarse picture is looked at, and what waits for the faces in it.
_Foreseen = tuple[bool, Callable[[], list[Detection]]]
# Where a face is looked for, and what waits for its landmarks.
_Ahead = tuple[Roi, Callable[[], np.ndarray | None]]


@dataclass
class FaceTrack:
    """One face through one shot.

    frames: int32 [N] frame indices, rising, with holes where the face was not seen.
    quantised: int16 [N, P, 3] landmarks (`topology.TRACKED`) around `anchors`; use `points`.
    anchors: float32 [N, 3]: x, y of the face's middle and its size, px.
    shot: number of the shot, from 0.
    covered: float16 [N], 0..1, how much of the mouth something hides (`occlusion`); NaN where it was not judged, which
    is everywhere if nothing is given.
    looks: uint8 [N, CELLS, CELLS, 3], what the head and all around it look like (`head_look`); 0 where it was not
    looked at, which is everywhere if nothing is given.
    """

    frames: np.ndarray
    quantised: np.ndarray
    anchors: np.ndarray
    shot: int
    covered: np.ndarray = field(default_factory=lambda: np.empty(0, np.float16))
    looks: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint8))

    def __post_init__(self) -> None:
        if len(self.covered) == 0:
            self.covered = np.full(len(self.frames), np.nan, np.float16)
        if len(self.looks) == 0:
            self.looks = np.zeros((len(self.frames), CELLS, CELLS, 3), np.uint8)

    def points(self, where: slice | np.ndarray = slice(None)) -> np.ndarray:
        """Landmarks float32 [n, P, 3] in picture px (z: same unit) of some rows, all by default.

        They are stored relative to the face in 1/8192 of its size, a quarter of float32: hours of track stay small.
        """
        anchors = self.anchors[where]
        points = self.quantised[where].astype(np.float32) * (anchors[:, 2, None, None] / np.float32(_QUANTUM))
        points[..., :2] += anchors[:, None, :2]
        return points

    @property
    def size(self) -> float:
        """Median face size, px."""
        return float(np.median(self.anchors[:, 2]))


@dataclass
class Tracks:
    """All faces of a video: `faces`, number of frames, and the frames that begin a shot (without frame 0)."""

    faces: list[FaceTrack]
    frame_count: int
    cuts: tuple[int, ...]


@dataclass
class _Live:
    """A face being followed."""

    shot: int
    roi: Roi
    box: np.ndarray
    # Blocks that grow, not an object per frame: those would lie scattered between frames and hold the heap apart.
    frames: array[int] = field(default_factory=lambda: array("i"))
    quantised: bytearray = field(default_factory=bytearray)
    # x, y and size of each frame.
    anchors: array[float] = field(default_factory=lambda: array("f"))
    covered: array[float] = field(default_factory=lambda: array("f"))
    looks: bytearray = field(default_factory=bytearray)
    latest_look: np.ndarray | None = None
    judged: float = np.nan
    judged_look: np.ndarray | None = None
    # The row that is being judged, and what waits for the judgement.
    judging: tuple[int, Callable[[], float]] | None = None
    # Where the next frame is looked at, and what waits for the landmarks there.
    ahead: _Ahead | None = None
    unconfirmed: int = 0
    confirmed_length: int = 0

    def add(self, index: int, mesh: np.ndarray, picture: Picture) -> None:
        low, high = mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)
        size = float(max(np.sqrt(np.prod(np.maximum(high - low, 1e-3))), 1.0))
        anchor = np.array([*(low + high) / 2, size], np.float32)
        relative = mesh[list(TRACKED)].copy()
        relative[:, :2] -= anchor[:2]
        self.frames.append(index)
        self.anchors.extend(anchor.tolist())
        self.covered.append(np.nan)
        limit = 32767
        self.quantised += np.clip(np.rint(relative / anchor[2] * _QUANTUM), -limit, limit).astype(np.int16).tobytes()
        if index % _LOOK_EVERY == 0:
            self.latest_look = _look(picture, anchor)
            self.looks += self.latest_look.tobytes()
        else:
            self.looks += bytes(_LOOK_BYTES)
        self.roi = roi_from_mesh(mesh)
        self.box = np.concatenate([low, high])

    def settle(self) -> None:
        """Take in the judgement that is under way."""
        if self.judging is not None:
            place, judgement = self.judging
            self.judging = None
            self.covered[place] = self.judged = judgement()

    @property
    def looks_free(self) -> bool:
        """Whether the mouth was free when it was judged, and looks as it did then."""
        self.settle()
        if self.latest_look is None or self.judged_look is None:
            return False
        return self.judged <= _FREE and not chin_changed(self.latest_look, self.judged_look)


class Tracker:
    """Feed every frame of the take in order, then `finish`.

    judge: how much of a mouth is covered, from a picture and tracked landmarks (`occlusion.MouthCover.covered`); asked
    about every fifth frame, or every fifteenth while nothing is before it. threads: look at the coming frame, and
    judge, while this one is looked at.
    """

    def __init__(
        self,
        detector: FaceDetector,
        landmarker: FaceLandmarker,
        judge: Judge | None = None,
        threads: SideBySide | None = None,
    ) -> None:
        self._detector = detector
        self._landmarker = landmarker
        self._judge = judge
        self._threads = threads or SideBySide(1)
        self._cut_detector = CutDetector()
        self._live: list[_Live] = []
        self._done: list[_Live] = []
        self._cuts: list[int] = []
        self._count = 0

    def feed(self, picture: Picture, coming: Picture | None = None) -> None:
        """The next frame. coming: the one that will be fed after it, if it is at hand: faces are looked for in both at
        once."""
        index = self._count
        self._count += 1
        if self._cut_detector.is_cut(picture.coarse):
            self._cuts.append(index)
            self._retire(self._live)
        due = index % _DETECT_EVERY == 0
        # The detector looks on another thread while faces are followed.
        foreseen = self._foreseen(index, picture) if due else None
        lost = self._follow(index, picture, coming)
        if lost or due or (self._cuts and self._cuts[-1] == index):
            self._detect(index, picture, foreseen)
        self._retire([face for face in self._live if index - face.frames[-1] > _MAX_LOST])

    def finish(self) -> Tracks:
        """The tracks, largest (size times length) first."""
        self._retire(self._live)
        faces = [_finished(live) for live in self._done if live.frames]
        faces.sort(key=lambda face: -face.size * len(face.frames))
        return Tracks(faces, self._count, tuple(self._cuts))

    def _follow(self, index: int, picture: Picture, coming: Picture | None) -> bool:
        """Look for every live face where it was; True if one was just lost."""
        lost = False
        for face in self._live:
            if face.frames[-1] != index - 1:
                continue
            mesh = self._looked(face, picture, coming)
            if mesh is None or self._taken(mesh, face, index):
                face.ahead = None
                lost = True
                continue
            face.add(index, mesh, picture)
            if index % _JUDGE_FREE_EVERY == 0 or (index % _JUDGE_EVERY == 0 and not face.looks_free):
                self._judge_mouth(face, picture, mesh)
            elif index % _JUDGE_EVERY == 0:
                face.settle()
                face.covered[-1] = face.judged
        return lost

    def _looked(self, face: _Live, picture: Picture, coming: Picture | None) -> np.ndarray | None:
        """A face's landmarks, None if it is not seen; they were begun with the frame before, where it was in the one
        before that, and so are now those of the coming one."""
        begun = face.ahead or self._begun(face.roi, picture)
        face.ahead = None if coming is None else self._begun(face.roi, coming)
        roi, landmarks = begun
        mesh = _believed(landmarks(), roi)
        if mesh is None and roi is not face.roi:
            # It moved too fast to be looked for where it was two frames ago.
            mesh = _believed(self._landmarker.landmarks(picture, face.roi), face.roi)
        return mesh

    def _begun(self, roi: Roi, picture: Picture) -> _Ahead:
        return roi, self._threads.start(self._landmarker.landmarks, picture, roi)

    def _judge_mouth(self, face: _Live, picture: Picture, mesh: np.ndarray) -> None:
        if self._judge is not None:
            face.settle()
            judgement = self._threads.start(self._judged, self._judge, picture, mesh[list(TRACKED)])
            face.judging = len(face.covered) - 1, judgement
            face.judged_look = face.latest_look
            if self._threads.count == 1:
                # Nobody judges meanwhile, and the picture need not wait.
                face.settle()

    @staticmethod
    def _judged(judge: Judge, picture: Picture, points: np.ndarray) -> float:
        with span("covers"):
            return judge(picture, points)

    def _taken(self, mesh: np.ndarray, mine: _Live, index: int) -> bool:
        """Whether another followed face already stands where `mesh` is: two tracks must not share one head."""
        box = np.concatenate([mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)])
        return any(
            other is not mine and other.frames[-1] == index and _overlap(box, other.box) > 0.5 for other in self._live
        )

    def _detect(self, index: int, picture: Picture, foreseen: _Foreseen | None) -> None:
        with span("detect"):
            found = self._found(index, picture, foreseen)
        for face in self._live:
            if face.frames[-1] != index:
                continue
            overlaps = [_overlap(np.array(detection.box), face.box) for detection in found]
            best = int(np.argmax(overlaps)) if overlaps else -1
            if best < 0 or overlaps[best] <= _CONFIRMED:
                face.unconfirmed += 1
                continue
            del found[best]
            face.unconfirmed = 0
            face.confirmed_length = len(face.frames)
        self._retire([face for face in self._live if face.unconfirmed >= _MAX_UNCONFIRMED])
        for detection in found:
            self._welcome(index, picture, detection)

    def _foreseen(self, index: int, picture: Picture) -> _Foreseen:
        """Begin to look for faces as will be asked for should all be followed on."""
        again = self._found_coarsely(index, index - 1, picture)
        look = self._detector.detect_again if again else self._detector.detect
        return again, self._threads.start(look, picture)

    def _found_coarsely(self, index: int, seen: int, picture: Picture) -> bool:
        """Whether all followed faces, last seen in frame `seen`, are large enough to be found in the coarse picture."""
        here = [face for face in self._live if face.frames[-1] == seen]
        scale = max(picture.coarse.shape[:2]) / max(picture.width, picture.height)
        known = bool(here) and len(here) == len(self._live) and index % _DETECT_SMALL_EVERY != 0
        return known and min(face.anchors[-1] for face in here) * scale >= _FOUND_COARSELY

    def _found(self, index: int, picture: Picture, foreseen: _Foreseen | None) -> list[Detection]:
        """The faces in the picture; where all that were followed still are and are found again, no closer look."""
        looks: dict[bool, list[Detection]] = {}
        if foreseen is not None:
            looks[foreseen[0]] = foreseen[1]()
        if self._found_coarsely(index, index, picture):
            coarse = looks.get(True)
            again = (self._detector.detect_again(picture) if coarse is None else coarse)[:_MAX_FACES]
            boxes = [np.array(detection.box) for detection in again]
            if all(any(_overlap(box, face.box) > _CONFIRMED for box in boxes) for face in self._live):
                return again
        closer = looks.get(False)
        return (self._detector.detect(picture) if closer is None else closer)[:_MAX_FACES]

    def _welcome(self, index: int, picture: Picture, detection: Detection) -> None:
        """A detection that no followed face explains: a lost face come back, or a new one."""
        detection = self._detector.righted(picture, detection)
        roi = roi_from_five(detection.points, detection.size)
        mesh = _believed(self._landmarker.landmarks(picture, roi), roi)
        if mesh is None:
            return
        newcomer = _Live(len(self._cuts), roi, np.array(detection.box))
        if self._taken(mesh, newcomer, index):
            return
        newcomer.add(index, mesh, picture)
        for face in self._live:
            reach = 0.1 + 0.1 * (index - face.frames[-1])
            moved = np.hypot(face.roi.x - newcomer.roi.x, face.roi.y - newcomer.roi.y) / newcomer.anchors[2]
            # Should it be another's face, `apart` will tell.
            if face.frames[-1] < index and moved < min(reach, 1.5):
                face.add(index, mesh, picture)
                self._judge_mouth(face, picture, mesh)
                face.unconfirmed = 0
                face.confirmed_length = len(face.frames)
                return
        self._judge_mouth(newcomer, picture, mesh)
        newcomer.confirmed_length = 1
        if len(self._live) < _MAX_FACES:
            self._live.append(newcomer)

    def _retire(self, faces: list[_Live]) -> None:
        for face in list(faces):
            face.settle()
            if face.unconfirmed >= _MAX_UNCONFIRMED:
                del face.frames[face.confirmed_length :]
                del face.quantised[face.confirmed_length * _ROW_BYTES :]
                del face.anchors[3 * face.confirmed_length :]
                del face.covered[face.confirmed_length :]
                del face.looks[face.confirmed_length * _LOOK_BYTES :]
            self._live.remove(face)
            self._done.append(face)


def _look(picture: Picture, anchor: np.ndarray) -> np.ndarray:
    """What the head at an anchor and all around it look like, from the coarsest picture that shows it."""
    shown = picture.coarse
    if anchor[2] * shown.shape[1] / picture.width < _COARSE_LOOK:
        shown = picture.small
    x, y = ((anchor[:2] + 0.5) * (shown.shape[1] / picture.width, shown.shape[0] / picture.height) - 0.5).tolist()
    return head_look(shown, x, y, float(anchor[2]) * shown.shape[1] / picture.width)


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes (x0, y0, x1, y1)."""
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    common = float(np.prod(np.maximum(high - low, 0)))
    both = float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) - common
    return common / both if both > 0 else 0.0


def _believed(mesh: np.ndarray | None, roi: Roi) -> np.ndarray | None:
    """The mesh, if there is one that sits in its region at about the expected size."""
    if mesh is None:
        return None
    found = roi_from_mesh(mesh)
    near = np.hypot(found.x - roi.x, found.y - roi.y) < 0.35 * roi.side
    return mesh if near and 0.5 < found.side / roi.side < 2.0 else None


def _finished(live: _Live) -> FaceTrack:
    return FaceTrack(
        np.array(live.frames, np.int32),
        np.frombuffer(live.quantised, np.int16).reshape(-1, len(TRACKED), 3),
        np.array(live.anchors, np.float32).reshape(-1, 3),
        live.shot,
        np.array(live.covered, np.float16),
        np.frombuffer(live.looks, np.uint8).reshape(-1, CELLS, CELLS, 3),
    )
