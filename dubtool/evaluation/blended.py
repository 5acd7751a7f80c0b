"""Where a dub put its new mouth: the job's own masks, made again from what the job saw."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from dubtool.evaluation.analysed import TrackedSpeaker
from dubtool.evaluation.context import EvaluationContext
from dubtool.face.blend import mask_over, to_mouth_box
from dubtool.face.crop import to_pixels
from dubtool.face.mask import mouth_mask
from dubtool.jobs.dub.conditioning import conditioner
from dubtool.jobs.dub.expression import Expression, TimedShapes
from dubtool.jobs.dub.reach import Reach, ReachedShapes
from dubtool.jobs.shared.mouth_place import MASK_SIZE, chin_reach, mask_of
from dubtool.jobs.shared.options import RETRIEVAL
from dubtool.media.sampling import Box, bounds
from dubtool.speech.shapes import speech_shapes
from dubtool.weights.locate import find

# A chroma sample stands for two by two pixels: one more on each side may change with the mask's last pixel.
_SPILL = 2


class Blended:
    """Masks of a dub of `seen` with `speech`, whose frames stand at the same times as the source's.

    speech: 16 kHz mono. reach: of the person, as the job found it. A frame near a passed-through one has its mask for
    the full new mouth, which covers the eased.
    """

    def __init__(self, context: EvaluationContext, seen: TrackedSpeaker, speech: Path, reach: Reach) -> None:
        self._seen, self._spec = seen, context.spec
        device = context.options["device"]
        shapes: TimedShapes | None = None
        if reach != Reach():
            heard = speech_shapes(speech, find("whisper"), find("speech_shapes"), device=device)
            shapes = ReachedShapes(heard, reach, context.shapes, seen.motion.rest)
        self._source = conditioner(
            context.spec, seen.motion, context.shapes, speech, expression=Expression(), device=device, shapes=shapes
        )
        self._retrieval = context.options["model"] == RETRIEVAL
        self._to_crop = to_pixels(seen.motion.unit, MASK_SIZE if self._retrieval else context.spec.size)

    def weights(self, frame: int) -> tuple[np.ndarray, Box]:
        """How much of the new mouth each picture pixel shows, float32 [h, w] in 0..1, and the pixels' box."""
        row = self._seen.rows[frame]
        wanted = self._source.at(self._seen.times[frame : frame + 1], np.array([row]), np.ones(1))
        mouths = wanted.mouths[0]
        video = self._seen.info.require_video()
        picture = video.upright_width, video.upright_height
        if self._retrieval:
            return mask_of(self._to_crop[row], mouths, *picture, reach=chin_reach(mouths))
        mask = mouth_mask(mouths, self._spec.size, self._spec.hidden)
        to_box = to_mouth_box(self._to_crop[row], self._spec.size)
        box = bounds(to_box, len(mask), len(mask), *picture)
        return mask_over(mask, to_box, box), box


def may_change(weights: np.ndarray, box: Box, shape: tuple[int, ...]) -> np.ndarray:
    """The pixels of a picture of `shape` [H, W] that a dub with these weights may change: bool [H, W]."""
    region = np.zeros(shape[:2], np.uint8)
    region[box[1] : box[3], box[0] : box[2]] = weights > 0
    side = 2 * _SPILL + 1
    return np.asarray(cv2.dilate(region, np.ones((side, side), np.uint8))) > 0
