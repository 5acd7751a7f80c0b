"""What is in front of a mouth, pixel by pixel: found where the face parser misses lips, kept where a mouth is dubbed.

The person's own frames without a cover, deformed to the mouth and head of a frame with one, say what would be seen
behind it. What none of them shows anywhere near is the cover. Skin before skin looks alike: where the parser does not
find the lips that should then be free, the frame counts as covered as before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from dubtool.engine.side_by_side import SideBySide
from dubtool.face.crop import to_pixels
from dubtool.face.reference_warp import MOUTH_POINTS, Picks, Place, Reference, resized_to_unit, warped_mouth
from dubtool.face.retrieval import MouthCosts, nearest_apart
from dubtool.face.shape import ShapeModel
from dubtool.jobs.shared.cutout import control_points
from dubtool.jobs.shared.dictionary import looks_of, read_references
from dubtool.jobs.shared.frame_stream import frames_of_rows
from dubtool.jobs.shared.mouth_place import MASK_SIZE, place_over
from dubtool.media.decode import VideoReader
from dubtool.media.frame import Frame
from dubtool.media.sampling import Box
from dubtool.tracking.head_look import relit_rows, unusual_chins
from dubtool.tracking.occlusion import COVERED, MouthCover, doubtful_rows
from dubtool.tracking.person import Chosen
from dubtool.tracking.track_video import FramePicture

# References that may be compared with, those that are for one frame, and how far apart in frames.
_REFERENCES, _COMPARED, _FEWEST, _APART = 24, 6, 4, 2
# Rows that only look unusual are looked at one in so many, and all of them around one with a cover.
_STEP = 5
# How often what was found may tell more.
_ROUNDS = 5
# A cover that is seen in so many of the frames that are so near is there in all of them.
_SEEN_BESIDE, _GAP = 2, 2
# Of the mouth beyond the border, in frames that are compared with.
_OUTSIDE = 0.02
# Landmarks miss by so much, in sides of the mouth box: colours are looked for so far around each pixel.
_SLACK = 0.015
# Under a cover landmarks are guessed: what is behind is not bent after them as closely as a mouth that is wanted.
_STIFFNESS = 0.004
# Sides of the mouth box, px, up to twice of which every pixel is looked at: covers are larger than lip lines.
FINE = 240.0
# How far a pixel lies beyond all colours that might be there, levels of 255: a cover for certain, and its rim.
_CERTAIN, _RIM = 30.0, 9.0
# A cover's least size and the widest hole in it that is closed, in sides of the mouth box.
_SMALLEST, _HOLE = 0.04, 0.06
# Colours in so many steps a channel; how often one is seen at least; how much of a cover is of others.
_STEPS, _COMMON, _FOREIGN = 32, 2e-4, 0.3
# In so many of the references a colour is seen that is the person's.
_KNOWN = 0.45
# Notches in a cover that are closed, in sides of the mouth box.
_NOTCH = 0.25
# Of a mouth more is hidden than this, and lips are seen in more than this of it: then nothing is before it.
_SEEN_THROUGH = 0.5
# Weight of the mask from which on a new mouth shows.
_SHOWS = 0.02
# What is kept around a cover: px for soft edges and shared chroma, and sides of the mouth box for the blend.
_EDGE, _FEATHER = 4, 0.03


@dataclass(frozen=True)
class Covers:
    """What is in front of one person's mouth. found: by row of the motion, the picture's box and the cover in it, uint8
    [h, w] 255 where it is, as PNG."""

    found: dict[int, tuple[Box, np.ndarray]] = field(default_factory=dict)

    def visible(self, row: int, box: Box, side: float) -> np.ndarray | None:
        """How much of a new mouth may show in each pixel of a box, float32 [h, w]: 0 on the cover, soft beside it; None
        where there is none. side: of the mouth box, px."""
        if row not in self.found:
            return None
        cover = _laid(self.found[row], box)
        if not cover.any():
            return None
        away = cv2.distanceTransform(255 - cover, cv2.DIST_L2, 5)
        return np.asarray(np.clip(away / max(_FEATHER * side, 1.0), 0, 1), np.float32)


def look_behind(
    chosen: Chosen,
    model: ShapeModel,
    reader: VideoReader,
    judge: Callable[[], MouthCover],
    rows: np.ndarray,
    threads: SideBySide,
) -> tuple[Chosen, Covers]:
    """Find the covers in those of `rows` of the motion (int, rising) where something may be before the mouth, and in
    those beside them; the person with those rows free in which enough of the mouth is to be seen beside it, and what
    covers it there.

    judge: gives the parser, where it is needed. threads: look at frames side by side.
    """
    hidden, unusual = _doubtful(chosen)
    clear = _clear(chosen)
    rows = rows[clear[rows]]
    # What looks usual may be a caption that is mostly there: all kinds are asked, and those with a cover sorted out.
    free = np.flatnonzero(~hidden & clear & (chosen.outside < _OUTSIDE))
    if not (hidden | unusual)[rows].any() or len(free) < _FEWEST:
        return chosen, Covers()
    kept = free[np.unique(np.linspace(0, len(free) - 1, _REFERENCES).astype(int))]
    references = [_coarser(one) for one in read_references(reader, chosen, kept, model, threads)]
    background = _Background(chosen, model, kept, references, ~unusual[kept])
    first = hidden[rows].copy()
    first[np.flatnonzero(unusual[rows])[::_STEP]] = True
    looker = _Looker(chosen, reader, background, judge(), threads)
    todo, looked, found = rows[first], np.zeros(0, int), np.zeros(0, int)
    for _ in range(_ROUNDS):
        found = np.union1d(found, looker.look(todo))
        looked = np.union1d(looked, todo)
        if len(found) == 0:
            break
        near = np.abs(rows[:, None] - found[None]).min(axis=1, initial=_STEP + 1) <= _STEP
        # Where there is one, those that are compared with may show it, too.
        near = rows[near | np.isin(rows, kept)]
        # What shows a cover is no background: without it more is seen.
        todo = near if background.drop(found) else np.setdiff1d(near, looked)
        if len(todo) == 0:
            break
    return looker.result()


class _Looker:
    """Looks at single rows of a person's motion for covers."""

    def __init__(
        self,
        chosen: Chosen,
        reader: VideoReader,
        background: _Background,
        parser: MouthCover,
        threads: SideBySide,
    ) -> None:
        self._threads = threads
        self._chosen, self._reader, self._background, self._parser = chosen, reader, background, parser
        self._covered = chosen.motion.covered.copy()
        self._partly = np.zeros(len(chosen.motion.frames), bool)
        self._covers = Covers()

    def look(self, rows: np.ndarray) -> np.ndarray:
        """Look at `rows` (rising), again or for the first time; those that show a cover."""
        found = []
        read = frames_of_rows(self._reader, self._chosen.motion.frames, rows.tolist())
        for row, frame, cover in self._threads.each(self._looked_at, read):
            self._covers.found.pop(row, None)
            self._covered[row], self._partly[row] = self._chosen.motion.covered[row], False
            if cover is not None and self._judge(frame, row, *cover):
                found.append(row)
        return np.array(found, int)

    def _looked_at(self, row: int, frame: Frame) -> tuple[int, Frame, tuple[Box, np.ndarray] | None]:
        return row, frame, self._background.cover(frame, row)

    def result(self) -> tuple[Chosen, Covers]:
        """What `look_behind` gives."""
        self._fill_gaps()
        # What is partly covered is dubbed, but shown in no other frame.
        motion = replace(self._chosen.motion, covered=self._covered)
        return replace(self._chosen, motion=motion, partly=self._partly), self._covers

    def _fill_gaps(self) -> None:
        """A cover that is seen in two of the four frames around one stays there, too; and what is alike in those before
        and after a frame is in this one."""
        known = dict(self._covers.found)
        for row in np.flatnonzero(~self._covered).tolist():
            beside = [known[other] for sides in self._around(row) for other in sides if other in known]
            if len(beside) >= _SEEN_BESIDE:
                self._covers.found[row] = _together(beside)
                self._covered[row] = self._partly[row] = True
        known = dict(self._covers.found)
        for row, own in known.items():
            before, after = ([known[other] for other in sides if other in known] for sides in self._around(row))
            if before and after:
                self._covers.found[row] = _together([own, _common(_together(before), _together(after))])

    def _around(self, row: int) -> tuple[list[int], list[int]]:
        """The rows of the frames just before that of a row, and just after it."""
        frames = self._chosen.motion.frames
        near = [
            other
            for other in range(max(row - _GAP, 0), min(row + _GAP + 1, len(frames)))
            if other != row and abs(int(frames[other]) - int(frames[row])) <= _GAP
        ]
        return [other for other in near if other < row], [other for other in near if other > row]

    def _judge(self, frame: Frame, row: int, box: Box, cover: np.ndarray) -> bool:
        """Whether it is a cover, and not light that has changed: then lips are seen in it."""
        whole = np.zeros((frame.height, frame.width), bool)
        whole[box[1] : box[3], box[0] : box[2]] = cover > 0
        hides, missing, seen = self._parser.beside(FramePicture(frame), _points(self._chosen, row), whole)
        if min(hides, seen) > _SEEN_THROUGH:
            return False
        self._covered[row] = True
        if hides <= COVERED and missing <= COVERED:
            self._covers.found[row] = box, np.asarray(cv2.imencode(".png", cover)[1])
            self._partly[row] = True
        return True


