"""New mouths out of the person's own frames; a network paints what these do not show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from dubtool.face.blend import Placed, enlarged, mask_over, to_mouth_box
from dubtool.face.crop import CropSize, to_pixels
from dubtool.face.cutout import control_points
from dubtool.face.finish import Compared
from dubtool.face.mask import mouth_mask
from dubtool.face.painting_over import HIDDEN, mouth_box, painter_input, shrunken_into
from dubtool.face.picture import Box, bounds, within
from dubtool.face.reference_warp import MOUTH_POINTS, Picks, Place, Reference, warped_mouth
from dubtool.face.retrieval import Looks, MouthCosts, cheapest_path, nearest_apart
from dubtool.face.shape import ShapeModel, inner_opening, split_mouth
from dubtool.face.warp_painter import WarpPainter
from dubtool.jobs.condition import Conditions
from dubtool.jobs.dictionary import capacity, chosen_rows, looks_of, read_references
from dubtool.jobs.painted import PaintedMouths
from dubtool.jobs.person import Chosen
from dubtool.media.decode import VideoReader
from dubtool.media.frame import Frame

# The mask's resolution: it is smooth.
_MASK_SIZE = CropSize(128)
_VOTERS, _APART = 4, 3
# A reference shows the whole mouth: so much of it may lie beyond the frame's border.
_WITHIN = 0.02
# Whose mouth costs this much more than what is shown has no vote: in short films all others are unlike, and would
# outvote the one that fits. One voter alone would be no vote but a mean.
_UNLIKE, _FEWEST = 0.03, 2
# Moments of which the path is found at once, and how many of them again with the next, so that seams are no seams.
_BLOCK, _OVERLAP = 1024, 64
# At a change of reference each of the two frames shows so much of the other's.
_FADE = 1 / 3
# Cost of the reference from which on the painter is mixed in, and from which on it alone is shown.
_DOUBTFUL, _HOPELESS = 0.10, 0.20
# How much further than in the reference a mouth opens: from here on teeth are stretched, and painted instead.
_STRETCHED, _TORN = 1.5, 2.5
_LEAST_OPENING = 0.02
# A painter of 128 px holds all that a mouth box of so many px shows, and nothing that one of so many does.
_SMALL, _LARGE = 100.0, 160.0
# Where the painter and the reference differ by more than this in what is coarse, levels of 255, one is wrong: on small
# faces the reference.
_DIFFERENCE, _DIFFERENCE_REACH = 12.0, 0.02


@dataclass(frozen=True)
class Wanted:
    """Of one batch: the painter's conditions, references, the heads' rims [B, R, 2], and the painter's shares [B]: of
    all, and inside the lips."""

    conditions: Conditions
    picks: list[Picks]
    rims: np.ndarray
    painted: np.ndarray
    inside: np.ndarray


@dataclass(frozen=True)
class _Plan:
    """Of every output frame: references shown, next, share; voters [T, n] (-1: none); shares of the painter."""

    shown: np.ndarray
    next: np.ndarray
    share: np.ndarray
    voters: np.ndarray
    painted: np.ndarray
    inside: np.ndarray


class RetrievedMouths:
    """One person's frames at work, and a painter for what is missing."""

    def __init__(
        self,
        chosen: Chosen,
        model: ShapeModel,
        painter: PaintedMouths,
        mender: WarpPainter | None,
        memory: int | None = None,
    ) -> None:
        self.mender = mender
        self._chosen, self._model, self._painter, self._memory = chosen, model, painter, memory
        self._motion = chosen.motion
        self._costs = MouthCosts(model)
        self._to_crop = to_pixels(chosen.motion.unit, _MASK_SIZE)
        self._references: list[Reference] = []
        self.needs_painter = False
        density = np.sqrt(np.abs(np.linalg.det(chosen.motion.unit[:, :, :2])))
        # How much a small face gains from the painter.
        self._small = np.clip((_LARGE - 2 / density) / (_LARGE - _SMALL), 0, 1).astype(np.float32)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"mender": None}

    def prepare(
        self,
        reader: VideoReader,
        allowed: np.ndarray | None,
        numbers: np.ndarray,
        rows: np.ndarray,
        shapes: np.ndarray,
        frame_count: int,
    ) -> dict[str, Any]:
        """Read the references and choose them for every frame to be made; what the report tells of it.

        allowed: rows of the motion that may be shown, bool [N]; None: all. numbers: of the output frames that are to be
        made, rising [T]; rows: of the motion they stand on [T]; shapes: wanted mouths float32 [T, K]. frame_count: of
        the output.
        """
        usable = ~self._motion.covered & (self._chosen.outside < _WITHIN)
        if allowed is not None:
            usable &= allowed
        candidates = np.flatnonzero(usable)
        wanted = Looks(shapes, self._motion.angles[rows], self._chosen.shots[rows])
        kept = chosen_rows(self._chosen, candidates, wanted, self._costs, capacity(self._motion, self._memory))
        self._references = read_references(reader, self._chosen, kept, self._model)
        self._plan = self._planned(kept, numbers, rows, wanted, frame_count)
        painted = np.maximum(self._plan.painted, self._plan.inside)[numbers]
        painted = np.maximum(painted, self._small[rows])
        told: dict[str, Any] = {
            "references": len(kept),
            "changes": int((np.diff(self._plan.shown[numbers]) != 0).sum()),
            "frames_without_network": int((painted == 0).sum()),
            "frames_painted": int((self._plan.painted[numbers] == 1).sum()),
        }
        if (painted > 0).any():
            told["painter_references"] = self._painter.prepare(reader, allowed)
        self.needs_painter = bool((painted > 0).any())
        return told

    def wanted(self, conditions: Conditions, numbers: np.ndarray, rows: np.ndarray) -> Wanted:
        """What a batch of output frames needs. rows: of the motion [B]."""
        plan = self._plan
        picks = [
            Picks(
                int(plan.shown[number]),
                int(plan.next[number]),
                float(plan.share[number]),
                tuple(int(each) for each in plan.voters[number] if each >= 0),
            )
            for number in numbers
        ]
        rims = control_points(self._chosen.person.tracks, self._motion, rows)[:, MOUTH_POINTS:]
        return Wanted(conditions, picks, rims, plan.painted[numbers], plan.inside[numbers])

    def make(self, frames: Sequence[Frame], rows: np.ndarray, wanted: Wanted) -> list[Placed | None]:
        """A mouth for each frame, in the colours of what is around it. rows: of the motion [B]."""
        need = np.maximum(np.maximum(wanted.painted, wanted.inside), self._small[rows]) > 0
        painted: dict[int, Placed | None] = {}
        if need.any():
            some = np.flatnonzero(need)
            drawn = self._painter.make([frames[n] for n in some.tolist()], rows[some], wanted.conditions.part(some))
            painted = dict(zip(some.tolist(), drawn, strict=True))
        places = [
            self._place(frame, int(row), wanted, number)
            for number, (frame, row) in enumerate(zip(frames, rows, strict=True))
        ]
        warped = {n: place for n, place in enumerate(places) if place is not None and wanted.painted[n] < 1}
        made = {n: warped_mouth(self._references, wanted.picks[n], place) for n, place in warped.items()}
        if self.mender is not None and warped:
            self._mend(self.mender, made, warped, wanted)
        for n, place in warped.items():
            beside = painted.get(n)
            if beside is not None:
                shares = float(wanted.painted[n]), float(wanted.inside[n]), float(self._small[rows[n]])
                self._mix(made[n], place, beside, *shares)
        return [
            Placed(warped[n].box, Compared(warped[n].source, made[n], warped[n].weight))
            if n in made
            else painted.get(n)
            for n in range(len(frames))
        ]

    def _place(self, frame: Frame, row: int, wanted: Wanted, number: int) -> Place | None:
        """Where the new mouth is to be put: the whole mouth box, as far as the frame shows it."""
        mouths = wanted.conditions.mouths[number]
        mask = mouth_mask(mouths, _MASK_SIZE, HIDDEN)
        to_box = to_mouth_box(self._to_crop[row], _MASK_SIZE)
        box = bounds(to_box, len(mask), len(mask), frame.width, frame.height)
        weight = mask_over(mask, to_box, box)
        if not weight.any():
            return None
        source = frame.rgb(box).astype(np.float32)
        unit, mouth = self._motion.unit[row], mouths[0].astype(np.float32)
        return Place(box, source, weight, unit, mouth, wanted.rims[number])

    def _mend(self, mender: WarpPainter, made: dict[int, np.ndarray], places: dict[int, Place], wanted: Wanted) -> None:
        """Let the network paint over warped mouths, in place."""
        given, matrices = [], []
        side = mender.side
        for number, place in places.items():
            matrix = within(mouth_box(place.to_unit, side), place.box)
            matrices.append(matrix)
            source, warped = (shrunken_into(each, matrix, side) for each in (place.source, made[number]))
            mask = mouth_mask(wanted.conditions.mouths[number], CropSize(side), HIDDEN)
            given.append(self._given(wanted.picks[number], place, warped, source, mask))
        for (number, place), matrix, change in zip(
            places.items(), matrices, mender.changes(np.stack(given)), strict=True
        ):
            height, width = place.weight.shape
            made[number] += enlarged(change, matrix, (0, 0, width, height))

    def _given(
        self, picks: Picks, place: Place, warped: np.ndarray, source: np.ndarray, mask: np.ndarray
    ) -> np.ndarray:
        side = len(mask)
        second = picks.voters[0] if picks.voters else picks.shown
        to_unit = cv2.invertAffineTransform(mouth_box(np.eye(2, 3), side))
        small = Place((0, 0, side, side), source, mask, to_unit, place.mouth, place.rim)
        beside = warped_mouth(self._references, Picks(second, second, 0.0, ()), small)
        return painter_input(warped, beside, source, mask, place.mouth)

    def _mix(self, made: np.ndarray, where: Place, painted: Placed, share: float, inside: float, small: float) -> None:
        """Mix what the painter drew into the warped mouth, in place."""
        x0, y0 = where.box[:2]
        left, top, right, bottom = painted.box
        own = made[top - y0 : bottom - y0, left - x0 : right - x0]
        difference = painted.pair.made - own
        kept = np.full(own.shape[:2], 1 - share, np.float32)
        if inside > 0:
            kept *= 1 - np.float32(inside) * _inner_mask(where, painted.box)
        if small > 0:
            coarse = cv2.GaussianBlur(difference, (0, 0), max(_DIFFERENCE_REACH * where.side, 0.5))
            apart = np.square(np.abs(coarse).mean(axis=2) / np.float32(_DIFFERENCE))
            kept *= 1 - np.float32(small) * (1 - np.exp(-apart))
        own += (1 - kept)[..., None] * difference

    def _planned(
        self, kept: np.ndarray, numbers: np.ndarray, rows: np.ndarray, wanted: Looks, frame_count: int
    ) -> _Plan:
        plan = _Plan(
            np.zeros(frame_count, np.int32),
            np.zeros(frame_count, np.int32),
            np.zeros(frame_count, np.float32),
            np.full((frame_count, _VOTERS), -1, np.int32),
            np.ones(frame_count, np.float32),
            np.zeros(frame_count, np.float32),
        )
        if len(kept) == 0:
            return plan
        known, frames = looks_of(self._chosen, kept), self._motion.frames[kept]
        openings = np.maximum(self._opening(known.shapes), _LEAST_OPENING)
        edges = np.flatnonzero(np.diff(numbers) != 1) + 1
        for first, last in zip([0, *edges], [*edges, len(numbers)], strict=True):
            start: int | None = None
            for begin in range(first, last, _BLOCK):
                part = slice(begin, min(begin + _BLOCK, last))
                costs = self._costs(wanted[slice(begin, min(begin + _BLOCK + _OVERLAP, last))], known)
                path = cheapest_path(costs, frames, start)[: part.stop - part.start]
                costs = costs[: len(path)]
                start = int(path[-1])
                self._note(plan, numbers[part], path, costs, frames)
                opened = self._opening(wanted.shapes[part]) / openings[path]
                plan.inside[numbers[part]] = _ramp(opened, _STRETCHED, _TORN)
        return plan

    def _note(self, plan: _Plan, numbers: np.ndarray, path: np.ndarray, costs: np.ndarray, frames: np.ndarray) -> None:
        plan.shown[numbers] = plan.next[numbers] = path
        apart = np.flatnonzero(np.abs(np.diff(frames[path])) > 1)
        plan.next[numbers[apart]], plan.share[numbers[apart]] = path[apart + 1], _FADE
        plan.next[numbers[apart + 1]], plan.share[numbers[apart + 1]] = path[apart], _FADE
        shown = cv2.GaussianBlur(costs[np.arange(len(path)), path][:, None], (1, 0), 1.5)
        plan.painted[numbers] = _ramp(shown[:, 0], _DOUBTFUL, _HOPELESS)
        # What is shown does not vote once more, nor its neighbours; who votes changes slowly.
        steady = cv2.blur(costs, (1, 5), borderType=cv2.BORDER_REPLICATE)
        near = np.abs(frames[None, :] - frames[path][:, None]) < _APART
        steady[near] = np.inf
        voters = nearest_apart(steady, frames, _VOTERS, _APART)
        voters[np.take_along_axis(steady, np.maximum(voters, 0), axis=1) > shown + _UNLIKE] = -1
        voters[(voters >= 0).sum(axis=1) < _FEWEST] = -1
        plan.voters[numbers] = voters

    def _opening(self, shapes: np.ndarray) -> np.ndarray:
        return inner_opening(self._model.mouths(shapes, self._motion.rest))


def _ramp(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 up to `low`, 1 from `high` on, smooth between."""
    share = np.clip((values - low) / (high - low), 0, 1).astype(np.float32)
    return share * share * (3 - 2 * share)


def _inner_mask(where: Place, box: Box) -> np.ndarray:
    """How much of each pixel of a picture's box lies between the lips: float32 [h, w], soft."""
    inner = split_mouth(where.mouth)[1]
    back = cv2.invertAffineTransform(where.to_unit)
    points = inner @ back[:, :2].T + back[:, 2] - box[:2]
    mask = np.zeros((box[3] - box[1], box[2] - box[0]), np.uint8)
    cv2.fillPoly(mask, [np.rint(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), max(0.01 * where.side, 0.5))
