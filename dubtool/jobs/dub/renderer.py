"""Drawing the new mouths of a dub into its frames, here or in another process."""

from __future__ import annotations

from collections.abc import Sequence
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
from dubtool.jobs.shared.contact_sheet import work_tiles
from dubtool.jobs.shared.frame_stream import Batch
from dubtool.jobs.shared.load import load_networks
from dubtool.jobs.shared.options import DubOptions
from dubtool.jobs.shared.teeth import Teeth
from dubtool.jobs.shared.worker_pool import Shown
from dubtool.media.frame import Frame


@dataclass(frozen=True)
class MouthRenderer:
    """Makes mouths and blends them. It is pickled without sessions, and loads them anew where it is `equip`ped.

    retrieved: None where the painter draws every mouth. unit: picture px to unit crop, of every row of the motion.
    finish: what made mouths lack in sharpness and grain.
    """

    options: DubOptions
    painter: PaintedMouths
    retrieved: RetrievedMouths | None
    teeth: Teeth | None
    unit: np.ndarray
    grain_match: GrainMatch = field(default_factory=GrainMatch)

    def equip(self, device: str) -> None:
        """Load the networks in another process."""
        networks = load_networks(replace(self.options, device=device))
        self.painter.equip(networks.generator)
        if self.retrieved is not None:
            self.retrieved.mender = networks.mender
        if self.teeth is not None and networks.restorer is not None:
            self.teeth.equip(networks.restorer)

    def make(self, frames: Sequence[Frame], rows: np.ndarray, wanted: Conditions | Wanted) -> list[Placed | None]:
        """A new mouth for each frame, not yet blended. rows: of the motion [B]."""
        if isinstance(wanted, Wanted):
            assert self.retrieved is not None
            return self.retrieved.make(frames, rows, wanted)
        return list(self.painter.make(frames, rows, wanted))

    def change(self, batch: Batch, wanted: Conditions | Wanted, outputs: Shown) -> None:
        """Change the batch's frames in place."""
        rows = np.array([frame_plan.row for frame_plan, _ in batch])
        made = self.make([frame for _, frame in batch], rows, wanted)
        untouched = {frame_plan.number: frame.copy() for frame_plan, frame in batch if outputs.wants(frame_plan.number)}
        for (frame_plan, frame), placed in zip(batch, made, strict=True):
            if placed is not None:
                placed.blend(frame, frame_plan.weight, self.grain_match, frame_plan.number)
        conditions = wanted.conditions if isinstance(wanted, Wanted) else wanted
        if self.teeth is not None:
            self.teeth.restore(batch, self._new_mouths(self.teeth, rows, conditions))
        for place, (frame_plan, frame) in enumerate(batch):
            if frame_plan.number in untouched:
                tiles = partial(_tiles, untouched[frame_plan.number], made[place], conditions, place)
                outputs.show(frame_plan.number, untouched[frame_plan.number], frame, tiles)

    def _new_mouths(self, teeth: Teeth, rows: np.ndarray, wanted: Conditions) -> np.ndarray:
        """Landmarks for `Teeth` of the mouths that were made, picture px [B, 22, 2]."""
        back = np.stack([cv2.invertAffineTransform(matrix) for matrix in self.unit[rows]])
        return landmarks_of_mouths(teeth.landmarks[rows, 0], apply(back, wanted.mouths[:, 0]))


def _tiles(before: Frame, placed: Placed | None, wanted: Conditions, place: int) -> list[np.ndarray]:
    """The contact sheet's tiles of one frame."""
    drawing = None if wanted.drawings is None else wanted.drawings[place].transpose(1, 2, 0)
    if placed is None:
        source = made = before.rgb()
        return work_tiles(source, None, made, np.zeros(source.shape[:2], np.float32))
    pair = placed.pair
    source = np.clip(pair.source, 0, 255).astype(np.uint8)
    shown = source + pair.weight[..., None] * (pair.made - pair.source)
    tiles = work_tiles(source, None, shown, pair.weight)
    return tiles if drawing is None else [drawing, *tiles[1:]]