def is_doubtful(chosen: Chosen, rows: np.ndarray) -> bool:
    """Whether something may be before the mouth in any of the rows of the motion."""
    hidden, unusual = _doubtful(chosen)
    return bool(((hidden | unusual) & _clear(chosen))[rows].any())


def _doubtful(chosen: Chosen) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the motion, bool [N] each: in which the parser misses lips, and which look unusual."""
    hidden = np.concatenate([doubtful_rows(track) for track in chosen.person.tracks]) | chosen.motion.covered
    return hidden, np.concatenate([unusual_chins(track.looks) for track in chosen.person.tracks])


def _clear(chosen: Chosen) -> np.ndarray:
    """Rows of the motion in which it can be seen, bool [N]; in a fade nothing looks as it did, and the parser alone is
    believed."""
    return ~np.concatenate([relit_rows(track.looks) for track in chosen.person.tracks])


class _Background:
    """What a person's mouth looks like with nothing before it."""

    def __init__(
        self, chosen: Chosen, model: ShapeModel, rows: np.ndarray, references: list[Reference], usual: np.ndarray
    ) -> None:
        """usual: which of the references look as the person mostly does, bool [N]."""
        self._chosen, self._model, self._references = chosen, model, references
        self._frames, self._known = chosen.motion.frames[rows], looks_of(chosen, rows)
        self._costs, self._rows, self._dropped = MouthCosts(model), rows, np.zeros(len(rows), bool)
        self._to_crop = to_pixels(chosen.motion.unit, MASK_SIZE)
        covered = cv2.dilate(chosen.motion.covered.astype(np.uint8)[:, None], np.ones((2 * _STEP + 1, 1)))
        self._near_covered = covered[:, 0] > 0
        trusted = usual if usual.sum() >= _FEWEST else np.ones(len(rows), bool)
        self._colours = _colours_of([one for one, known in zip(references, trusted, strict=True) if known])

    def drop(self, rows: np.ndarray) -> bool:
        """Compare with these rows of the motion no more, unless too few would be left; whether that is new."""
        dropped = self._dropped | np.isin(self._rows, rows)
        if (~dropped).sum() < _COMPARED or np.array_equal(dropped, self._dropped):
            return False
        self._dropped = dropped
        return True

    def cover(self, frame: Frame, row: int) -> tuple[Box, np.ndarray] | None:
        """The picture's box around the mouth, and what covers it, uint8 [h, w], 255 where it does; None if nothing
        does."""
        motion, rows = self._chosen.motion, np.array([row])
        mouth = motion.mouths_in_crop(self._model, motion.coefficients[rows], rows).astype(np.float32)
        rim = control_points(self._chosen.person.tracks, motion, rows)[0, MOUTH_POINTS:]
        place = place_over(frame, motion.unit[row], self._to_crop[row], mouth, mouth[0], rim)
        if place is None:
            return None
        costs = self._costs(looks_of(self._chosen, rows), self._known)
        # Nobody bears witness of oneself.
        costs[:, np.abs(self._frames - motion.frames[row]) < _APART] = np.inf
        costs[:, self._dropped] = np.inf
        near = [int(one) for one in nearest_apart(costs, self._frames, _COMPARED, _APART)[0] if one >= 0]
        near = [one for one in near if np.isfinite(costs[0, one])]
        if len(near) < _FEWEST:
            return None
        place = replace(place, stiffness=_STIFFNESS)
        seen = _coarser_place(place)
        shown = [warped_mouth(self._references, Picks(one, one, 0.0, ()), seen, relit=False) for one in near]
        cover = _apart(seen.source, shown, seen.side)
        if not self._near_covered[row]:
            # The parser finds the lips: then nothing but its colours tells a cover.
            cover = _foreign(cover, seen.source, self._colours)
        if seen is not place:
            height, width = place.weight.shape
            cover = np.where(cv2.resize(cover, (width, height)) > 127, 255, 0).astype(np.uint8)
        return (place.box, cover) if (cover.any() and (place.weight[cover > 0] > _SHOWS).any()) else None


