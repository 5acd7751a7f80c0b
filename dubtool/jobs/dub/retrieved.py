"""New mouths out of the person's own frames; a network paints what these do not show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from dubtool.engine.side_by_side import SideBySide
from dubtool.face.blend import Placed, enlarged
from dubtool.face.crop import CropSize, to_pixels
from dubtool.face.grain_match import Compared
from dubtool.face.mask import mouth_mask
from dubtool.face.painting_over import HIDDEN, mouth_box, painter_input, shrunken_into
from dubtool.face.picture import within
from dubtool.face.reference_warp import MOUTH_POINTS, Picks, Place, Reference, warped_mouth
from dubtool.face.retrieval import INNER_OF_DUBS, Looks, MouthCosts
from dubtool.face.shape import ShapeModel
from dubtool.face.tint import tinted
from dubtool.jobs.dub.conditioning import Conditions
from dubtool.jobs.dub.painted import PaintedMouths
from dubtool.jobs.shared.covers import Covers
from dubtool.jobs.shared.cutout import Cutter, control_points
from dubtool.jobs.shared.dictionary import capacity, chosen_rows, looks_of, mouth_sides
from dubtool.jobs.shared.frame_stream import frames_of_rows
from dubtool.jobs.shared.mouth_place import MASK_SIZE, chin_reach, inner_mask, place_over
from dubtool.jobs.shared.reference_plan import plan_references
from dubtool.media.decode import VideoReader
from dubtool.media.frame import Frame
from dubtool.models.warp_painter import WarpPainter
from dubtool.trace import span
from dubtool.tracking.person import Chosen

# A reference shows the whole mouth: so much of it may lie beyond the frame's border.
_WITHIN = 0.02


@dataclass(frozen=True)
class Wanted:
    """Of one batch: the painter's conditions, references, the heads' rims [B, R, 2], and the painter's shares [B]: of
    all, and inside the lips."""

    conditions: Conditions
    picks: list[Picks]
    rims: np.ndarray
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
        covers: Covers | None = None,
    ) -> None:
        """covers: what is in front of the mouth, and tells nothing of the light."""
        self._covers = covers or Covers()
        self.mender = mender
        self._chosen, self._model, self._painter, self._memory = chosen, model, painter, memory
        self._motion = chosen.motion
        self._costs = MouthCosts(model, INNER_OF_DUBS)
        self._to_crop = to_pixels(chosen.motion.unit, MASK_SIZE)
        self._references: list[Reference] = []
        self.needs_painter = False

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
        also: Sequence[int],
        threads: SideBySide,
    ) -> tuple[dict[str, Any], dict[int, Frame]]:
        """Read the references and choose them for every frame to be made; what the report tells of it, and the frames
        of the rows `also` (few), which are read in the same pass.

        allowed: rows of the motion that may be shown, bool [N]; None: all. numbers: of the output frames that are to be
        made, rising [T]; rows: of the motion they stand on [T]; shapes: wanted mouths float32 [T, K]. frame_count: of
        the output. threads: cut references out side by side.
        """
        usable = ~self._motion.covered & (self._chosen.outside < _WITHIN)
        if allowed is not None:
            usable &= allowed
        candidates = np.flatnonzero(usable)
        sides = mouth_sides(self._motion)[rows]
        wanted = Looks(shapes, self._motion.angles[rows], self._chosen.shots[rows], sides)
        kept = chosen_rows(self._chosen, candidates, wanted, self._costs, capacity(self._motion, self._memory))
        opened = (
            self._motion.opening_of(self._model, shapes),
            self._motion.opening_of(self._model, self._motion.coefficients[kept]),
        )
        known, frames = looks_of(self._chosen, kept), self._motion.frames[kept]
        self._plan = plan_references(self._costs, wanted, known, opened, frames, numbers, frame_count)
        painted = np.maximum(self._plan.unlike, self._plan.inside)[numbers]
        told: dict[str, Any] = {
            "references": len(kept),
            "changes": len(self.switches(numbers)),
            "frames_without_network": int((painted == 0).sum()),
            "frames_painted": int((self._plan.unlike[numbers] == 1).sum()),
        }
        self.needs_painter = bool((painted > 0).any())
        references = self._painter.candidates(allowed) if self.needs_painter else []
        own, others, tried = (set(map(int, rows)) for rows in (kept, np.concatenate([[], *references]), also))
        cutter = Cutter(self._chosen.person.tracks, self._motion, kept, self._model)
        self._references, crops, seen = [], dict[int, np.ndarray](), dict[int, Frame]()

        def cut(row: int, frame: Frame) -> tuple[int, Frame, Reference | None, np.ndarray | None]:
            crop = self._painter.crop(frame, row) if row in others else None
            return row, frame, cutter.cut(frame, row) if row in own else None, crop

        read = frames_of_rows(reader, self._motion.frames, sorted(own | others | tried))
        for row, frame, reference, crop in threads.each(cut, read):
            if reference is not None:
                self._references.append(reference)
            if crop is not None:
                crops[row] = crop
            if row in tried:
                seen[row] = frame
        if self.needs_painter:
            told["painter_references"] = self._painter.choose(references, crops, reader)
        return told, seen

    def switches(self, numbers: np.ndarray) -> list[int]:
        """Which of the output frames `numbers` show another reference than the one before them; once prepared."""
        return self._plan.switches(numbers)

    def wanted(self, conditions: Conditions, numbers: np.ndarray, rows: np.ndarray) -> Wanted:
        """What a batch of output frames needs. rows: of the motion [B]."""
        plan = self._plan
        picks = [plan.picks(int(number)) for number in numbers]
        rims = control_points(self._chosen.person.tracks, self._motion, rows)[:, MOUTH_POINTS:]
        return Wanted(conditions, picks, rims, plan.unlike[numbers], plan.inside[numbers])

    def make(self, frames: Sequence[Frame], rows: np.ndarray, wanted: Wanted) -> list[Placed | None]:
        """A mouth for each frame, in the colours of what is around it. rows: of the motion [B]."""
        need = np.maximum(wanted.painted, wanted.inside) > 0
        painted: dict[int, Placed | None] = {}
        if need.any():
            some = np.flatnonzero(need)
            with span("painter"):
                drawn = self._painter.make([frames[n] for n in some.tolist()], rows[some], wanted.conditions.part(some))
            painted = dict(zip(some.tolist(), drawn, strict=True))
        with span("warp"):
            places = [
                self._place(frame, int(row), wanted, number)
                for number, (frame, row) in enumerate(zip(frames, rows, strict=True))
            ]
            warped = {n: place for n, place in enumerate(places) if place is not None and wanted.painted[n] < 1}
            free = [int(row) not in self._covers.found for row in rows]
            made = {
                n: warped_mouth(self._references, wanted.picks[n], place, relit=free[n]) for n, place in warped.items()
            }
        if self.mender is not None and warped:
            with span("mender"):
                self._mend(self.mender, made, warped, wanted)
        for n, place in warped.items():
            beside = painted.get(n)
            if beside is not None:
                _mix(made[n], place, beside, float(wanted.painted[n]), float(wanted.inside[n]))
        return [_over(warped[n], made[n]) if n in made else painted.get(n) for n in range(len(frames))]

    def _place(self, frame: Frame, row: int, wanted: Wanted, number: int) -> Place | None:
        """Where the new mouth is to be put: the whole mouth box, as far as the frame shows it."""
        mouths = wanted.conditions.mouths[number]
        unit, mouth = self._motion.unit[row], mouths[0].astype(np.float32)
        rim, reach = wanted.rims[number], chin_reach(mouths)
        return place_over(frame, unit, self._to_crop[row], mouths, mouth, rim, reach=reach)

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


def _over(place: Place, made: np.ndarray) -> Placed:
    return Placed(place.box, Compared(place.source, tinted(made, place.source), place.weight), place.beyond)


def _mix(made: np.ndarray, where: Place, painted: Placed, share: float, inside: float) -> None:
    """Mix what the painter drew into the warped mouth, in place."""
    x0, y0 = where.box[:2]
    left, top, right, bottom = painted.box
    own = made[top - y0 : bottom - y0, left - x0 : right - x0]
    kept = np.full(own.shape[:2], 1 - share, np.float32)
    if inside > 0:
        kept *= 1 - np.float32(inside) * inner_mask(where, painted.box)
    own += (1 - kept)[..., None] * (painted.pair.made - own)
