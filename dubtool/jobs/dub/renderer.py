"""Drawing the new mouths of a dub into its frames, one person's or several people's, here or in another process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import cv2
import numpy as np

from dubtool.face.blend import Placed
from dubtool.face.crop import apply
from dubtool.face.grain_match import GrainMatch
from dubtool.face.teeth import landmarks_of_mouths
from dubtool.jobs.dub.conditioning import Conditions
from dubtool.jobs.dub.painted import PaintedMouths
from dubtool.jobs.dub.retrieved import RetrievedMouths, Wanted
from dubtool.jobs.shared.contact_sheet import TILES, work_tiles
from dubtool.jobs.shared.covers import Covers
from dubtool.jobs.shared.frame_plan import FramePlan
from dubtool.jobs.shared.frame_stream import Batch
from dubtool.jobs.shared.load import Networks, load_networks
from dubtool.jobs.shared.options import DubOptions
from dubtool.jobs.shared.teeth import Teeth
from dubtool.jobs.shared.worker_pool import Shown
from dubtool.media.frame import Frame
from dubtool.trace import span


@dataclass(frozen=True)
class MouthRenderer:
    """Makes mouths and blends them. It is pickled without sessions, and loads them anew where it is `equip`ped.

    retrieved: None where the painter draws every mouth. unit: picture px to unit crop, of every row of the motion.
    covers: what stays in front. finish: what made mouths lack in sharpness and grain.
    """

    options: DubOptions
    painter: PaintedMouths
    retrieved: RetrievedMouths | None
    teeth: Teeth | None
    unit: np.ndarray
    covers: Covers = field(default_factory=Covers)
    grain_match: GrainMatch = field(default_factory=GrainMatch)

    def equip(self, networks: Networks) -> None:
        """Take up networks in another process."""
        self.painter.equip(networks.generator)
        if self.retrieved is not None:
            self.retrieved.mender = networks.mender
        if self.teeth is not None and networks.restorer is not None:
            self.teeth.equip(networks.restorer)

    def make(self, frames: Sequence[Frame], rows: np.ndarray, wanted: Conditions | Wanted) -> list[Placed | None]:
        """A new mouth for each frame, not yet blended. rows: of the motion [B]."""
        if isinstance(wanted, Wanted):
            assert self.retrieved is not None
            made = self.retrieved.make(frames, rows, wanted)
        else:
            made = list(self.painter.make(frames, rows, wanted))
        return [self._behind(placed, int(row)) for placed, row in zip(made, rows, strict=True)]

    def _behind(self, placed: Placed | None, row: int) -> Placed | None:
        """The mouth behind what covers it. row: of the motion."""
        side = 2 / float(np.sqrt(abs(np.linalg.det(self.unit[row][:, :2]))))
        visible = None if placed is None else self.covers.visible(row, placed.box, side)
        if placed is None or visible is None:
            return placed
        return replace(placed, pair=replace(placed.pair, weight=placed.pair.weight * visible))

    def blend(self, batch: Batch, made: Sequence[Placed | None], wanted: Conditions | Wanted) -> None:
        """Blend into the batch's frames, in place, what `make` made for them."""
        for (frame_plan, frame), placed in zip(batch, made, strict=True):
            if placed is not None:
                placed.blend(frame, frame_plan.weight, self.grain_match, frame_plan.number)
        if self.teeth is not None:
            # Teeth are redrawn from lip to lip, which would be over what covers them.
            free = [place for place, (frame_plan, _) in enumerate(batch) if frame_plan.row not in self.covers.found]
            rows = np.array([batch[place][0].row for place in free], int)
            conditions = _conditions(wanted).part(np.array(free, int))
            if free:
                self.teeth.restore([batch[place] for place in free], self._new_mouths(self.teeth, rows, conditions))

    def _new_mouths(self, teeth: Teeth, rows: np.ndarray, wanted: Conditions) -> np.ndarray:
        """Landmarks for `Teeth` of the mouths that were made, picture px [B, 22, 2]."""
        back = np.stack([cv2.invertAffineTransform(matrix) for matrix in self.unit[rows]])
        return landmarks_of_mouths(teeth.landmarks[rows, 0], apply(back, wanted.mouths[:, 0]))


@dataclass(frozen=True)
class Asked:
    """What is asked for one person in a batch. frame_plans: the person's own, of those frames of the batch that change
    there. wanted: for each of them."""

    frame_plans: list[FramePlan]
    wanted: Conditions | Wanted


@dataclass(frozen=True)
class CastRenderer:
    """One renderer for each person; all share their networks."""

    people: list[MouthRenderer]

    def equip(self, device: str) -> None:
        """Load the networks in another process."""
        networks = load_networks(replace(self.people[0].options, device=device))
        for person in self.people:
            person.equip(networks)

    def change(self, batch: Batch, wanted: Sequence[Asked | None], outputs: Shown) -> None:
        """Change the batch's frames in place. wanted: of each person."""
        frames = {frame_plan.number: frame for frame_plan, frame in batch}
        untouched = {number: frame.copy() for number, frame in frames.items() if outputs.wants(number)}
        # All mouths are made before the first is blended: nobody's may depend on a neighbour's.
        with span("make mouths"):
            made = [
                None if asked is None else self._made(person, asked, frames) for person, asked in self._each(wanted)
            ]
        with span("blend"):
            for (person, asked), placed in zip(self._each(wanted), made, strict=True):
                if asked is not None and placed is not None:
                    person.blend([(each, frames[each.number]) for each in asked.frame_plans], placed, asked.wanted)
        for number, before in untouched.items():
            outputs.show(number, before, frames[number], partial(_all_tiles, before, wanted, made, number))

    def _each(self, wanted: Sequence[Asked | None]) -> Iterator[tuple[MouthRenderer, Asked | None]]:
        return zip(self.people, wanted, strict=True)

    @staticmethod
    def _made(person: MouthRenderer, asked: Asked, frames: Mapping[int, Frame]) -> list[Placed | None]:
        rows = np.array([each.row for each in asked.frame_plans])
        return person.make([frames[each.number] for each in asked.frame_plans], rows, asked.wanted)


def _conditions(wanted: Conditions | Wanted) -> Conditions:
    return wanted.conditions if isinstance(wanted, Wanted) else wanted


def _all_tiles(
    before: Frame, wanted: Sequence[Asked | None], made: Sequence[list[Placed | None] | None], number: int
) -> list[np.ndarray]:
    """The contact sheet's tiles of one frame: each person's beside each other, black where nothing is done."""
    tiles = []
    for asked, placed in zip(wanted, made, strict=True):
        numbers = [] if asked is None else [each.number for each in asked.frame_plans]
        if asked is None or placed is None or number not in numbers:
            tiles += [np.zeros((1, 1, 3), np.uint8)] * TILES
        else:
            place = numbers.index(number)
            tiles += _tiles(before, placed[place], _conditions(asked.wanted), place)
    return tiles


def _tiles(before: Frame, placed: Placed | None, wanted: Conditions, place: int) -> list[np.ndarray]:
    """The tiles of one person in one frame."""
    drawing = None if wanted.drawings is None else wanted.drawings[place].transpose(1, 2, 0)
    if placed is None:
        source = made = before.rgb()
        return work_tiles(source, None, made, np.zeros(source.shape[:2], np.float32))
    pair = placed.pair
    source = np.clip(pair.source, 0, 255).astype(np.uint8)
    shown = source + pair.weight[..., None] * (pair.made - pair.source)
    tiles = work_tiles(source, None, shown, pair.weight)
    return tiles if drawing is None else [drawing, *tiles[1:]]