def _coarser(reference: Reference) -> Reference:
    """A reference in which the mouth's box is no finer than is looked at."""
    scale = _coarseness(2 * float(np.sqrt(abs(np.linalg.det(reference.from_unit[:, :2])))))
    if scale == 1:
        return reference
    height, width = reference.picture.shape[:2]
    size = max(1, width // scale), max(1, height // scale)
    picture = cv2.resize(reference.picture, size, interpolation=cv2.INTER_AREA)
    steps = np.array([width, height]) / size
    # Edges on edges: pixels' middles lie at whole numbers.
    offset = (reference.from_unit[:, 2] + 0.5) / steps - 0.5
    from_unit = np.column_stack([reference.from_unit[:, :2] / steps[:, None], offset])
    return replace(reference, picture=picture, from_unit=from_unit, shrink=max(1, reference.shrink // scale))


def _coarser_place(place: Place) -> Place:
    """A place in which the mouth's box is no finer than is looked at."""
    scale = _coarseness(place.side)
    if scale == 1:
        return place
    height, width = place.weight.shape
    size = max(1, width // scale), max(1, height // scale)
    source, weight = (cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (place.source, place.weight))
    to_unit = resized_to_unit(place.to_unit, place.box, size)
    return Place((0, 0, *size), source, weight, to_unit, place.mouth, place.rim, stiffness=place.stiffness)


def _coarseness(side: float) -> int:
    """By how much a picture may be shrunken in which the mouth's box has a side of so many px."""
    return max(1, int(side / FINE))


def _colours_of(references: Sequence[Reference]) -> np.ndarray:
    """Which colours many of the references show, and those beside them: bool [32 ** 3], by RGB in 32 steps."""
    shown = np.zeros((_STEPS, _STEPS, _STEPS), int)
    for reference in references:
        numbers = _colour_numbers(reference.small).ravel()
        seen = np.bincount(numbers, minlength=_STEPS**3) > _COMMON * len(numbers)
        seen = seen.reshape(_STEPS, _STEPS, _STEPS)
        for axis in range(3):
            seen = seen | np.roll(seen, 1, axis) | np.roll(seen, -1, axis)
        shown += seen
    # A cover may be among them, too.
    return (shown >= _KNOWN * len(references)).ravel()


def _colour_numbers(picture: np.ndarray) -> np.ndarray:
    """Of RGB pictures [h, w, 3] of 0..255: int [h, w]."""
    red, green, blue = (np.clip(picture, 0, 255).astype(int) * _STEPS // 256).transpose(2, 0, 1)
    return np.asarray((red * _STEPS + green) * _STEPS + blue)


def _foreign(cover: np.ndarray, source: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The connected parts of a cover that are largely of colours which the person and what is around do not have: a
    mouth that opens further than ever, a turned cheek or a collar is none."""
    count, labels = cv2.connectedComponents((cover > 0).astype(np.uint8), connectivity=8)
    strange = ~known[_colour_numbers(source)]
    share = np.bincount(labels[strange], minlength=count) / np.maximum(np.bincount(labels.ravel(), minlength=count), 1)
    share[0] = 0
    return np.where(np.isin(labels, np.flatnonzero(share > _FOREIGN)), cover, 0).astype(np.uint8)


def _apart(source: np.ndarray, shown: Sequence[np.ndarray], side: float) -> np.ndarray:
    """Where a picture [h, w, 3] shows what none of others does near there: uint8 [h, w], 0 or 255."""
    kernel = _disc(_SLACK * side)
    # One of them may show a cover, too: it is not believed alone.
    seen = [_seen(each) for each in shown]
    low = _second((cv2.erode(each, kernel) for each in seen), cv2.min, cv2.max)
    high = _second((cv2.dilate(each, kernel) for each in seen), cv2.max, cv2.min)
    smooth = _seen(cv2.GaussianBlur(source, (0, 0), 1.0))
    beyond = np.maximum(smooth - high, low - smooth).max(axis=2)
    rim = cv2.morphologyEx((beyond > _RIM).astype(np.uint8), cv2.MORPH_CLOSE, _disc(_HOLE * side / 2))
    count, labels = cv2.connectedComponents(rim, connectivity=8)
    certain = np.bincount(labels[beyond > _CERTAIN], minlength=count)
    certain[0] = 0
    cover = np.isin(labels, np.flatnonzero(certain >= (_SMALLEST * side) ** 2)).astype(np.uint8)
    # Lips and teeth are of many colours: where a cover's rim crosses them, it may be one of these.
    margin = round(_NOTCH * side)
    wide = cv2.copyMakeBorder(cover, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
    wide = cv2.morphologyEx(wide, cv2.MORPH_CLOSE, _disc(_NOTCH * side / 2))
    cover = np.ascontiguousarray(wide[margin:-margin, margin:-margin], np.uint8)
    outlines, _ = cv2.findContours(cover, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(cover, outlines, -1, 255, cv2.FILLED)
    return np.asarray(cv2.dilate(cover, _disc(_EDGE)))


def _second(
    pictures: Iterable[np.ndarray],
    first_of: Callable[[np.ndarray, np.ndarray], np.ndarray],
    last_of: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray:
    """Of every sample of pictures, two at least, the second in order. first_of, last_of: of two pictures."""
    coming = iter(pictures)
    one, other = next(coming), next(coming)
    first, second = first_of(one, other), last_of(one, other)
    for each in coming:
        second = first_of(second, last_of(first, each))
        first = first_of(first, each)
    return second


def _together(covers: Sequence[tuple[Box, np.ndarray]]) -> tuple[Box, np.ndarray]:
    """All of several covers, as `Covers.found` has them."""
    boxes = np.array([box for box, _ in covers])
    left, top = (int(low) for low in boxes[:, :2].min(axis=0))
    right, bottom = (int(high) for high in boxes[:, 2:].max(axis=0))
    box = left, top, right, bottom
    whole = np.max([_laid(cover, box) for cover in covers], axis=0)
    return box, np.asarray(cv2.imencode(".png", whole)[1])


def _common(one: tuple[Box, np.ndarray], other: tuple[Box, np.ndarray]) -> tuple[Box, np.ndarray]:
    """What two covers have in common, as `Covers.found` has them."""
    box = one[0]
    return box, np.asarray(cv2.imencode(".png", np.minimum(_laid(one, box), _laid(other, box)))[1])


def _laid(cover: tuple[Box, np.ndarray], box: Box) -> np.ndarray:
    """A cover, as `Covers.found` has it, over a box of the picture: uint8 [h, w], 0 where nothing is known of it."""
    own, coded = cover
    laid = np.zeros((box[3] - box[1], box[2] - box[0]), np.uint8)
    left, top = max(box[0], own[0]), max(box[1], own[1])
    right, bottom = min(box[2], own[2]), min(box[3], own[3])
    if left < right and top < bottom:
        known = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE))
        part = known[top - own[1] : bottom - own[1], left - own[0] : right - own[0]]
        laid[top - box[1] : bottom - box[1], left - box[0] : right - box[0]] = part
    return laid


def _seen(picture: np.ndarray) -> np.ndarray:
    """A picture [h, w, 3] with the differences of its colours, which between a dark collar and a bright chin are not
    everything: float32 [h, w, 5]."""
    return np.concatenate([picture, picture[..., :2] - picture[..., 1:]], axis=2)


def _disc(radius: float) -> np.ndarray:
    size = 2 * max(1, round(radius)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))


def _points(chosen: Chosen, row: int) -> np.ndarray:
    """The tracked landmarks of a row of the motion [P, 3]."""
    for track in chosen.person.tracks:
        if row < len(track.frames):
            return track.points(np.array([row]))[0]
        row -= len(track.frames)
    raise IndexError(row)
