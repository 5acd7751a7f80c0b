"""Examples for a painter over deformed references: a frame, and what its person's other frames make of its mouth."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dubtool.errors import InputError
from dubtool.face.crop import CropSize
from dubtool.face.mask import mouth_mask
from dubtool.face.painting_over import HIDDEN, mouth_box, painter_input, shrunken_into
from dubtool.face.reference_warp import MOUTH_POINTS, Picks, Place, warped_mouth
from dubtool.face.retrieval import INNER_OF_DUBS, MouthCosts, nearest_apart
from dubtool.face.shape import ShapeModel
from dubtool.training.data.chance import Drawing
from dubtool.training.data.cutouts import CutoutClip, by_person

# References nearer in time would show the very mouth that is to be made; in short clips a third of them is enough.
_GAP, _SHORT_GAP = 25, 1 / 3
_VOTERS, _APART = 4, 3
# A path over time does not always come by the nearest reference: one of so many is taken, the nearer the likelier.
_RANKS = 8
# How often a second reference is faded in, and the light changes between reference and frame.
_FADED, _RELIT = 0.25, 0.3
_FADE = 1 / 3


@dataclass(frozen=True)
class WarpSample:
    """One example: given float32 [13, S, S] (`face.painting_over`), true [3, S, S], both in 0..1; mask [S, S]."""

    given: np.ndarray
    true: np.ndarray
    mask: np.ndarray


class WarpSampler(Drawing):
    """Draws samples, people balanced, some mirrored, some in other light.

    side: of the mouth box, px.

    Raises:
        InputError: there is no clip to draw from.
    """

    def __init__(self, clips: list[CutoutClip], model: ShapeModel, side: int, seed: int) -> None:
        if not clips:
            raise InputError("there are no prepared cut-outs; run 'dubtool train prepare --cutouts'")
        self._people = by_person(clips)
        self._costs, self._side = MouthCosts(model, INNER_OF_DUBS), side
        self.rng = np.random.default_rng(seed)

    def draw(self) -> WarpSample:
        rng = self.rng
        clips = self._people[rng.integers(len(self._people))]
        clip = clips[rng.integers(len(clips))]
        row = int(rng.integers(len(clip.frames)))
        gap = min(_GAP, int(_SHORT_GAP * (clip.frames[-1] - clip.frames[0])))
        far = np.flatnonzero(np.abs(clip.frames - clip.frames[row]) >= gap)
        picks = self._picks(clip, row, far)
        light = rng.uniform(0.8, 1.2) * rng.uniform(0.93, 1.07, 3) if rng.random() < _RELIT else np.ones(3)
        other = clip.modelled(int(rng.integers(len(clip.frames))))
        sample = self.made(clip, row, picks, light.astype(np.float32), other)
        if rng.random() < 0.5:
            return WarpSample(
                *(np.ascontiguousarray(each[..., ::-1]) for each in (sample.given, sample.true, sample.mask))
            )
        return sample

    def made(
        self, clip: CutoutClip, row: int, picks: Picks, light: np.ndarray | None = None, other: np.ndarray | None = None
    ) -> WarpSample:
        """One example. light: gain of each channel, float32 [3]. other: a mouth [55, 2] that the mask covers, too."""
        side, frame = self._side, clip.references[row]
        to_unit = cv2.invertAffineTransform(frame.from_unit)
        source = shrunken_into(frame.picture.astype(np.float32), mouth_box(to_unit, side), side)
        source = np.clip(source, 0, 255)
        if light is not None:
            source = np.minimum(source * light, 255)
        covered = frame.modelled[None] if other is None else np.stack([frame.modelled, other])
        mask = mouth_mask(covered, CropSize(side), HIDDEN)
        box_to_unit = cv2.invertAffineTransform(mouth_box(np.eye(2, 3), side))
        rim = frame.control[MOUTH_POINTS:]
        place = Place((0, 0, side, side), source, mask, box_to_unit, frame.modelled, rim)
        warped = warped_mouth(clip.references, picks, place)
        second = picks.voters[0] if picks.voters else picks.shown
        beside = warped_mouth(clip.references, Picks(second, second, 0.0, ()), place)
        given = painter_input(warped, beside, source, mask, frame.modelled)
        return WarpSample(given, (source.transpose(2, 0, 1) / 255).astype(np.float32), mask)

    def nearest(self, clip: CutoutClip, row: int, gap: int) -> Picks:
        """The nearest references of a row, at least `gap` frames away, as a dub without a path would pick them."""
        far = np.flatnonzero(np.abs(clip.frames - clip.frames[row]) >= gap)
        order = self._order(clip, row, far, 1 + _VOTERS)
        return Picks(order[0], order[0], 0.0, tuple(order[1:]))

    def _picks(self, clip: CutoutClip, row: int, far: np.ndarray) -> Picks:
        rng = self.rng
        order = self._order(clip, row, far, _RANKS + _VOTERS)
        # The nearer the likelier: a falling line.
        rank = min(int(_RANKS * (1 - np.sqrt(rng.random()))), len(order) - 1)
        shown = order.pop(rank)
        voters = order[: _VOTERS if rng.random() < 0.9 else 0]
        faded = bool(voters) and rng.random() < _FADED
        into = int(rng.choice(voters)) if faded else shown
        return Picks(shown, into, _FADE if faded else 0.0, tuple(voters))

    def _order(self, clip: CutoutClip, row: int, far: np.ndarray, count: int) -> list[int]:
        """Rows of the cheapest references among `far`, the best first."""
        wanted, known = clip.looks(np.array([row])), clip.looks(far)
        found = nearest_apart(self._costs(wanted, known), clip.frames[far], count, _APART)[0]
        return [int(far[each]) for each in found if each >= 0]
