"""Mouths that another tool made, made anew out of the frames of a film of the same person: lips stay where they are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from dubtool.face.blend import Placed, mask_over, match_colour, to_mouth_box
from dubtool.face.crop import to_pixels
from dubtool.face.grain_match import Compared
from dubtool.face.mask import mouth_mask
from dubtool.face.painting_over import HIDDEN
from dubtool.face.reference_warp import MOUTH_POINTS, SKIN, Place, Reference, warped_mouth
from dubtool.face.retrieval import Looks, MouthCosts
from dubtool.face.shape import ShapeModel
from dubtool.face.tint import coloured, is_tinted, tinted
from dubtool.jobs.restore_teeth.same_moment import shown_as
from dubtool.jobs.shared.cutout import control_points, reduced
from dubtool.jobs.shared.dictionary import capacity, chosen_rows, looks_of, read_references
from dubtool.jobs.shared.mouth_place import MASK_SIZE, inner_mask, place_over
from dubtool.jobs.shared.reference_plan import plan_references
from dubtool.media.decode import VideoReader
from dubtool.media.frame import Frame
from dubtool.tracking.person import Chosen

# Tools spoil more than the lips: all the skin from the nose to the jaw and out to the cheeks' sides is made anew. LPIPS
# over the mouth box falls to 0.57 to 0.66 of before by it; within the dub's own mask it was 0.73 to 0.81.
_SPOILED, _REACH = (0.0, 2.0, -1.0, 1.0), 1.4
# Where the frame itself is there, the edges of the tool's box go, too, that lie beside the jaw and below the chin.
_WIDER = 1.35

# So many references are looked at for whether the film has colours.
_LOOKS = 8


class BorrowedMouths:
    """One person's mouths in a video, made of the frames of another.

    Where none of these is like what is wanted, the video's own mouth stays, as softly as `Plan` says. moments: for each
    row of the chosen one's motion the row of the source's that shows the same moment, -1 for none: there the skin
    around the mouth is that frame's own.
    """

    def __init__(self, chosen: Chosen, source: Chosen, model: ShapeModel, moments: np.ndarray) -> None:
        self._chosen, self._source, self._moments = chosen, source, moments
        self._costs = MouthCosts(model)
        self._to_crop = to_pixels(chosen.motion.unit, MASK_SIZE)
        self._references: list[Reference] = []

    def prepare(
        self, reader: VideoReader, usable: np.ndarray, numbers: np.ndarray, rows: np.ndarray, frame_count: int
    ) -> dict[str, Any]:
        """Read the references and choose them for every frame to be made; what the report tells of it.

        reader: of the source. usable: rows of the source's motion that may be shown, bool [N]. numbers: of the output
        frames that are to be made, rising [T]; rows: of the motion they stand on [T]. frame_count: of the output.
        """
        motion, own = self._chosen.motion, self._source.motion
        # Shots of two films have nothing to do with each other.
        wanted = _anywhere(looks_of(self._chosen, rows))
        kept = chosen_rows(self._source, np.flatnonzero(usable), wanted, self._costs, capacity(own, None))
        known = _anywhere(looks_of(self._source, kept))
        side = 2 / float(np.sqrt(np.median(np.abs(np.linalg.det(motion.unit[:, :, :2])))))
        self._references = [reduced(each, side) for each in read_references(reader, self._source, kept, None)]
        # Black and white film gives what is fine, and no colour.
        tints = [
            is_tinted(each.picture.astype(np.float32)) for each in self._references[:: max(1, len(kept) // _LOOKS)]
        ]
        self._colourless = bool(np.mean(tints) > 0.5) if tints else False
        opened = motion.opening[rows], own.opening[kept]
        self._plan = plan_references(self._costs, wanted, known, opened, own.frames[kept], numbers, frame_count)
        return {
            "references": len(kept),
            "changes": len(self._plan.switches(numbers)),
            "frames_unlike": int((self._plan.unlike[numbers] == 1).sum()),
        }

    def unlike(self, number: int) -> float:
        """How little the references will do for an output frame, 0..1."""
        return float(self._plan.unlike[number])

    def make(self, frame: Frame, number: int, row: int, moment: Frame | None = None) -> Placed | None:
        """The mouth of one output frame, in the colours of what is around it.

        row: of the motion. moment: the source's frame of the same moment, where there is one.
        """
        control = control_points(self._chosen.person.tracks, self._chosen.motion, np.array([row]))[0]
        mouth, rim = control[:MOUTH_POINTS], control[MOUTH_POINTS:]
        covered = np.concatenate([mouth, control[list(SKIN)]])
        if moment is not None:
            middle = covered.mean(axis=0)
            covered = (covered - middle) * _WIDER + middle
        unit = self._chosen.motion.unit[row]
        place = place_over(frame, unit, self._to_crop[row], covered, mouth, rim, hidden=_SPOILED, reach=_REACH)
        if place is None:
            return None
        if moment is not None:
            made = self._over_moment(frame, moment, place, number, row)
            return Placed(place.box, Compared(place.source, tinted(made, place.source), place.weight), place.beyond)
        if self.unlike(number) == 1:
            return None
        made = self._warped(place, number, place.source)
        weight = self._faded(place.weight, place, number)
        return Placed(place.box, Compared(place.source, tinted(made, place.source), weight), place.beyond)

    def _over_moment(self, frame: Frame, moment: Frame, place: Place, number: int, row: int) -> np.ndarray:
        """The lower face over the place's box: the skin of the moment as it was filmed, and on it the mouth."""
        skin = shown_as(moment, place.box, (frame.width, frame.height))
        if self._colourless:
            skin = coloured(skin, place.source)
        own = np.array([self._moments[row]])
        there = control_points(self._source.person.tracks, self._source.motion, own)[0, :MOUTH_POINTS]
        mask = mouth_mask(np.stack([place.mouth, there]), MASK_SIZE, HIDDEN)
        weight = mask_over(mask, to_mouth_box(self._to_crop[row], MASK_SIZE), place.box)
        mouth = place.source
        if self.unlike(number) < 1:
            made = self._warped(replace(place, source=skin, weight=weight), number, place.source)
            mouth = mouth + self._faded(np.ones_like(weight), place, number)[..., None] * (made - mouth)
        whole = skin + weight[..., None] * (mouth - skin)
        return match_colour(whole, place.source, place.weight, place.side)

    def _warped(self, place: Place, number: int, own: np.ndarray) -> np.ndarray:
        """The references' mouth; of a source without colours in those of `own`, the frame's pixels."""
        made = warped_mouth(self._references, self._plan.picks(number), place)
        return coloured(made, own) if self._colourless else made

    def _faded(self, weight: np.ndarray, place: Place, number: int) -> np.ndarray:
        """`weight` [h, w] as far as the references will do."""
        inside = float(self._plan.inside[number])
        weight = weight * np.float32(1 - self.unlike(number))
        return weight * (1 - np.float32(inside) * inner_mask(place, place.box)) if inside > 0 else weight


def _anywhere(looks: Looks) -> Looks:
    return Looks(looks.shapes, looks.angles, np.zeros_like(looks.shots))
